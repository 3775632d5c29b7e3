from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import harness
from harness.errors import HarnessError
from harness.methods.base import make_method, run_search
from harness.problem.budget import Budget
from harness.problem.constraint import Constraint, parse_constraints
from harness.reporting import build_report
from harness.reporting.run import load_run
from harness.running.records import read_evaluations, read_run
from harness.streams import Streams
from harness.suites.group import groups_of
from harness.suites.reading import make_suite
from harness.suites.suite import Suite
from harness.tabular.feasible import check_constraints, feasible_rows, violation
from harness.tabular.law import random_search_law
from harness.tabular.lockstep import LockstepProblem
from harness.tabular.problem import TabularProblem
from harness.tabular.table import Table

BUDGET = Budget("evaluations", 20)
FAST = (Constraint("latency", "<=", 30.0),)
BOTH = (Constraint("cost", ">=", 40.0), *FAST)


def suite_of(**more: Any) -> Suite:
    document: dict[str, Any] = {
        "seeds": "0:3",
        "benchmarks": ["nasbench-graph/cora"],
        "budgets": {"evaluations": 10},
        "methods": [{"name": "random"}],
    }
    return make_suite(document | more)


def test_constraints_are_read_as_they_are_written() -> None:
    found = parse_constraints({"params": ">=0.5", "latency": " <=  20 "})
    assert found == (Constraint("latency", "<=", 20.0), Constraint("params", ">=", 0.5))
    assert [str(constraint) for constraint in found] == ["latency <= 20", "params >= 0.5"]
    assert parse_constraints({one.column: one.condition for one in found}) == found
    exact = Constraint("latency", "<=", 0.1 + 0.2)
    assert parse_constraints({"latency": exact.condition}) == (exact,)


@pytest.mark.parametrize("condition", ["< 20", "20", "<= twenty", "<= nan", "<= inf", "== 3", 20, None, "<= 2 3", ""])
def test_what_is_no_condition_is_refused_in_one_line(condition: Any) -> None:
    with pytest.raises(HarnessError, match="constraint latency: wanted a text such as") as error:
        parse_constraints({"latency": condition})
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("constraint", "words"),
    [
        ("<= 20", "must be a table"),
        ({"latncy": "<= 20"}, "did you mean 'latency'"),
        ({"test": ">= 0.9"}, "for the report only"),
        ({"latency": "<= -1"}, "no architecture satisfies latency <= -1 .its values run from"),
    ],
)
def test_a_suite_with_a_constraint_that_cannot_be_kept_is_refused(constraint: Any, words: str) -> None:
    with pytest.raises(HarnessError, match=words):
        list(suite_of(constraint=constraint).groups())


def test_live_benchmarks_have_counted_columns_only_to_bound() -> None:
    pytest.importorskip("torch")
    more = {"benchmarks": ["live/darts-digits"], "budgets": {"epochs": 1}, "constraint": {"latency": "<= 1"}}
    with pytest.raises(HarnessError, match="unknown column 'latency'"):
        list(suite_of(**more).groups())


def test_a_constraint_is_part_of_a_cell_s_key_and_its_absence_is_not() -> None:
    (free,), (bound,) = suite_of().groups(), suite_of(constraint={"latency": "<= 20"}).groups()
    assert free.key(0) != bound.key(0)
    named = {
        "schema": 1,
        "benchmark": free.benchmark,
        "data_sha256": free.data_sha256,
        "method": "random",
        "params": {"replace": True},
        "version": free.method.version,
        "budget": ["evaluations", 10],
        "metrics": [],
    }
    assert free.key(0) == hashlib.sha256(f"{json.dumps(named, sort_keys=True)} seed 0".encode()).hexdigest()
    suite = suite_of(constraint={"latency": "<= 20"})
    assert groups_of(json.loads(json.dumps(suite.resolved()))) == [bound]


def test_violations_add_up_in_parts_of_each_column_s_range(make_table: Callable[..., Table]) -> None:
    table = make_table()
    latency, cost = table.columns["latency"], table.columns["cost"]
    expected = np.maximum(latency - 30, 0) / np.ptp(latency) + np.maximum(40 - cost, 0) / np.ptp(cost)
    np.testing.assert_allclose(violation(table, BOTH), expected)
    assert (feasible_rows(table, BOTH) == ((latency <= 30) & (cost >= 40))).all()
    check_constraints(table, BOTH)
    assert feasible_rows(table, [Constraint("latency", "<=", float(latency.min()))]).sum() == 1


