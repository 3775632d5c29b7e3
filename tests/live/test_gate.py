"""The regression gate on supernets: changed cells are run again with the suite's own searches and evaluations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.errors import HarnessError
from harness.live.benchmark import LiveSettings
from harness.regression import baseline as baselines
from harness.regression.check import check
from harness.regression.compare import compare
from harness.running.records import read_run
from harness.running.runner import run
from harness.suites.group import groups_of
from harness.suites.reading import make_suite
from harness.suites.suite import Suite

SUITE: dict[str, Any] = {
    "name": "live",
    "seeds": "0:2",
    "benchmarks": ["live/nasbench201-digits"],
    "budgets": {"epochs": [1, 2]},
    "search": {"channels": 4, "cells": 1, "reductions": 1, "batch_size": 256, "alpha_betas": [0.4, 0.9]},
    "evaluation": {"epochs": 2, "channels": 5, "cells": 1, "reductions": 1, "proxy_epochs": 1, "cutout": 2},
    "methods": [{"name": "random-architecture", "architectures": 1}, {"name": "single-level"}],
}
LEVELS = {"name": "level-schedule", "phases": [[0, "darts-2nd"], [1, "milenas-1st"]]}


@pytest.mark.parametrize("benchmarks", [["live/nasbench201-digits", "live/darts-digits"], ["one-shot/digits201"]])
def test_settings_read_back_are_the_same(benchmarks: list[str]) -> None:
    tables = {} if benchmarks[0].startswith("live") else {"evaluation": {"proxy_epochs": 1}}
    suite = make_suite(
        SUITE
        | {"benchmarks": benchmarks, "methods": [*SUITE["methods"], LEVELS], "budgets": {"epochs": [3, 4]}}
        | tables
    )
    written = json.loads(json.dumps(suite.resolved()))
    again = Suite.from_resolved(written)
    assert [group.key(0) for group in again.groups()] == [group.key(0) for group in suite.groups()]
    assert json.loads(json.dumps(again.resolved())) == written
    settings = LiveSettings.from_json(again.groups()[0].settings)
    assert settings.search.alpha_betas == (0.4, 0.9)
    assert settings.search.epochs == 3


def test_settings_of_another_release_are_refused() -> None:
    written = json.loads(json.dumps(make_suite(SUITE).resolved()))
    settings = [json.loads(text) for text in written["settings"]]
    for one in settings:
        del one["search"]["clip"]
    written["settings"] = [json.dumps(one, sort_keys=True) for one in settings]
    with pytest.raises(HarnessError, match=r"settings.search.clip nothing there, 5.0 here"):
        Suite.from_resolved(written)
    assert len(groups_of(written)) == 4  # they can still be read


@pytest.mark.slow
def test_a_live_run_is_checked_with_its_own_settings(tmp_path: Path) -> None:
    one = SUITE | {"budgets": {"epochs": 1}, "seeds": "0:5"}
    run(one, tmp_path / "old")
    changed = [SUITE["methods"][0], {"name": "darts-1st", "label": "single-level"}]
    run(one | {"methods": changed}, tmp_path / "new")
    baseline = baselines.cells_of_run(tmp_path / "old")
    average, supernet = baseline.cells.values()
    assert supernet.reference == average.reference == pytest.approx(average.test.mean())
    baselines.save(baseline, tmp_path / "b.json")
    loaded = baselines.load(tmp_path / "b.json")
    kept, again = (check(tmp_path / "new", loaded, rerun=rerun).methods[1] for rerun in (False, True))
    assert not again.cells[0].identical
    assert again.cells[0].change == kept.cells[0].change
    records, _, _ = read_run(tmp_path / "new")
    rerun, _, _ = read_run(tmp_path / "new" / "check" / "single-level")
    assert sorted(rerun["cell"]) == sorted(records.loc[records["label"] == "single-level", "cell"])
    other = one | {"evaluation": one["evaluation"] | {"epochs": 1}}
    run(other, tmp_path / "other")
    with pytest.raises(HarnessError, match=r"not the same problem .*evaluation.epochs 2 there, 1 here"):
        check(tmp_path / "other", loaded)
    with pytest.raises(HarnessError, match="not the same problem"):
        compare(tmp_path / "old", tmp_path / "other")
    alone = one | {"methods": [{"name": "single-level"}], "seeds": "0:1"}
    run(alone, tmp_path / "alone")
    with pytest.raises(HarnessError, match="nothing says what an RI point is"):
        baselines.cells_of_run(tmp_path / "alone")
