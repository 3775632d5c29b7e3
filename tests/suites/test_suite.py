"""Suites in which not every method is run on every benchmark, or sees the same columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import harness
from harness.cli import main
from harness.errors import HarnessError
from harness.suites import suite as suite_module
from harness.suites.catalogue import benchmark_names
from harness.suites.group import groups_of
from harness.suites.reading import make_suite

LEVEL = {"name": "milenas-1st", "benchmarks": ["synthetic/*"], "metrics": ["train_loss", "valid_loss"]}


def document(*methods: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "name": "part",
        "seeds": "0:3",
        "benchmarks": ["synthetic/ridge", "nasbench-graph/cora"],
        "budgets": {"evaluations": 10},
        "methods": [{"name": "random"}, *methods],
    } | more


def test_a_method_on_some_benchmarks() -> None:
    suite = make_suite(document(LEVEL))
    groups = list(suite.groups())
    assert [(group.benchmark, group.method.name, group.metrics) for group in groups] == [
        ("synthetic/ridge", "random", ()),
        ("synthetic/ridge", "milenas-1st", ("train_loss", "valid_loss")),
        ("nasbench-graph/cora", "random", ()),
    ]
    assert groups_of(json.loads(json.dumps(suite.resolved()))) == groups


def test_the_cells_of_others_stay_the_same() -> None:
    alone = {group.benchmark: group.key(0) for group in make_suite(document()).groups()}
    beside = {g.benchmark: g.key(0) for g in make_suite(document(LEVEL)).groups() if g.method.name == "random"}
    assert alone == beside


def test_columns_of_a_method_stand_for_those_of_the_suite() -> None:
    suite = make_suite(document(LEVEL | {"metrics": []}, benchmarks=["synthetic/ridge"], metrics=["train_loss"]))
    assert [group.metrics for group in suite.groups()] == [("train_loss",), ()]


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ({"benchmarks": ["synthetic/rigde"]}, "unknown benchmark 'synthetic/rigde'; did you mean 'synthetic/ridge'"),
        ({"benchmarks": 3}, "benchmarks of method milenas-1st: wanted a list of texts"),
        ({"metrics": [3]}, "metrics of method milenas-1st: wanted a list of texts"),
        ({"metrics": ["test"]}, "for the report only"),
        ({"benchmarks": ["nasbench-graph/*"]}, "unknown column 'train_loss'"),
    ],
)
def test_wrong_values_are_named(method: dict[str, Any], message: str) -> None:
    with pytest.raises(HarnessError) as error:
        list(make_suite(document(LEVEL | method)).groups())
    assert message in str(error.value)


def test_a_benchmark_that_nothing_is_run_on() -> None:
    wanted = document() | {"methods": [{"name": "random", "benchmarks": ["synthetic/*"]}]}
    with pytest.raises(HarnessError, match="no method is run on benchmark nasbench-graph/cora; leave it out"):
        make_suite(wanted)


def test_a_method_whose_benchmarks_are_not_the_suites_is_left_out() -> None:
    suite = make_suite(document(LEVEL, benchmarks=["nasbench-graph/cora"]))
    assert [method.label for method in suite.methods] == ["random"]


def test_the_report_leaves_out_what_was_not_run(tmp_path: Path) -> None:
    (tmp_path / "part.toml").write_text(
        """
        seeds = "0:4"
        benchmarks = ["synthetic/ridge", "nasbench-graph/cora"]
        budgets = {evaluations = 20}
        [[methods]]
        name = "random"
        [[methods]]
        name = "milenas-1st"
        benchmarks = ["synthetic/*"]
        metrics = ["train_loss", "valid_loss"]
        """
    )
    assert main(["run", str(tmp_path / "part.toml"), "-o", str(tmp_path / "out"), "-j", "1", "-q"]) == 0
    table = pd.read_csv(tmp_path / "out" / "report" / "tables" / "relative_improvement.csv")
    assert set(table.loc[table["method"] == "milenas-1st", "benchmark"]) == {"synthetic/ridge"}
    assert set(table.loc[table["method"] == "random", "benchmark"]) == {"synthetic/ridge", "nasbench-graph/cora"}
    assert main(["status", str(tmp_path / "out")]) == 0


@pytest.mark.parametrize("seeds", [5, "5", " 5 ", "05"])
def test_a_number_alone_is_no_seeds(seeds: int | str) -> None:
    with pytest.raises(HarnessError, match=r"write 0:5 for 5 seeds, or 5:6 for seed 5 alone$"):
        make_suite(document(seeds=seeds))


@pytest.mark.parametrize(
    ("seeds", "wanted"),
    [("0:5", [0, 1, 2, 3, 4]), ("5:6", [5]), ([5], [5]), ("5,6", [5, 6]), ("0:2,7", [0, 1, 7]), (range(2, 4), [2, 3])],
)
def test_seeds_as_documented(seeds: Any, wanted: list[int]) -> None:
    assert list(make_suite(document(seeds=seeds)).seeds) == wanted


@pytest.mark.parametrize("name", ["synthetic/ridge", "live/darts-digits", "one-shot/digits201"])
def test_every_benchmark_that_is_listed_can_be_loaded(name: str) -> None:
    assert name in benchmark_names()
    assert harness.load_benchmark(name).name == name


def test_a_suite_is_resolved_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    real = suite_module.load_benchmark
    monkeypatch.setattr(suite_module, "load_benchmark", lambda name: asked.append(name) or real(name))
    suite = make_suite(
        {
            "seeds": "0:2",
            "benchmarks": ["synthetic/*"],
            "budgets": {"evaluations": [5, 9]},
            "methods": [{"name": "random"}],
        }
    )
    assert groups_of(suite.resolved()) == list(suite.groups())
    assert asked == list(suite.benchmarks)
