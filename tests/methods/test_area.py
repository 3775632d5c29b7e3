"""AREA: what it is where the score says nothing or everything, how it scores, and what is refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import stats

from harness.errors import HarnessError
from harness.methods.area import chosen
from harness.methods.base import Lockstep, make_method, run_lockstep, run_search
from harness.problem.budget import Budget
from harness.spaces.named import make_space
from harness.streams import Streams
from harness.suites.reading import make_suite
from harness.tabular.catalogue import load_table
from harness.tabular.frame import table_from_frame
from harness.tabular.lockstep import LockstepProblem
from harness.tabular.problem import TabularProblem
from harness.tabular.table import Table
from harness.testing import check_method

KINDS: dict[str, dict[str, Any]] = {"full": {}, "gaps": {"missing": 0.4}, "weighted": {"weighted": True}}


def scored(table: Table, scores: NDArray[np.float64], seconds: float = 0.0) -> Table:
    """The table with a statistic called score."""
    return dataclasses.replace(table, columns={**table.columns, "score": scores}, statistics={"score": seconds})


def alone(table: Table, seed: int, budget: Budget, name: str = "area", **params: Any) -> TabularProblem:
    """A problem whose search has ended."""
    method = make_method(name, **params)
    problem = TabularProblem(table, budget, statistics=method.statistic_names)
    run_search(method, problem, Streams(table.name, seed))
    return problem


def together(table: Table, n_seeds: int, budget: Budget, name: str = "area", **params: Any) -> LockstepProblem:
    """The same in lockstep."""
    method = make_method(name, **params)
    assert isinstance(method, Lockstep)
    problem = LockstepProblem(table, budget, n_seeds, statistics=make_method(name, **params).statistic_names)
    run_lockstep(method, problem, table.name, range(n_seeds))
    return problem


def evaluations(amount: int) -> Budget:
    return Budget("evaluations", amount)


@pytest.mark.parametrize("params", [{}, {"population": 4, "pool": 30}, {"population": 5, "pool": 5, "sample": 1}])
def test_conformance(params: dict[str, Any]) -> None:
    check_method("area", **params)


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_choice_it_is_evolution(kind: str, make_table: Callable[..., Table]) -> None:
    table = make_table(**KINDS[kind])
    scores = np.random.default_rng(0).random(len(table))
    plain = together(table, 5, evaluations(40), "regularized-evolution").history
    for area, pool in [
        (scored(table, scores), 10),
        *((scored(table, 0 * scores + c), 20) for c in (3.0, np.nan, -np.inf)),
    ]:
        np.testing.assert_array_equal(together(area, 5, evaluations(40), score="score", pool=pool).history, plain)
        assert alone(area, 3, evaluations(40), score="score", pool=pool).history.tolist() == plain[3].tolist()


def test_the_best_of_the_pool_are_evaluated_in_the_order_of_draws(make_table: Callable[..., Table]) -> None:
    table = make_table()
    rng = np.random.default_rng(1)
    scores = np.where(rng.random(len(table)) < 0.3, np.nan, rng.integers(0, 4, len(table)))  # ties, and no number
    for seed in range(10):
        uniforms = Streams(table.name, seed).uniforms("sample")
        problem = TabularProblem(table, evaluations(1))
        pool = [int(table.rows[table.space.index(problem.sample(uniforms))]) for _ in range(20)]
        # A draw stays unless ten others are better, or as good and earlier.
        value = [-np.inf if np.isnan(scores[row]) else scores[row] for row in pool]
        stays = [sum(v > value[i] or (v == value[i] and j < i) for j, v in enumerate(value)) < 10 for i in range(20)]
        first = [row for row, keep in zip(pool, stays, strict=True) if keep]
        found = alone(scored(table, scores), seed, evaluations(12), score="score")
        assert found.history[:10].tolist() == first
        assert (found.n_statistics, found.history.size) == (20, 12)  # scoring costs no evaluation


def test_chosen_along_the_last_axis() -> None:
    scores = np.array([[1.0, np.nan, 3.0, 3.0, 2.0], [np.nan, np.nan, -np.inf, np.inf, 0.0]])
    np.testing.assert_array_equal(chosen(scores, 3), [[2, 3, 4], [0, 3, 4]])


@pytest.mark.parametrize(("kind", "amount"), [("evaluations", 4), ("simulated_s", 100), ("simulated_s", 300)])
def test_lockstep_pays_for_scores_as_a_single_search_does(
    kind: str, amount: int, make_table: Callable[..., Table]
) -> None:
    table = make_table(missing=0.4)
    table = scored(table, np.random.default_rng(2).random(len(table)), seconds=7.3)
    params: dict[str, Any] = {"score": "score", "population": 6, "pool": 15}
    problem = together(table, 8, Budget(kind, amount), **params)
    for seed, rows in enumerate(problem.history):
        one = alone(table, seed, Budget(kind, amount), **params)
        assert rows[rows >= 0].tolist() == one.history.tolist()
        # 100 s pay for 13 scores, and then the search is over.
        assert problem.n_statistics[seed] == one.n_statistics == (13 if amount == 100 else 15)


def test_an_oracle_is_random_search_with_the_pool_as_budget() -> None:
    """Score = validation and budget = population: the best of the pool is among the evaluated, so the law is random@pool's."""
    table = load_table("nasbench-graph/proteins")
    problem = together(scored(table, table.valid), 400, evaluations(10), score="score", pool=30)
    found = table.valid[problem.history].max(axis=1)
    # P(best of 30 draws <= v) = P(one draw <= v)^30, every row being as likely.
    levels = np.unique(table.valid)
    law = (np.searchsorted(np.sort(table.valid), levels, side="right") / len(table)) ** 30
    steps = np.searchsorted(np.sort(found), levels, side="right") / len(found)
    assert np.abs(steps - law).max() < stats.kstwo.ppf(0.999, len(found))


