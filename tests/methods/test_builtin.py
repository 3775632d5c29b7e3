"""The built-in methods: the contract, both forms, parameters, and what each of them is known to do."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.errors import HarnessError
from harness.methods.base import (
    Lockstep,
    make_method,
    method_class,
    method_names,
    method_params,
    parameters_of,
    run_search,
)
from harness.problem.budget import Budget
from harness.statistics import RandomSearchLaw
from harness.streams import Streams
from harness.tabular.catalogue import load_table
from harness.tabular.lockstep import LockstepProblem
from harness.tabular.problem import TabularProblem
from harness.tabular.table import Table
from harness.testing import check_method

SETTINGS: list[tuple[str, dict[str, Any]]] = [
    ("random", {}),
    ("random", {"replace": False}),
    ("regularized-evolution", {}),
    ("regularized-evolution", {"population": 1, "sample": 1}),
    ("regularized-evolution", {"population": 20, "sample": 30}),
    ("local-search", {}),
    ("reinforce", {}),
    ("reinforce", {"learning_rate": 0.5, "momentum": 0.0}),
    ("epnas", {"start": 1, "every": 3}),
]
IN_LOCKSTEP = [(name, params) for name, params in SETTINGS if name != "local-search"]


def alone(name: str, params: dict[str, Any], table: Table, seed: int, budget: int) -> NDArray[np.int64]:
    """Rows that a search meets."""
    problem = TabularProblem(table, Budget("evaluations", budget))
    run_search(make_method(name, **params), problem, Streams(table.name, seed))
    return problem.history


def together(name: str, params: dict[str, Any], table: Table, seeds: Sequence[int], budget: int) -> NDArray[np.int64]:
    """Rows that searches in lockstep meet."""
    problem = LockstepProblem(table, Budget("evaluations", budget), len(seeds))
    method = make_method(name, **params)
    assert isinstance(method, Lockstep)
    method.lockstep(problem, table.name, seeds)
    return problem.history


@pytest.mark.parametrize(("name", "params"), SETTINGS)
def test_conformance(name: str, params: dict[str, Any]) -> None:
    check_method(name, **params)


@pytest.mark.parametrize("name", method_names())
def test_every_method_names_its_source_and_version(name: str) -> None:
    cls = method_class(name)
    assert cls.version
    assert cls.source or "harness.methods" not in cls.__module__
    assert cls.__doc__


TABLES: dict[str, dict[str, Any]] = {
    "full": {},
    "gaps": {"missing": 0.4},
    "weighted": {"weighted": True},
    "gaps and weights": {"missing": 0.4, "weighted": True},
    "smaller is better": {"direction": "min"},
}


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize(("name", "params"), IN_LOCKSTEP)
@pytest.mark.parametrize("budget", [1, 5, 10, 11, 60])
def test_lockstep_is_one_by_one(
    name: str, params: dict[str, Any], kind: str, budget: int, make_table: Callable[..., Table]
) -> None:
    table = make_table(**TABLES[kind])
    seeds = [0, 1, 2, 40, 41, 1000]
    rows = together(name, params, table, seeds, budget)
    assert rows.shape == (len(seeds), budget)
    for position, seed in enumerate(seeds):
        np.testing.assert_array_equal(rows[position], alone(name, params, table, seed, budget))
    # What a seed does depends neither on its place nor on who is beside it.
    np.testing.assert_array_equal(together(name, params, table, seeds[::-1], budget), rows[::-1])
    np.testing.assert_array_equal(together(name, params, table, seeds[3:4], budget), rows[3:4])


@pytest.mark.parametrize(("name", "params"), IN_LOCKSTEP)
@pytest.mark.parametrize("dataset", ["cora", "proteins"])
def test_lockstep_is_one_by_one_on_a_real_table(name: str, params: dict[str, Any], dataset: str) -> None:
    table = load_table(f"nasbench-graph/{dataset}")
    rows = together(name, params, table, range(8), 120)
    for seed in (0, 3, 7):
        np.testing.assert_array_equal(rows[seed], alone(name, params, table, seed, 120))


def test_random_search_without_replacement_ends_with_the_table(make_table: Callable[..., Table]) -> None:
    table = make_table(missing=0.5, weighted=True)
    rows = together("random", {"replace": False}, table, range(4), len(table) + 50)
    assert rows.shape == (4, len(table))
    for seed in range(4):
        assert sorted(rows[seed]) == list(range(len(table)))
        np.testing.assert_array_equal(rows[seed], alone("random", {"replace": False}, table, seed, len(table) + 50))


def test_methods_that_draw_alike_begin_alike() -> None:
    table = load_table("nasbench-graph/cora")
    first = alone("random", {}, table, 5, 10)
    np.testing.assert_array_equal(first, alone("regularized-evolution", {"population": 10}, table, 5, 30)[:10])
    assert first[0] == alone("local-search", {}, table, 5, 30)[0]


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("random", {"replace": 1}, "method random: replace: wanted bool, not 1"),
    ("random", {"replace": "no"}, "wanted bool, not 'no'"),
    ("random", {"seed": 3}, "unknown parameter of method random: 'seed'; valid: replace"),
    ("regularized-evolution", {"population": 0}, "population must be at least 1, not 0"),
    ("regularized-evolution", {"population": -5}, "population must be at least 1"),
    ("regularized-evolution", {"population": 10.0}, "population: wanted int, not 10.0"),
    ("regularized-evolution", {"population": "10"}, "population: wanted int, not '10'"),
    ("regularized-evolution", {"population": True}, "population: wanted int, not True"),
    ("regularized-evolution", {"sample": 0}, "sample must be at least 1"),
    ("regularized-evolution", {"sampel": 3}, "unknown parameter .* 'sampel'; did you mean 'sample'"),
    ("local-search", {"restarts": 3}, "unknown parameter of method local-search: 'restarts'"),
    ("reinforce", {"learning_rate": 0}, "learning_rate must be .*above 0"),
    ("reinforce", {"learning_rate": float("nan")}, "learning_rate must be .*above 0"),
    ("reinforce", {"learning_rate": float("inf")}, "learning_rate must be .*above 0"),
    ("reinforce", {"learning_rate": "fast"}, "learning_rate: wanted float, not 'fast'"),
    ("reinforce", {"momentum": 1.0}, r"momentum must be in \[0, 1\)"),
    ("reinforce", {"momentum": -0.1}, r"momentum must be in \[0, 1\)"),
    ("reinforce", {"momentum": float("nan")}, r"momentum must be in \[0, 1\)"),
    ("reinforcement", {}, "unknown method 'reinforcement'; did you mean 'reinforce'"),
]


@pytest.mark.parametrize(("name", "params", "message"), BAD)
def test_bad_parameters_are_refused(name: str, params: dict[str, Any], message: str) -> None:
    with pytest.raises(HarnessError, match=message):
        make_method(name, **params)


@pytest.mark.parametrize(("name", "params"), SETTINGS)
def test_parameters_make_the_method_again(name: str, params: dict[str, Any]) -> None:
    method = make_method(name, **params)
    assert make_method(name, **method_params(method)) == method
    # Those that came later are left out at their defaults.
    wanted = {key for key, field in parameters_of(type(method)).items() if not field.metadata.get("later")}
    assert set(method_params(method)) == wanted


def ages(rows: NDArray[np.int64], population: int) -> Iterator[tuple[int, set[int]]]:
    """Each newcomer with the members that it may come from."""
    for step in range(population, len(rows)):
        yield int(rows[step]), set(rows[step - population : step].tolist())


@pytest.mark.parametrize(("population", "sample"), [(1, 1), (1, 5), (5, 1), (10, 3), (10, 50)])
def test_evolution_mutates_one_variable_of_a_living_member(
    population: int, sample: int, make_table: Callable[..., Table]
) -> None:
    table = make_table(missing=0.3)
    rows = alone("regularized-evolution", {"population": population, "sample": sample}, table, 3, 100)
    assert rows.size == 100
    for child, members in ages(rows, population):
        differences = (table.codes[sorted(members)] != table.codes[child]).sum(axis=1)
        assert 1 in differences
        if sample == 50:  # the best living member nearly always is among so many
            best = max(members, key=lambda row: table.valid[row])
            assert population != 10 or (table.codes[best] != table.codes[child]).sum() == 1


def test_evolution_with_a_population_as_large_as_the_budget_is_random_search(make_table: Callable[..., Table]) -> None:
    table = make_table()
    for population in (30, 31, 500):
        np.testing.assert_array_equal(
            alone("regularized-evolution", {"population": population}, table, 1, 30), alone("random", {}, table, 1, 30)
        )


class FewStreams(Streams):
    """Streams that end, so that a search that would draw for ever fails."""

    def uniforms(self, name: str) -> Iterator[float]:
        return islice(super().uniforms(name), 20_000)


def sparse(table: Table, rows: list[int]) -> Table:
    """A table of these rows only."""
    place = np.full(len(table) + 1, -1, dtype=np.int32)
    place[rows] = np.arange(len(rows))
    return dataclasses.replace(
        table,
        rows=place[table.rows],
        codes=table.codes[rows],
        columns={key: values[rows] for key, values in table.columns.items()},
        weights=table.weights[rows],
    )


EVOLUTION_TO_MEND = [
    "random",
    "regularized-evolution",
    "local-search",
    "reinforce",
]


@pytest.mark.parametrize("name", EVOLUTION_TO_MEND)
def test_a_table_without_neighbours(name: str, make_table: Callable[..., Table]) -> None:
    """No two rows differ in one variable only; a search goes on somehow."""
    full = make_table()
    table = sparse(full, [full.space.index(arch) for arch in [(0, 0, 0, 0), (1, 1, 1, 1), (2, 2, 0, 2)]])
    problem = TabularProblem(table, Budget("evaluations", 20))
    run_search(make_method(name), problem, FewStreams(table.name, 0))
    assert problem.history.size > 0


@pytest.mark.parametrize("name", EVOLUTION_TO_MEND)
def test_a_variable_of_one_choice(name: str, make_table: Callable[..., Table]) -> None:
    from harness.spaces.base import CategoricalSpace

    space = CategoricalSpace("s", {"a": ["0", "1", "2"], "fixed": ["only"], "b": ["0", "1", "2"], "end": ["only"]})
    n = space.size
    values = np.random.default_rng(5).random((2, n))
    table = Table(
        name="made/fixed",
        dataset="fixed",
        space=space,
        rows=np.arange(n, dtype=np.int32),
        codes=space.codes(np.arange(n)).astype(np.int16),
        columns={"valid": values[0], "test": values[1]},
        unit="fraction",
    )
    rows = [alone(name, {}, table, seed, 40) for seed in range(6)]
    if isinstance(make_method(name), Lockstep):
        np.testing.assert_array_equal(together(name, {}, table, range(6), 40), rows)


def test_local_search_never_repeats_itself_and_ends_with_the_table(make_table: Callable[..., Table]) -> None:
    table = make_table(missing=0.3)
    rows = alone("local-search", {}, table, 2, 1000)
    assert sorted(rows) == list(range(len(table)))


def test_local_search_moves_to_the_first_better_neighbour(make_table: Callable[..., Table]) -> None:
    table = make_table()
    rows = alone("local-search", {}, table, 4, 60)
    present, neighbours_left = rows[0], set(table.space.neighbours(table.codes[rows[0]].tolist()))
    for row in rows[1:]:
        arch = tuple(table.codes[row].tolist())
        if not neighbours_left:  # a local optimum: a restart
            present, score = row, -np.inf
        else:
            assert arch in neighbours_left
            score = table.valid[present]
        neighbours_left.discard(arch)
        if table.valid[row] > score:
            present, neighbours_left = row, set(table.space.neighbours(arch))
        neighbours_left -= {tuple(table.codes[seen].tolist()) for seen in rows[: np.flatnonzero(rows == row)[0] + 1]}


def test_reinforce_learns() -> None:
    table = load_table("synthetic/ridge")
    rows = together("reinforce", {"learning_rate": 0.3}, table, range(50), 150)
    assert table.valid[rows[:, -20:]].mean() > table.valid[rows[:, :20]].mean() + 3.0


def scores(table: Table, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Test score of the best by validation of each search: (seeds, n) -> (seeds,)."""
    return table.test[np.take_along_axis(rows, table.valid[rows].argmax(axis=1)[:, None], axis=1)[:, 0]]


