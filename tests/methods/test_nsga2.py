from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import harness
from harness.errors import HarnessError
from harness.methods.base import make_method, run_search
from harness.methods.nsga2 import crowding_distance, survival_order
from harness.problem.budget import Budget
from harness.problem.constraint import Constraint
from harness.statistics import dominance_ranks, expected_hypervolume, hypervolume, pareto_front
from harness.streams import Streams
from harness.tabular import synthetic
from harness.tabular.problem import TabularProblem
from harness.tabular.table import Table
from harness.testing import check_method


def evaluated(table: Table, evaluations: int, seed: int = 0, *constraints: Constraint, **params: Any) -> np.ndarray:
    problem = TabularProblem(table, Budget("evaluations", evaluations), ("cost",), constraints)
    run_search(make_method(params.pop("name", "nsga2"), **params), problem, Streams(table.name, seed))
    return problem.history


def test_it_keeps_the_contract() -> None:
    check_method("nsga2", population=8)
    check_method("nsga2", population=2, crossover=0.0)


def test_crowding_and_survival_are_those_of_pymoo() -> None:
    pytest.importorskip("pymoo")
    from pymoo.operators.survival.rank_and_crowding.metrics import calc_crowding_distance

    rng = np.random.default_rng(5)
    for goals in (2, 3):
        cloud = rng.random((200, goals))
        front = cloud[pareto_front(cloud)]
        np.testing.assert_allclose(crowding_distance(front) / goals, calc_crowding_distance(-front))


def test_survivors_come_front_by_front_and_the_loneliest_first() -> None:
    rng = np.random.default_rng(6)
    goals = rng.random((60, 2))
    order, ranks = survival_order(goals, len(goals)), dominance_ranks(goals)
    assert sorted(order) == list(range(60))
    assert (np.diff(ranks[order]) >= 0).all()
    for rank in np.unique(ranks):
        crowding = crowding_distance(goals[ranks == rank])
        place = {row: i for i, row in enumerate(np.flatnonzero(ranks == rank))}
        in_order = [crowding[place[row]] for row in order if ranks[row] == rank]
        assert all(a >= b for a, b in itertools.pairwise(in_order))


def test_with_many_evaluations_it_meets_the_whole_front_and_before_that_more_of_it_than_random_search() -> None:
    table = synthetic.convert(variables=4, choices=3)
    points = np.column_stack([table.valid, -table.columns["cost"]])
    front = set(np.flatnonzero(pareto_front(points)))
    assert front <= set(evaluated(table, 1500, population=10))
    table = synthetic.convert()
    points, seeds = np.column_stack([table.valid, -table.columns["cost"]]), range(60)
    reference = points.min(axis=0)
    own = np.array([hypervolume(points[evaluated(table, 100, seed)], reference) for seed in seeds])
    assert own.mean() - expected_hypervolume(points, reference, 100) > 3 * own.std(ddof=1) / len(seeds) ** 0.5


def test_goals_have_directions() -> None:
    table = synthetic.convert()
    cost, budget = table.columns["cost"], 300
    cheap = cost[evaluated(table, budget, minimize=["cost"])[-100:]].mean()
    dear = cost[evaluated(table, budget, maximize=["cost"])[-100:]].mean()
    assert cheap < cost.mean() < dear
    assert (evaluated(table, budget) == evaluated(table, budget, minimize=["cost"])).all()


def test_under_a_constraint_it_moves_to_where_that_is_kept() -> None:
    table = synthetic.convert()
    rows = evaluated(table, 200, 0, Constraint("cost", "<=", 11.5))
    feasible = table.columns["cost"] <= 11.5
    assert feasible[rows[-100:]].mean() > 2 * feasible.mean()


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"population": 1}, "population must be at least 2"),
        ({"crossover": 1.5}, "must be a probability"),
        ({"minimize": ["cost"], "maximize": ["cost"]}, "a column stands twice among cost, cost"),
    ],
)
def test_wrong_parameters_are_refused(params: dict[str, Any], words: str) -> None:
    with pytest.raises(HarnessError, match=words):
        make_method("nsga2", **params)


def test_a_column_that_the_suite_does_not_show_is_refused_before_the_run(tmp_path: Path) -> None:
    suite = {
        "seeds": "0:1",
        "benchmarks": ["synthetic/ridge"],
        "budgets": {"evaluations": 5},
        "methods": [{"name": "nsga2", "minimize": ["cost"]}],
    }
    with pytest.raises(HarnessError, match="column 'cost' is not shown to methods, nothing is"):
        harness.run(suite, tmp_path, backend="sequential")


def test_it_searches_tables_with_holes(make_table: Callable[..., Table]) -> None:
    table = make_table(missing=0.7)
    assert len(set(evaluated(table, 400, population=5))) > len(table) / 2