def test_a_shuffled_score_is_evolution_in_distribution() -> None:
    table = load_table("nasbench-graph/cora")
    shuffled = scored(table, np.random.default_rng(5).permutation(table.columns["params"]))
    area = together(dataclasses.replace(shuffled, name="another stream"), 200, evaluations(60), score="score")
    plain = together(table, 200, evaluations(60), "regularized-evolution")
    finals = [table.valid[problem.history].max(axis=1) for problem in (area, plain)]
    assert stats.ks_2samp(*finals).pvalue > 0.001


def test_what_is_refused() -> None:
    with pytest.raises(HarnessError, match=r"area: pool must be at least the population of 10, not 9"):
        make_method("area", pool=9)
    with pytest.raises(HarnessError, match="area: population must be at least 1"):
        make_method("area", population=0)
    suite = {"name": "s", "seeds": "0:1", "benchmarks": ["nasbench-graph/cora"], "budgets": {"evaluations": 5}}
    for score, why in (
        ("latency", "column 'latency' cannot be a statistic"),
        ("valid", "column 'valid' cannot be a statistic"),
        ("synflow", "unknown statistic 'synflow'; valid: params"),
    ):
        with pytest.raises(HarnessError, match=f"method area: benchmark nasbench-graph/cora: {why}"):
            make_suite({**suite, "methods": [{"name": "area", "score": score}]}).groups()


def test_on_published_scores(shared: Callable[[str], Path]) -> None:
    """On 724 cells of NAS-Bench-201 a first population that synflow chooses is better than a random one."""
    scores, accuracy = shared("zero_cost/nasbench201_zero_cost.csv.gz"), shared("nasbench201/accuracy.csv.gz")
    frame = pd.read_csv(scores).query("dataset == 'cifar10'")
    table = table_from_frame(
        frame.merge(pd.read_csv(accuracy)[["architecture", "cifar10.test_accuracy@200"]], on="architecture"),
        "zc/cifar10",
        make_space("nasbench201"),
        valid="valid_accuracy@200",
        test="cifar10.test_accuracy@200",
        statistics=["synflow"],
    )
    assert len(table) == 724
    first = [
        table.test[together(table, 200, evaluations(10), score="synflow", pool=pool).history].mean(axis=1)
        for pool in (10, 60)
    ]
    assert stats.ttest_rel(first[1], first[0], alternative="greater").pvalue < 1e-6