@pytest.mark.parametrize("direction", ["max", "min"])
def test_no_infeasible_architecture_scores_as_much_as_a_feasible_one(
    direction: str, make_table: Callable[..., Table]
) -> None:
    table = make_table(direction=direction)
    problem = TabularProblem(table, Budget("evaluations", len(table)), (), FAST)
    found = [problem.evaluate(problem.architecture(row)) for row in range(len(table))]
    feasible = feasible_rows(table, FAST)
    assert [one.feasible for one in found] == feasible.tolist()
    assert [one.metrics["latency"] for one in found] == table.columns["latency"].tolist()
    scores = np.array([one.score for one in found])
    sign = 1 if direction == "max" else -1
    assert (scores[feasible] == sign * table.valid[feasible]).all()
    assert scores[~feasible].max() < (sign * table.valid).min()
    assert (np.argsort(-scores[~feasible]) == np.argsort(table.columns["latency"][~feasible])).all()
    every = LockstepProblem(table, Budget("evaluations", 1), len(table), FAST).evaluate(table.index_of_row())
    assert (every == scores).all()


@pytest.mark.parametrize("direction", ["max", "min"])
@pytest.mark.parametrize("epoch", [1, 4, 9])
def test_trainings_that_stop_early_keep_infeasible_architectures_behind(
    direction: str, epoch: int, make_table: Callable[..., Table]
) -> None:
    table = make_table(direction=direction, epochs=9)
    problem = TabularProblem(table, Budget("evaluations", len(table)), (), FAST)
    found = [problem.evaluate(problem.architecture(row), epoch) for row in range(len(table))]
    feasible, sign = feasible_rows(table, FAST), 1 if direction == "max" else -1
    curve = sign * table.curves["valid"][:, epoch - 1]
    assert [one.feasible for one in found] == feasible.tolist()
    scores = np.array([one.score for one in found])
    np.testing.assert_array_equal(scores[feasible], curve[feasible])
    np.testing.assert_allclose(scores[~feasible], curve.min() - violation(table, FAST)[~feasible])


@pytest.mark.parametrize("name", ["successive-halving", "hyperband"])
def test_searches_of_short_trainings_end_at_a_feasible_architecture(name: str, tmp_path: Path) -> None:
    suite = suite_of(
        methods=[{"name": name}],
        benchmarks=["synthetic/ridge"],
        budgets={"epochs": 800},
        constraint={"cost": "<= 12.5"},
        metrics=["cost"],
    )
    records = harness.run(suite, tmp_path, backend="sequential").records
    table = harness.load_benchmark("synthetic/ridge")
    feasible = table.columns["cost"] <= 12.5
    evaluated = read_evaluations(tmp_path)
    for record in records.itertuples():
        wholly = np.asarray(evaluated[record.cell])
        assert 0 < len(wholly) < record.n_evaluations  # what was trained for a while only has another score
        answers = wholly[feasible[wholly]]
        assert record.status == "ok"
        assert record.valid == table.valid[answers].max()
    report = (build_report(tmp_path).folder / "report.md").read_text()
    law = random_search_law(table, suite.constraints)
    assert f"with probability {law.none_feasible(800 // 27):.2g} at 29 draws" in report


@pytest.mark.parametrize("name", ["random", "regularized-evolution", "local-search", "reinforce"])
def test_methods_end_at_the_best_feasible_architecture(name: str, tmp_path: Path) -> None:
    suite = suite_of(
        methods=[{"name": name}],
        benchmarks=["synthetic/ridge"],
        budgets={"evaluations": 40},
        constraint={"cost": "<= 12.5"},
        metrics=["cost"],
    )
    records = harness.run(suite, tmp_path, backend="sequential").records
    table = harness.load_benchmark("synthetic/ridge")
    feasible = table.columns["cost"] <= 12.5
    evaluated = read_evaluations(tmp_path)
    assert (records["constraint"] == "cost <= 12.5").all()
    for record in records.itertuples():
        rows = np.asarray(evaluated[record.cell])
        assert record.n_evaluations == len(rows) == 40
        assert record.n_feasible == feasible[rows].sum() > 0
        assert record.valid == table.valid[rows[feasible[rows]]].max()
        assert record.test_best == table.test[rows[feasible[rows]]].max()


