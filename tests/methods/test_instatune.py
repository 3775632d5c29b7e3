"""InstaTune's search: its predictors, its inner search, and fronts that were measured."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import harness
from harness.errors import HarnessError
from harness.methods.base import SearchResult, make_method, run_search
from harness.methods.instatune import InstaTune
from harness.problem.budget import Budget
from harness.problem.constraint import Constraint
from harness.statistics.pareto import hypervolume, pareto_front
from harness.streams import Streams
from harness.tabular.catalogue import load_table
from harness.tabular.problem import TabularProblem
from harness.tabular.table import Table

pytest.importorskip("sklearn", reason="needs the extra `models`")


def searched(table: Table, budget: int, metrics: Sequence[str] = (), seed: int = 0, **params: Any) -> Any:
    """Method, problem and result of a search."""
    method = make_method("instatune", **{"population": 10, "inner": 100, **params})
    problem = TabularProblem(table, Budget("evaluations", budget), tuple(metrics), statistics=method.statistic_names)
    return method, problem, run_search(method, problem, Streams(table.name, seed))


def goals(table: Table, column: str) -> np.ndarray:
    """(n_rows, 2) validation score and a column, larger is better."""
    return np.stack([table.valid, -table.columns[column]], axis=1)


def rows_of(table: Table, archs: Sequence[Sequence[int]]) -> list[int]:
    return [int(table.rows[table.space.index(arch)]) for arch in archs]


@pytest.mark.parametrize("budget", [10, 25, 40])
def test_the_front_is_that_of_what_was_evaluated(budget: int, make_table: Callable[..., Table]) -> None:
    table = make_table()
    _, problem, found = searched(table, budget, ["latency"])
    rows = problem.history
    expected = rows[pareto_front(goals(table, "latency")[rows])]
    assert sorted(rows_of(table, found.front)) == sorted(expected.tolist())


def test_all_of_a_table_gives_its_own_front(make_table: Callable[..., Table]) -> None:
    table = make_table(missing=0.5)
    _, problem, found = searched(table, len(table) + 5, ["latency"])
    assert sorted(problem.history) == list(range(len(table)))
    expected = np.flatnonzero(pareto_front(goals(table, "latency")))
    assert sorted(rows_of(table, found.front)) == expected.tolist()


def test_hypervolume_is_more_than_at_random() -> None:
    """Of cells' accuracy against parameters, after 60 evaluations, on every one of three seeds."""
    table = load_table("digits201")
    points = goals(table, "params")
    low = points.min(axis=0)
    for seed in range(3):
        _, problem, found = searched(table, 60, seed=seed, minimize=["params"], known=["params"], inner=400)
        front = points[rows_of(table, found.front)]
        assert hypervolume(front, low) == pytest.approx(hypervolume(points[problem.history], low), rel=1e-12)
        at_random = points[np.random.default_rng(seed).integers(len(table), size=60)]
        assert hypervolume(front, low) > hypervolume(at_random, low)


def test_what_is_known_is_not_predicted(monkeypatch: pytest.MonkeyPatch) -> None:
    fits: list[str] = []
    fit = InstaTune.fit
    monkeypatch.setattr(
        InstaTune, "fit", lambda self, x, y, what, seed: fits.append(what) or fit(self, x, y, what, seed)
    )
    table = load_table("digits201")
    _, problem, _ = searched(table, 30, minimize=["params"], known=["params"])
    assert fits == ["score"] * 2
    assert 30 <= problem.n_statistics <= 30 + 2 * 100  # of what was evaluated, and of what the inner searches met
    fits.clear()
    _, problem, _ = searched(table, 30, ["params"])
    assert fits == ["score", "params"] * 2
    assert problem.n_statistics == 0


@pytest.mark.parametrize("model", ["svr", "ridge"])
def test_predictions_are_scikit_learns(model: str, make_table: Callable[..., Table]) -> None:
    from sklearn.linear_model import Ridge
    from sklearn.svm import SVR

    table = make_table()
    method, _, _ = searched(table, 10, model=model)
    codes, targets = table.codes[::4].astype(int), np.linspace(-2, 2, 30)
    x = table.space.one_hot(codes)
    peer = (SVR() if model == "svr" else Ridge()).fit(x, targets)
    mean, std = method.fit(codes, targets, "score", 0)(table.codes.astype(int))
    np.testing.assert_allclose(mean, peer.predict(table.space.one_hot(table.codes)), atol=1e-9)
    np.testing.assert_array_equal(std, 0.0)


def test_inner_searches_differ(monkeypatch: pytest.MonkeyPatch, make_table: Callable[..., Table]) -> None:
    names = []

    def note(method: Any, problem: Any, streams: Streams) -> SearchResult:
        names.append((streams.benchmark, streams.cell_seed))
        return run_search(method, problem, streams)

    monkeypatch.setattr("harness.methods.instatune.run_search", note)
    searched(make_table(), 40, seed=5)
    assert len(set(names)) == len(names) == 3
    assert {seed for _, seed in names} == {5}


def test_infeasible_architectures_are_on_no_front(make_table: Callable[..., Table]) -> None:
    table = make_table()
    method = make_method("instatune", population=10, inner=100)
    bound = Constraint("latency", "<=", float(np.median(table.columns["latency"])))
    problem = TabularProblem(table, Budget("evaluations", 40), constraints=(bound,))
    front = rows_of(table, run_search(method, problem, Streams(table.name, 0)).front)
    assert front
    assert (table.columns["latency"][front] <= bound.bound).all()
    impossible = Constraint("latency", "<=", float(table.columns["latency"].min()) - 1)
    problem = TabularProblem(table, Budget("evaluations", 25), constraints=(impossible,))
    assert run_search(method, problem, Streams(table.name, 0)).front == ()
    assert problem.history.size == 25


def test_a_column_that_is_not_shown(make_table: Callable[..., Table]) -> None:
    with pytest.raises(
        HarnessError, match="instatune: column 'latency' is not shown to methods, nothing is; add it to"
    ):
        searched(make_table(), 20, minimize=["latency"])


def test_statistics_are_paid_for_before_evaluations(
    make_table: Callable[..., Table], registries: None, tmp_path: Path
) -> None:
    """Under a budget of seconds a search that runs out while it asks for statistics keeps the front of what it evaluated."""
    table = make_table()
    columns = {**table.columns, "params": table.codes.sum(axis=1).astype(np.float64), "cost": np.full(len(table), 10.0)}
    table = dataclasses.replace(table, columns=columns, statistics={"params": 1.0})
    harness.register_benchmark("made/up")(lambda: table)
    method = {"name": "instatune", "population": 5, "inner": 20, "minimize": ["params"], "known": ["params"]}
    suite = {"seeds": "0:3", "benchmarks": ["made/up"], "budgets": {"simulated_s": 83}, "methods": [method]}
    records = harness.run(suite, tmp_path, backend="sequential").records
    assert (records["status"] == "ok").all(), records["error"].tolist()
    assert (records["n_evaluations"] * 10 + records["n_statistics"] <= 83).all()
