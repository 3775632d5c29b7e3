"""What every benchmark that is a table, and every search method on one, must hold."""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError
from harness.methods.base import Lockstep, Method, make_method, method_params, run_lockstep, run_search
from harness.problem.budget import Budget
from harness.streams import Streams
from harness.tabular.curves import spending, whole_trainings
from harness.tabular.lockstep import LockstepProblem
from harness.tabular.problem import TabularProblem
from harness.tabular.statics import static_names
from harness.tabular.table import COST, TEST, VALID, Table
from harness.testing.reach import reachable

SEEDS = (0, 1, 2)


def check_on_tables(method: Method, table: Table, evaluations: int) -> None:
    """Check a method on a table and on variants of it; see `harness.testing.check_method`."""
    table = _with_statistics(table, method.statistic_names)
    for variant in (table, *_variants(table)):
        for budget in _budgets(variant, evaluations):
            _check_searches(method, variant, budget)
    _check_global_random_state(method, table, evaluations)
    _check_no_leak(method, table, evaluations)


def check_benchmark(table: Table, sample: int = 500) -> None:
    """Check that a table keeps the contract of the harness.

    Parameters
    ----------
    table
        The benchmark.
    sample
        Number of rows and of encodings that are tried one by one.

    Raises
    ------
    AssertionError
        If something does not hold.
    """
    name, space = table.name, table.space
    n_rows = len(table)
    assert n_rows > 0, f"{name}: it has no row"
    assert table.rows.shape == (space.size,), f"{name}: rows must have one entry an encoding, {space.size}"
    in_range = (table.rows >= -1) & (table.rows < n_rows)
    assert in_range.all(), f"{name}: an encoding points to a row that is not there"
    assert {VALID, TEST} <= set(table.columns), f"{name}: columns valid and test are wanted"
    for key, values in table.columns.items():
        assert values.shape == (n_rows,), f"{name}: column {key} has shape {values.shape}, not ({n_rows},)"
        assert values.dtype == np.float64, f"{name}: column {key} is {values.dtype}, not float64"
        assert key in table.statistics or np.isfinite(values).all(), f"{name}: column {key} has values missing"
    assert not np.array_equal(table.valid, table.test), f"{name}: validation and test are the same numbers"
    assert table.weights.shape == (n_rows,), f"{name}: weights must be one a row"
    assert (table.weights > 0).all(), f"{name}: weights must be above 0"
    assert np.array_equal(table.rows[table.index_of_row()], np.arange(n_rows)), (
        f"{name}: a row's encoding leads to another row"
    )
    assert len(table.sha256) == 64, f"{name}: it has no content hash"
    rng = np.random.default_rng(0)
    for row in rng.choice(n_rows, size=min(sample, n_rows), replace=False).tolist():
        arch = tuple(table.codes[row].tolist())
        text = space.format(arch)
        assert space.parse(text) == arch, f"{name}: {text!r} is read as another architecture than {arch}"
    for index in rng.choice(space.size, size=min(sample, space.size), replace=False).tolist():
        arch = space.arch(index)
        assert space.index(arch) == index, f"{name}: architecture {arch} has index {space.index(arch)}, not {index}"
        canonical = space.canonical(arch)
        assert space.canonical(canonical) == canonical, f"{name}: the canonical form of {arch} is not its own"
    for key in (TEST, "test_best"):
        try:
            table.visible((key,))
        except HarnessError:
            continue
        raise AssertionError(f"{name}: column {key} can be shown to a method")


def holds_test_values(start: object, table: Table) -> bool:
    """Whether an array with the table's test values, or memory of them, can be reached from an object."""
    for item in reachable(start):
        if isinstance(item, Table):
            return True
        if isinstance(item, np.ndarray):
            if np.shares_memory(item, table.test):
                return True
            if item.shape == table.test.shape and np.array_equal(item, table.test):
                return True
    return False


def _budgets(table: Table, evaluations: int) -> Iterator[Budget]:
    """Budgets of every kind that a table can count, of about so many evaluations or fewer."""
    yield Budget("evaluations", evaluations)
    for kind, is_counted in (("epochs", table.epochs is not None), ("simulated_s", COST in table.columns)):
        if is_counted:
            whole = whole_trainings(table, kind)
            amount = math.ceil(max(float(whole.max()), evaluations / 4 * float(whole.mean())))
            if amount <= evaluations * float(whole.mean()):  # else its units are too coarse for so short a search
                yield Budget(kind, amount)