@pytest.mark.parametrize(
    ("benchmark", "n", "replace"),
    [
        ("nasbench-graph/arxiv", 1, True),
        ("nasbench-graph/arxiv", 30, True),
        ("nasbench-graph/proteins", 100, True),
        ("nasbench-graph/cs", 30, False),
    ],
)
def test_simulated_random_search_follows_the_exact_law(benchmark: str, n: int, replace: bool) -> None:
    from scipy import stats

    table = load_table(benchmark)
    law = RandomSearchLaw(table.valid, table.test, replace=replace)
    found = scores(table, together("random", {"replace": replace}, table, range(2000), n))
    assert abs(found.mean() - law.mean(n)) < 4 * law.std(n) / np.sqrt(2000)
    assert found.std() == pytest.approx(float(law.std(n)), rel=0.1)
    # Kolmogorov and Smirnov, at the steps of the law: conservative, since it is not continuous.
    values = law.pmf(n)[0]
    distance = np.abs(np.searchsorted(np.sort(found), values, side="right") / 2000 - law.cdf(values, n)).max()
    assert stats.kstwo.sf(distance, 2000) > 1e-3


def test_simulated_random_search_draws_by_weight(make_table: Callable[..., Table]) -> None:
    table = make_table(missing=0.3)
    table = dataclasses.replace(table, weights=np.where(table.test < np.median(table.test), 1.0, 5.0))
    law = RandomSearchLaw(table.valid, table.test, weights=table.weights)
    plain = RandomSearchLaw(table.valid, table.test)
    found = scores(table, together("random", {}, table, range(4000), 5))
    error = law.std(5) / np.sqrt(4000)
    assert abs(found.mean() - law.mean(5)) < 4 * error
    assert abs(found.mean() - plain.mean(5)) > 4 * error  # which the weights make a difference to


@pytest.mark.slow
@pytest.mark.parametrize("name", ["regularized-evolution", "local-search"])
def test_search_beats_random_search_on_arxiv(name: str) -> None:
    table = load_table("nasbench-graph/arxiv")
    law = RandomSearchLaw(table.valid, table.test)
    if isinstance(make_method(name), Lockstep):
        rows = together(name, {}, table, range(500), 100)
    else:
        rows = np.array([alone(name, {}, table, seed, 100) for seed in range(500)])
    found = scores(table, rows)
    assert (found.mean() - law.mean(100)) / (found.std(ddof=1) / np.sqrt(500)) > 3


def test_docstrings_state_every_parameter() -> None:
    for name in ("random", "regularized-evolution", "local-search", "reinforce"):
        cls = method_class(name)
        for field in dataclasses.fields(cls):  # type: ignore[arg-type]
            assert f"\n{field.name}\n" in inspect.getdoc(cls), f"{name}: {field.name}"  # type: ignore[operator]
