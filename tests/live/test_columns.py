"""Columns and constraints on benchmarks that train architectures: what is seen, what is bounded, what is no answer."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.errors import HarnessError
from harness.live.benchmark import LiveBenchmark
from harness.live.columns import LookedUp
from harness.live.problem import LiveProblem
from harness.methods.base import make_method, run_search
from harness.problem.budget import Budget
from harness.problem.constraint import Constraint, parse_constraints
from harness.problem.terms import Terms
from harness.reporting import build_report
from harness.running.pilot import PilotProblem
from harness.running.records import read_epochs, read_run
from harness.running.runner import run
from harness.streams import Streams
from harness.suites.reading import make_suite
from harness.supernets.selections import BestOfRandom
from harness.supernets.shared_weights import SharedWeights
from harness.training.settings import LiveSettings, Recipe, SearchSettings

RECIPE = {"channels": 2, "cells": 1, "reductions": 0, "epochs": 1, "batch_size": 320}
SETTINGS = LiveSettings(
    search=SearchSettings(channels=2, cells=1, epochs=2, batch_size=320),
    evaluation=Recipe(**RECIPE),
    proxy=Recipe(**RECIPE),
    device="cpu",
)
SUITE = {
    "name": "sized",
    "seeds": "0:2",
    "benchmarks": ["live/nasbench201-digits"],
    "search": {"channels": 2, "cells": 1, "batch_size": 320},
    "evaluation": RECIPE,
}
SKIP, POINT, FULL = 1, 2, 3  # candidates of an edge: a skip connection, and convolutions of 1x1 and 3x3


def weights(arch: tuple[int, ...], channels: int = 2) -> int:
    """Weights of a network of one cell on 10 classes, from the layers' definitions: convolutions without biases, batch norms."""
    stem, end, classifier = 9 * channels + 2 * channels, 2 * channels, 10 * channels + 10
    convolution = {POINT: channels**2 + 2 * channels, FULL: 9 * channels**2 + 2 * channels}
    return stem + end + classifier + sum(convolution.get(choice, 0) for choice in arch)


def operations(arch: tuple[int, ...], channels: int = 2) -> int:
    """Twice the multiply-adds of that network on one image of 8x8; of edges that pass something on."""
    per_pixel = {POINT: channels**2, FULL: 9 * channels**2}
    return 2 * (64 * (9 * channels + sum(per_pixel.get(choice, 0) for choice in arch)) + 10 * channels)


def problem_of(
    kind: type[LiveProblem] = LiveProblem, metrics: tuple[str, ...] = (), epochs: int = 2, **bounds: str
) -> Any:
    benchmark = LiveBenchmark("live/nasbench201-digits")
    splits = benchmark.splits(0)
    terms = benchmark.terms(metrics, parse_constraints(bounds), splits, SETTINGS.evaluation)
    return kind("nasbench201", benchmark.space, splits, SETTINGS, Budget("epochs", epochs), 0, terms=terms)


def test_columns_are_counted_at_the_size_of_the_evaluation() -> None:
    problem = problem_of(PilotProblem, ("params", "flops"), epochs=3)
    for arch in [(SKIP,) * 6, (POINT, SKIP, SKIP, SKIP, SKIP, SKIP), (FULL, POINT, SKIP, FULL, SKIP, POINT)]:
        assert problem.evaluate(arch).metrics == {"params": weights(arch), "flops": operations(arch)}
    assert problem_of(PilotProblem).evaluate((FULL,) * 6).metrics == {}


def test_infeasible_architectures_cost_the_budget_and_stand_below_all_others() -> None:
    small, large, larger = (SKIP,) * 6, (FULL, *(SKIP,) * 5), (FULL, FULL, *(SKIP,) * 4)
    bound = weights(small)
    problem = problem_of(epochs=3, params=f"<= {bound}")
    evaluations = [problem.evaluate(arch) for arch in (large, larger, small)]
    assert [evaluation.feasible for evaluation in evaluations] == [False, False, True]
    assert [evaluation.metrics["params"] for evaluation in evaluations] == [*map(weights, (large, larger, small))]
    assert [evaluation.score for evaluation in evaluations[:2]] == pytest.approx(
        [-(weights(arch) - bound) / bound for arch in (large, larger)]
    )
    assert evaluations[2].score == problem_of().evaluate(small).score > 0
    assert (problem.spent, problem.exhausted) == (3, True)


def test_excess_adds_up_in_parts_of_the_bounds() -> None:
    terms = Terms(constraints=(Constraint("a", "<=", 4.0), Constraint("b", ">=", 10.0), Constraint("c", "<=", 0.0)))
    assert terms.excess({"a": 5.0, "b": 5.0, "c": 3.0}) == 0.25 + 0.5 + 3
    assert terms.excess({"a": 4.0, "b": 10.0, "c": -1.0}) == 0


def test_candidates_of_a_supernet_are_those_that_are_allowed() -> None:
    bound = weights((SKIP,) * 6)
    net = problem_of(metrics=("flops",), params=f"<= {bound}").supernet()
    problem = SharedWeights(net, 2)
    infeasible = problem.evaluate((FULL,) * 6)
    assert (infeasible.feasible, set(infeasible.metrics)) == (False, {"params", "flops"})
    assert infeasible.score == pytest.approx(-(weights((FULL,) * 6) - bound) / bound)
    assert problem.incumbent == (FULL,) * 6  # nothing else was met
    assert problem.evaluate((SKIP,) * 6).score >= 0
    assert problem.incumbent == (SKIP,) * 6

    class Trained:
        pass

    search: Any = Trained()
    search.net = net
    assert weights(BestOfRandom(40)(search, Streams("somewhere", 0))) <= bound
    unbound: Any = Trained()
    unbound.net = problem_of().supernet()
    assert weights(BestOfRandom(20)(unbound, Streams("somewhere", 0))) > bound