def _check_searches(method: Method, table: Table, budget: Budget) -> None:
    name, params = method.name, method_params(method)
    histories = {seed: _history(method, table, seed, budget) for seed in SEEDS}
    for seed, history in histories.items():
        spent = spending(table, budget.kind, *history).sum()
        assert 0 < spent <= budget.amount * (1 + 1e-12), (
            f"{name}: spent {spent:g} {budget.kind} with a budget of {budget.amount}"
        )
        again = _history(make_method(name, **params), table, seed, budget)
        assert np.array_equal(history, again), f"{name}: seed {seed} twice gives two different searches"
    used = [histories[seed] for seed in reversed(SEEDS)]
    reused = [_history(method, table, seed, budget) for seed in reversed(SEEDS)]
    assert all(map(np.array_equal, used, reused)), f"{name}: a search depends on the searches before it"
    assert any(not np.array_equal(histories[SEEDS[0]], histories[seed]) for seed in SEEDS[1:]), (
        f"{name}: ignores the seed"
    )
    if isinstance(method, Lockstep):
        _check_lockstep(name, method, table, histories, budget)


def _history(method: Method, table: Table, seed: int, budget: Budget) -> NDArray[np.int64]:
    """Rows that a search evaluates and the epochs of their trainings: (2, n_evaluations)."""
    problem = TabularProblem(table, budget, statistics=method.statistic_names)
    result = run_search(method, problem, Streams(table.name, seed))
    for arch in result.sample or (() if result.arch is None else (result.arch,)):
        assert problem.contains(arch), f"{method.name}: recommends {arch}, which the benchmark does not have"
    evaluated = {problem.architecture(row) for row in problem.history.tolist()}
    for arch in result.front:
        assert problem.identity(arch) in evaluated, f"{method.name}: its front has {arch}, which it did not evaluate"
    return np.stack([problem.history, problem.epochs])


def _check_lockstep(
    name: str, method: Method, table: Table, histories: dict[int, NDArray[np.int64]], budget: Budget
) -> None:
    assert isinstance(method, Lockstep)
    problem = LockstepProblem(table, budget, len(SEEDS), statistics=method.statistic_names)
    run_lockstep(method, problem, table.name, SEEDS)
    for rows, seed in zip(problem.history, SEEDS, strict=True):
        assert np.array_equal(rows[rows >= 0], histories[seed][0]), (
            f"{name}: seed {seed} in lockstep differs from seed {seed} alone"
        )


def _check_global_random_state(method: Method, table: Table, evaluations: int) -> None:
    before = random.getstate(), np.random.get_state(legacy=False)  # noqa: NPY002
    budget = Budget("evaluations", evaluations)
    first = _history(method, table, 0, budget)
    after = random.getstate(), np.random.get_state(legacy=False)  # noqa: NPY002
    assert str(before) == str(after), (
        f"{method.name}: draws from the global random state; use the streams that it is given"
    )
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002  (it must not matter)
    assert np.array_equal(first, _history(method, table, 0, budget)), (
        f"{method.name}: depends on the global random state"
    )
    random.setstate(before[0])
    np.random.set_state(before[1])  # noqa: NPY002


def _check_no_leak(method: Method, table: Table, evaluations: int) -> None:
    problem = TabularProblem(table, Budget("evaluations", evaluations), statistics=method.statistic_names)
    assert not holds_test_values(problem, table), "a test value can be reached from the problem"
    run_search(method, problem, Streams(table.name, 0))
    assert not holds_test_values(method, table), f"{method.name}: a test value can be reached from it after a search"


def _with_statistics(table: Table, names: tuple[str, ...]) -> Table:
    """The table with every statistic that a method asks for: made up where it has none, and paid for in simulated seconds."""
    missing = [name for name in names if name not in static_names(table)]
    if not missing:
        return table
    sums = table.codes.sum(axis=1).astype(np.float64)
    return dataclasses.replace(
        table,
        columns={**table.columns, **dict.fromkeys(missing, sums)},
        statistics={**table.statistics, **dict.fromkeys(missing, 0.25)},
    )


def _variants(table: Table) -> Iterator[Table]:
    """Tables that find what only a full, equally weighted, larger-is-better table forgives."""
    keep = np.sort(np.random.default_rng(0).permutation(len(table))[: max(2, len(table) * 3 // 4)])
    place = np.full(len(table) + 1, -1, dtype=np.int32)  # the last entry serves the encodings without a row
    place[keep] = np.arange(len(keep))
    yield dataclasses.replace(
        table,
        rows=place[table.rows],
        codes=table.codes[keep],
        columns={key: values[keep] for key, values in table.columns.items()},
        curves={key: values[keep] for key, values in table.curves.items()},
        weights=table.weights[keep],
    )
    yield dataclasses.replace(table, weights=np.resize([1.0, 2.0, 3.0], len(table)))
    columns, curves = dict(table.columns), dict(table.curves)
    columns |= {key: -columns[key] for key in (VALID, TEST)}
    curves |= {key: -curves[key] for key in (VALID, TEST) if key in curves}
    yield dataclasses.replace(table, columns=columns, curves=curves, direction="min", unit="none")
