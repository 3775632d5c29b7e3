"""Settings of the trainer that a method of a suite has for itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness.errors import HarnessError
from harness.suites.group import groups_of
from harness.suites.reading import make_suite, spot_suite
from harness.suites.suite import Suite

pytest.importorskip("torch", reason="needs the extra `live`")

DIGITS = "live/nasbench201-digits"
SEARCH = {"channels": 2, "cells": 3, "batch_size": 64, "learning_rate": 0.1}


def suite(*methods: dict[str, Any], **more: Any) -> Suite:
    return make_suite(
        {
            "seeds": "0:1",
            "benchmarks": [DIGITS],
            "budgets": {"epochs": 1},
            "search": SEARCH,
            "evaluation": {"channels": 2, "cells": 3, "epochs": 1},
            "methods": [{"name": "random-architecture"}, *methods],
        }
        | more
    )


def keys(*methods: dict[str, Any], **more: Any) -> list[str]:
    return [group.key(0) for group in suite(*methods, **more).groups()][1:]


def test_they_are_in_the_key_where_they_differ_only() -> None:
    (plain,) = keys({"name": "darts-1st"})
    assert keys({"name": "darts-1st", "search": {}}) == [plain]
    assert keys({"name": "darts-1st", "search": {"learning_rate": 0.1, "momentum": 0.9}}) == [plain]
    (own,) = keys({"name": "darts-1st", "search": {"learning_rate": 1}})
    assert own != plain
    # It is the cell of a suite whose methods all have that setting.
    assert keys({"name": "darts-1st"}, search=SEARCH | {"learning_rate": 1.0}) == [own]
    assert keys({"name": "darts-1st", "search": {"learning_rate": 1}}, search=SEARCH | {"learning_rate": 0.5}) == [own]


def test_a_suite_that_was_written_has_them_still() -> None:
    made = suite(
        {"name": "darts-1st"},
        {"name": "darts-1st", "label": "slow", "search": {"alpha_learning_rate": 1e-4, "expected_size": [2]}},
    )
    written = json.loads(json.dumps(made.resolved()))
    assert groups_of(written) == list(made.groups())
    assert [group.key(0) for group in groups_of(written)] == [group.key(0) for group in made.groups()]
    again = Suite.from_resolved(written, methods={"slow"})
    assert [group.key(7) for group in again.groups()] == [made.groups()[2].key(7)]
    assert ["search" in method for method in written["methods"]] == [False, False, True]


def test_a_text_is_a_parameter_of_a_method_that_has_one() -> None:
    (group,) = suite({"name": "one-shot", "search": "local-search"}).groups()[1:]
    assert group.method.params["search"] == "local-search"
    assert group.method.search == {}


def test_on_the_command_line() -> None:
    made = spot_suite([DIGITS], ["darts-1st,search.alpha_learning_rate=0.01"], "epochs=1", "0:1")
    assert [spec.label for spec in made.methods] == ["random", "darts-1st,search.alpha_learning_rate=0.01"]
    assert made.methods[1].search == {"alpha_learning_rate": 0.01}


@pytest.mark.parametrize(
    ("methods", "more", "message"),
    [
        (
            [{"name": "darts-1st", "search": {"alpha_rate": 1.0}}],
            {},
            "method darts-1st: search: unknown key 'alpha_rate'",
        ),
        ([{"name": "darts-1st", "search": {"epochs": 3}}], {}, "method darts-1st: search: epochs are the budget"),
        ([{"name": "darts-1st", "search": {"batch_size": 10**6}}], {}, "method darts-1st: search: batch_size 1000000"),
        (
            [{"name": "darts-1st"}, {"name": "darts-1st", "label": "b", "search": {"batch_norm": "odd"}}],
            {},
            "method b: search: unknown batch norm 'odd'",
        ),
        (
            [
                {"name": "darts-1st", "search": {"augment": True}},
                {"name": "darts-1st", "label": "b", "search": {"augment": True}},
            ],
            {},
            "'darts-1st' and 'b' are the same method with the same parameters",
        ),
        (
            [{"name": "darts-1st"}, {"name": "darts-1st", "label": "b", "search": {"momentum": 0.9}}],
            {},
            "'darts-1st' and 'b' are the same method under the same settings; leave one out",
        ),
        (
            [{"name": "local-search", "search": {"augment": True}}],
            {"benchmarks": ["synthetic/ridge"], "budgets": {"evaluations": 5}, "methods": []},
            "method local-search: search: benchmark synthetic/ridge is a table",
        ),
    ],
)
def test_what_cannot_be(methods: list[dict[str, Any]], more: dict[str, Any], message: str) -> None:
    if "methods" in more:
        more = more | {"methods": methods}
    with pytest.raises(HarnessError, match=message) as raised:
        suite(*methods, **more).groups()
    assert "\n" not in str(raised.value)


def test_a_run_with_them_and_its_report(tmp_path: Path, cli: Callable[..., Any]) -> None:
    file = tmp_path / "ablation.toml"
    file.write_text(
        f'seeds = "0:1"\nbenchmarks = ["{DIGITS}"]\n[budgets]\nepochs = 1\n'
        "[search]\nchannels = 2\ncells = 3\nbatch_size = 64\nlearning_rate = 0.1\n"
        "[evaluation]\nchannels = 2\ncells = 3\nepochs = 1\n"
        '[[methods]]\nname = "random-architecture"\n[[methods]]\nname = "darts-1st"\n'
        '[[methods]]\nname = "darts-1st"\nlabel = "slow weights"\nsearch = { learning_rate = 0.01 }\n'
    )
    out = tmp_path / "out"
    done = cli("run", file, "-o", out, "-j", "1", "-q")
    assert done.code == 0, done.err
    epochs = pd.read_parquet(out / "epochs.parquet")
    records = pd.read_parquet(out / "records.parquet").set_index("cell")["label"]
    search = epochs[epochs["phase"] == "search"]
    rates = search.groupby(search["cell"].map(records))["learning_rate"].first()
    assert rates.to_dict() == pytest.approx({"darts-1st": 0.1, "slow weights": 0.01})
    assert "search of a supernet, slow weights" in (out / "report" / "report.md").read_text()