def test_random_architectures_are_drawn_again_until_they_are_allowed() -> None:
    bound = weights((FULL, *(SKIP,) * 5))
    found = run_search(make_method("random-architecture"), problem_of(params=f"<= {bound}"), Streams("here", 1))
    assert [weights(arch) <= bound for arch in found.sample] == [True] * 4
    free = run_search(make_method("random-architecture"), problem_of(), Streams("here", 1))
    assert free.sample != found.sample
    with pytest.raises(HarnessError, match=r"none of 1,000 random architectures satisfies params <= 3$"):
        run_search(make_method("random-architecture"), problem_of(params="<= 3"), Streams("here", 1))


def test_a_supernet_sees_of_its_table_what_belongs_to_an_architecture_itself(make_table: Any) -> None:
    table = make_table()
    columns = LookedUp(table, ("latency",))
    arch = tuple(table.codes[5].tolist())
    assert columns(arch) == {"latency": table.columns["latency"][5]}
    held = {name for name, value in vars(columns).items() if isinstance(value, np.ndarray)}
    assert held == {"_rows"}
    with pytest.raises(HarnessError, match="for the report only"):
        LookedUp(table, ("test",))


def test_plan_trains_nothing_of_what_is_infeasible() -> None:
    problem = problem_of(PilotProblem, params="<= 3")
    problem.evaluate((FULL,) * 6)
    assert problem.seconds == 0


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Methods of every kind under a bound that half of the space keeps, and a report."""
    folder = tmp_path_factory.mktemp("sized") / "run"
    methods = [
        {"name": "random"},
        {"name": "nsga2", "population": 2, "minimize": ["params"]},
        {"name": "random-search-ws", "candidates": 2},
        {
            "name": "given",
            "architectures": [
                "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|"
            ],
        },
    ]
    bounds = {"metrics": ["params"], "constraint": {"flops": f"<= {operations((FULL, FULL, *(SKIP,) * 4))}"}}
    run(SUITE | bounds | {"budgets": {"epochs": 4}, "methods": methods}, folder, backend="sequential")
    build_report(folder)
    return folder


def test_every_answer_satisfies_the_constraint_or_its_cell_says_so(output: Any) -> None:
    records = read_run(output)[0]
    assert records["constraint"].str.startswith("flops <= ").all()
    ok = records[records["status"] == "ok"]
    assert {"random", "nsga2"} <= set(ok["method"])
    most = operations((FULL, FULL, *(SKIP,) * 4))
    assert (ok["flops"] <= most).all()
    given = records[records["method"] == "given"]
    assert given["status"].tolist() == ["infeasible"] * 2
    assert given["error"].tolist() == [""] * 2
    assert given["params"].tolist() == [weights((FULL,) * 6)] * 2
    assert given[["valid", "test"]].isna().all(axis=None)
    assert "searches found no architecture with flops" in (output / "report" / "report.md").read_text()


def test_what_was_evaluated_is_kept_with_the_columns_that_were_shown(output: Any) -> None:
    records = read_run(output)[0].set_index("cell")
    epochs = read_epochs(output)
    assert epochs is not None
    rows = epochs[epochs["phase"] == "candidate"]
    assert (
        rows.groupby("cell").size().reindex(records.index, fill_value=0).tolist() == records["n_evaluations"].tolist()
    )
    space = LiveBenchmark("live/nasbench201-digits").space
    archs = [space.parse(text) for text in rows["arch"]]
    assert rows["params"].tolist() == [weights(arch) for arch in archs]
    assert rows["flops"].tolist() == [operations(arch) for arch in archs]
    feasible = rows["flops"] <= operations((FULL, FULL, *(SKIP,) * 4))
    assert rows["valid_accuracy"].notna().tolist() == feasible.tolist()
    counted = feasible.groupby(rows["cell"]).sum()
    assert records["n_feasible"].loc[counted.index].tolist() == counted.tolist()
    best = rows[feasible].groupby("cell")["valid_accuracy"].idxmax()
    for cell, place in best.items():
        assert records.loc[str(cell), "arch"] == rows.loc[place, "arch"]


def test_nothing_feasible_is_no_failure(tmp_path: Any) -> None:
    suite = SUITE | {"seeds": "0:1", "budgets": {"epochs": 3}, "constraint": {"params": "<= 3"}}
    run(suite | {"methods": [{"name": "random"}]}, tmp_path / "run", backend="sequential")
    (record,) = read_run(tmp_path / "run")[0].to_dict("records")
    assert (record["status"], record["arch"], record["n_evaluations"], record["n_feasible"]) == ("infeasible", "", 3, 0)
    assert pd.isna(record["test"])


def test_conditions_are_of_the_cell() -> None:
    plain = SUITE | {"budgets": {"epochs": 4}, "methods": [{"name": "random"}]}
    keys = {
        make_suite(plain | more).groups()[0].key(0)
        for more in ({}, {"metrics": ["params"]}, {"constraint": {"params": "<= 100"}})
    }
    assert len(keys) == 3
    assert "constraint" not in json.dumps(make_suite(plain).groups()[0].resolved)