def test_lockstep_takes_the_same_decisions_under_a_constraint(make_table: Callable[..., Table]) -> None:
    table = make_table()
    method = make_method("regularized-evolution", population=5)
    lockstep = LockstepProblem(table, BUDGET, 4, BOTH)
    method.lockstep(lockstep, table.name, range(4))  # type: ignore[attr-defined]
    for seed in range(4):
        problem = TabularProblem(table, BUDGET, (), BOTH)
        run_search(method, problem, Streams(table.name, seed))
        assert (problem.history == lockstep.history[seed]).all()


def test_searches_without_an_answer_are_no_failures_and_random_search_keeps_its_law(tmp_path: Path) -> None:
    suite = suite_of(
        seeds="0:400",
        benchmarks=["synthetic/ridge"],
        budgets={"evaluations": 6},
        constraint={"cost": "<= 11"},
        methods=[{"name": "random"}, {"name": "regularized-evolution", "population": 3}],
    )
    records = harness.run(suite, tmp_path, backend="sequential").records
    law = random_search_law(harness.load_benchmark("synthetic/ridge"), suite.constraints)
    random = records[records["method"] == "random"]
    none = law.none_feasible(6)
    assert set(random["status"]) == {"ok", "infeasible"}
    assert (random["status"] == "infeasible").mean() == pytest.approx(none, abs=4 * (none * (1 - none) / 400) ** 0.5)
    answered = random[random["status"] == "ok"]
    assert abs(answered["test"].mean() - law.mean(6)) < 4 * law.std(6) / len(answered) ** 0.5
    without = records[records["status"] == "infeasible"]
    assert (without["arch"] == "").all()
    assert without[["valid", "test", "test_best"]].isna().all(axis=None)
    assert (without["n_feasible"] == 0).all()
    again = harness.run(suite, tmp_path, backend="sequential").records
    assert (again["started_at"] == records["started_at"]).all()  # nothing is run again

    run = load_run(tmp_path)
    assert run.benchmarks[0].law is not None
    assert run.benchmarks[0].law.mean(6) == law.mean(6)
    report = build_report(tmp_path)
    assert any("found no architecture with cost <= 11" in text for text in report.warnings)
    page = (report.folder / "report.md").read_text()
    assert "under cost" in page
    assert f"with probability {none:.2g} at 6 draws" in page


def test_an_infeasible_recommendation_is_no_answer(tmp_path: Path, registries: None) -> None:
    @harness.register_method("stubborn")
    @dataclasses.dataclass
    class Stubborn(harness.OwnLoop):
        """Recommends what scored least."""

        taxonomy = harness.Taxonomy("any", "random", "none", "none")

        def search(self, problem: Any, streams: Any) -> harness.SearchResult:
            uniforms = streams.uniforms("sample")
            drawn = [problem.sample(uniforms) for _ in range(10)]
            return harness.SearchResult(min(drawn, key=lambda arch: problem.evaluate(arch).score))

    suite = suite_of(
        benchmarks=["synthetic/ridge"], methods=[{"name": "stubborn"}], constraint={"cost": "<= 12"}, metrics=["cost"]
    )
    records = harness.run(suite, tmp_path, backend="sequential").records
    assert (records["status"] == "infeasible").all()
    assert (records["n_feasible"] > 0).all()
    assert records["test"].notna().all()  # what it is worth is known, and counts for nothing
    assert len(load_run(tmp_path).finished(0)) == 0
    assert set(read_run(tmp_path)[0]["status"]) == {"infeasible"}


def test_the_command_line_takes_a_constraint(tmp_path: Path, cli: Callable[..., Any]) -> None:
    on = ("run", "--benchmark", "synthetic/ridge", "--method", "local-search", "--seeds", "0:2", "--budget", "9", "-q")
    made = cli(*on, "--set", "constraint.cost=<= 12", "-o", tmp_path / "out", "-j", "1")
    assert made.code == 0, made.err
    assert set(read_run(tmp_path / "out")[0]["constraint"]) == {"cost <= 12"}
    refused = cli(*on, "--set", "constraint.cost=about 12", "-o", tmp_path / "other")
    assert refused.code == 2
    assert refused.err.count("\n") == 1
