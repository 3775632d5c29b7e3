"""EEEA's early exit: what bounds the first population, what does not, and what is refused."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

from harness.errors import HarnessError
from harness.methods.base import make_method, method_params, run_search
from harness.problem.budget import Budget
from harness.streams import Streams
from harness.suites.reading import make_suite
from harness.tabular.catalogue import load_table
from harness.tabular.problem import TabularProblem
from harness.tabular.table import Table
from harness.testing import check_method

NSGA2: dict[str, Any] = {"minimize": ["latency"], "population": 6}


def search(table: Table, seed: int, budget: int, name: str = "eeea", **params: Any) -> TabularProblem:
    """A problem whose search has ended."""
    method = make_method(name, **params)
    metrics = ("latency",) if "latency" in table.columns else ()
    problem = TabularProblem(table, Budget("evaluations", budget), metrics, statistics=method.statistic_names)
    run_search(method, problem, Streams(table.name, seed))
    return problem


@pytest.fixture
def sized(make_table: Callable[..., Table]) -> Table:
    table = make_table(missing=0.2, weighted=True)
    return dataclasses.replace(table, columns={**table.columns, "params": table.codes.sum(axis=1).astype(float)})


@pytest.mark.parametrize("beta", [math.inf, 6.0])
def test_conformance(beta: float) -> None:
    check_method("eeea", beta=beta, params={"population": 4})


@pytest.mark.parametrize(("base", "params"), [("regularized-evolution", {}), ("nsga2", NSGA2)])
def test_an_infinite_bound_is_the_base(base: str, params: dict[str, Any], sized: Table) -> None:
    unknown = sized.columns["params"].copy()
    unknown[::3] = np.nan
    for table in (sized, dataclasses.replace(sized, columns={**sized.columns, "params": unknown})):
        for seed in range(5):
            found = search(table, seed, 40, beta=math.inf, base=base, params=params)
            assert found.history.tolist() == search(table, seed, 40, base, **params).history.tolist()
            assert found.n_statistics == params.get("population", 10)


@pytest.mark.parametrize(("base", "params"), [("regularized-evolution", {"population": 6}), ("nsga2", NSGA2)])
def test_the_first_population_is_below_the_bound_and_children_need_not_be(
    base: str, params: dict[str, Any], sized: Table
) -> None:
    size, beta = sized.columns["params"], 4.0
    draws, above = [], 0
    for seed in range(20):
        found = search(sized, seed, 40, beta=beta, base=base, params=params)
        assert (size[found.history[:6]] < beta).all()
        above += int((size[found.history[6:]] >= beta).sum())
        draws.append(found.n_statistics / 6)
    assert above > 0
    # A member takes a geometric number of draws, with mean 1/share and variance (1 - share)/share^2.
    share = sized.weights[size < beta].sum() / sized.weights.sum()
    error = math.sqrt((1 - share) / share**2 / (6 * len(draws)))
    assert abs(np.mean(draws) - 1 / share) < 4 * error


def test_the_first_population_follows_the_law_of_what_is_below() -> None:
    """Budget = population: the best of ten draws from the rows below beta."""
    table = load_table("nasbench-graph/proteins")
    beta = float(np.quantile(table.columns["params"], 0.4))
    below = np.sort(table.valid[table.columns["params"] < beta])
    found = [table.valid[search(table, seed, 10, beta=beta).history].max() for seed in range(300)]
    levels = np.unique(below)
    law = (np.searchsorted(below, levels, side="right") / len(below)) ** 10
    steps = np.searchsorted(np.sort(found), levels, side="right") / len(found)
    assert np.abs(steps - law).max() < stats.kstwo.ppf(0.999, len(found))


def test_what_is_refused() -> None:
    with pytest.raises(HarnessError, match="method eeea: parameter beta has no default; give it a value"):
        make_method("eeea")
    with pytest.raises(HarnessError, match="eeea: beta must be a number"):
        make_method("eeea", beta=math.nan)
    with pytest.raises(
        HarnessError, match="method eeea: base: wanted 'regularized-evolution' or 'nsga2', not 'random'"
    ):
        make_method("eeea", beta=1.0, base="random")
    with pytest.raises(HarnessError, match="unknown parameter of method nsga2: 'pop'"):
        make_method("eeea", beta=1.0, base="nsga2", params={"pop": 3})
    suite = {"name": "s", "seeds": "0:1", "benchmarks": ["nasbench-graph/cora"], "budgets": {"evaluations": 5}}
    least = load_table("nasbench-graph/cora").columns["params"].min()
    for params, why in (
        (
            {"beta": least},
            f"benchmark nasbench-graph/cora: no architecture has params below beta = {least:g}: the least is {least:g}",
        ),
        ({"beta": 5, "column": "latency"}, "benchmark nasbench-graph/cora: column 'latency' cannot be a statistic"),
        ({"beta": 5, "column": "parms"}, r"unknown statistic 'parms'; did you mean 'params'\?"),
    ):
        with pytest.raises(HarnessError, match=f"method eeea: .*{why}"):
            make_suite({**suite, "methods": [{"name": "eeea", **params}]}).groups()


def test_a_bound_that_nothing_keeps_ends_the_search_where_nobody_checked(sized: Table) -> None:
    with pytest.raises(HarnessError, match=r"eeea: none of [\d,]+ random architectures has params below -1"):
        search(sized, 0, 5, beta=-1.0)


def test_parameters_are_those_of_the_base() -> None:
    method = make_method("eeea", beta=3, params={"population": 4})
    assert method_params(method) == {
        "beta": 3.0,
        "base": "regularized-evolution",
        "params": {"population": 4},
        "column": "params",
    }
