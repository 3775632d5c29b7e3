"""Problems: no test value can be reached through one, no choice out of range is another architecture."""

from __future__ import annotations

import dataclasses
import gc
import mmap
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import repeat
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import BudgetExhausted, HarnessError
from harness.methods.base import AskTell, make_method, method_class, method_names, run_search
from harness.problem.budget import Budget
from harness.streams import Streams
from harness.tabular.catalogue import load_table, save_benchmark
from harness.tabular.problem import LockstepProblem, SamplingDistribution, TabularProblem, check_searchable
from harness.tabular.table import Table

ALL = Budget("evaluations", 10)


def reachable(start: object) -> Iterator[object]:
    """Everything that references lead to from an object, but for what any code may import: classes, modules, globals."""
    module_globals = {id(vars(module)) for module in list(sys.modules.values())}
    seen: dict[int, object] = {}  # holds what it has seen, so that no number is used again
    stack = [start]
    while stack:
        item = stack.pop()
        if id(item) in seen or id(item) in module_globals or isinstance(item, type | ModuleType):
            continue
        seen[id(item)] = item
        yield item
        stack.extend(gc.get_referents(item))
        stack.extend(getattr(item, "__dict__", {}).values())
        if isinstance(item, np.ndarray):
            stack.append(item.base)
        if isinstance(item, memoryview):
            stack.append(item.obj)


def leaks(start: object, table: Table) -> list[object]:
    """What is reachable from an object and holds a single test value (all numbers of the table are different)."""
    arrays = [*table.columns.items(), *table.curves.items()]
    tests = np.concatenate([values.ravel() for key, values in arrays if "test" in key])
    values, texts = set(tests.tolist()), [value.tobytes() for value in tests[:50]]
    found: list[object] = []
    for item in reachable(start):
        if isinstance(item, Table) or (isinstance(item, float) and item in values):
            found.append(item)
        elif isinstance(item, np.ndarray) and item.dtype.kind == "f":
            found += [item] * bool(np.isin(item, tests).any())
        elif isinstance(item, np.generic) and item.dtype.kind == "f":
            found += [item] * (item in values)
        elif isinstance(item, bytes | bytearray | mmap.mmap | memoryview):
            content = bytes(item[:])
            found += [item] * any(text in content for text in texts)
        elif isinstance(item, str | Path):
            found += [item] * str(item).endswith("test.npy")
    return found


@pytest.mark.parametrize(
    "hide",
    [
        lambda table: table,
        lambda table: {"a": [(table.test,)]},
        lambda table: table.test[3:5],
        lambda table: table.test.data,
        lambda table: table.test.copy(),
        lambda table: float(table.test[7]),
        lambda table: table.test[7],
        lambda table: table.test.tobytes(),
        lambda table: lambda: table,
        lambda table: table.describe.__self__.column,
        lambda table: (value for value in [table.test]),
        lambda table: iter([table.columns["test_extra"].tolist()]),
        lambda table: table.curves["test"][:, 0],
    ],
)
def test_the_search_for_leaks_finds_them(hide: Callable[[Table], object], make_table: Callable[..., Table]) -> None:
    class Holder:
        pass

    holder = Holder()
    holder.inside = {"there": hide(make_table(epochs=3))}  # type: ignore[attr-defined]
    assert leaks(holder, make_table(epochs=3))


@pytest.fixture(params=["in memory", "stored", "weighted", "smaller is better", "curves", "stored curves"])
def table(request: pytest.FixtureRequest, make_table: Callable[..., Table], own_cache: Path) -> Table:
    table = make_table(
        missing=0.3,
        weighted=request.param == "weighted",
        direction="min" if "smaller" in request.param else "max",
        epochs=9 if "curves" in request.param else 0,
    )
    if "stored" not in request.param:
        return table
    save_benchmark(table)
    return load_table(table.name)


def test_the_search_for_leaks_finds_a_mapped_file(make_table: Callable[..., Table], own_cache: Path) -> None:
    save_benchmark(make_table())
    assert leaks([load_table("made/up").test[:0]], make_table())  # nothing of it, but the mapping is behind it


@pytest.mark.parametrize("metrics", [(), ("latency", "cost")])
def test_no_test_value_can_be_reached_from_a_problem(table: Table, metrics: tuple[str, ...]) -> None:
    problem = TabularProblem(table, ALL, metrics)
    arch = problem.sample(Streams("b", 0).uniforms("sample"))
    evaluation = problem.evaluate(arch)
    assert set(evaluation.metrics) == set(metrics)
    if table.epochs is not None:
        evaluation = problem.evaluate(arch, 2)
        assert set(evaluation.metrics) == set(metrics)
    assert leaks([problem, evaluation, problem.history, problem.contains], table) == []
    lockstep = LockstepProblem(table, ALL, 3)
    indices = lockstep.sample(np.array([0.1, 0.2, 0.3]))
    assert leaks([lockstep, lockstep.evaluate(indices), lockstep.history, lockstep.contains], table) == []


# Other test modules register methods of their own while tests are collected.
@pytest.mark.parametrize(
    "name", [name for name in method_names() if method_class(name).__module__.startswith("harness.")]
)
def test_no_test_value_can_be_reached_from_a_method(name: str, table: Table) -> None:
    wanted = {"given": {"architectures": [table.space.format(row) for row in table.codes[:3]]}}  # without a default
    method, streams = make_method(name, **wanted.get(name, {})), Streams(table.name, 0)
    problem = TabularProblem(table, ALL, ("train_loss", "valid_loss"))
    if isinstance(method, AskTell):
        method.start(problem, streams)
        assert leaks(method, table) == []
    try:
        result = run_search(method, problem, streams)
    except HarnessError as refusal:
        pytest.skip(f"not for tables: {refusal}")
    assert problem.history.size > 0
    assert leaks([method, result], table) == []


@pytest.mark.parametrize(
    "column", ["test", "TEST", "Test", "test_best", "cifar10.test_accuracy@200", "ori-test", "x-test", "latest"]
)
def test_no_spelling_of_a_test_column_is_visible(column: str, make_table: Callable[..., Table]) -> None:
    table = make_table()
    table = Table(**{**vars(table), "columns": {**table.columns, column: table.test}})
    with pytest.raises(HarnessError, match="is for the report only; a method may be shown cost, latency, "):
        TabularProblem(table, ALL, ("latency", column))


@pytest.mark.parametrize("column", ["tets", "latncy", ""])
def test_an_unknown_column_is_refused(column: str, make_table: Callable[..., Table]) -> None:
    with pytest.raises(HarnessError, match="unknown column"):
        TabularProblem(make_table(), ALL, (column,))


def test_evaluations_are_those_of_the_table(table: Table) -> None:
    problem = TabularProblem(table, Budget("evaluations", len(table)), ("latency",))
    sign = 1 if table.direction == "max" else -1
    for row, code in enumerate(table.codes):
        evaluation = problem.evaluate(code)
        assert evaluation.score == sign * table.valid[row]
        assert evaluation.cost == table.columns["cost"][row]
        assert evaluation.metrics == {"latency": table.columns["latency"][row]}
    np.testing.assert_array_equal(problem.history, np.arange(len(table)))


def test_a_table_without_costs_has_none(make_table: Callable[..., Table]) -> None:
    table = make_table()
    table = Table(**{**vars(table), "columns": {key: table.columns[key] for key in ("valid", "test")}})
    assert np.isnan(TabularProblem(table, ALL).evaluate((0, 0, 0, 0)).cost)


def test_the_budget(make_table: Callable[..., Table]) -> None:
    table = make_table()
    problem = TabularProblem(table, Budget("evaluations", 3))
    for _ in range(3):
        assert not problem.exhausted
        problem.evaluate((0, 0, 0, 0))  # the same one counts again
    assert problem.exhausted
    for _ in range(2):
        with pytest.raises(BudgetExhausted, match="the budget of 3 evaluations is spent"):
            problem.evaluate((0, 0, 0, 0))
    assert problem.history.size == 3
    lockstep = LockstepProblem(table, Budget("evaluations", 3), 2)
    for _ in range(3):
        lockstep.evaluate(np.array([0, 1]))
    with pytest.raises(BudgetExhausted, match="the budget of 3 evaluations is spent"):
        lockstep.evaluate(np.array([0, 1]))
    np.testing.assert_array_equal(lockstep.history, [[0, 0, 0], [1, 1, 1]])


def test_what_is_refused_costs_nothing(make_table: Callable[..., Table]) -> None:
    problem = TabularProblem(make_table(), Budget("evaluations", 1))
    for arch, fidelity in [((9, 0, 0, 0), None), ((0, 0, 0, 0), 3)]:
        with pytest.raises(HarnessError):
            problem.evaluate(arch, fidelity)
    problem.evaluate((0, 0, 0, 0))


@pytest.mark.parametrize("direction", ["max", "min"])
def test_evaluations_at_an_epoch_are_those_of_the_curves(direction: str, make_table: Callable[..., Table]) -> None:
    table = make_table(epochs=9, missing=0.3, direction=direction)
    problem = TabularProblem(
        table, Budget("evaluations", 9 * len(table)), ("train_loss", "latency", "valid_loss", "cost")
    )
    assert problem.max_fidelity == 9
    sign = 1 if direction == "max" else -1
    for row, code in enumerate(table.codes):
        for epoch in range(1, 10):
            score, cost, metrics, feasible = problem.evaluate(code, epoch)
            assert feasible  # nothing is constrained
            assert score == sign * table.curves["valid"][row, epoch - 1]
            assert cost == metrics["cost"] == table.curves["cost"][row, epoch - 1]
            assert metrics["train_loss"] == table.curves["train_loss"][row, epoch - 1]
            assert metrics["latency"] == table.columns["latency"][row]  # of the architecture, not of its training
            # A loss without a curve is known after the whole training only.
            np.testing.assert_equal(metrics["valid_loss"], table.columns["valid_loss"][row] if epoch == 9 else np.nan)
    np.testing.assert_array_equal(problem.history, np.repeat(np.arange(len(table)), 9))
    np.testing.assert_array_equal(problem.epochs, np.tile(np.arange(1, 10), len(table)))


def test_the_last_epoch_is_the_whole_training(make_table: Callable[..., Table]) -> None:
    table = make_table(epochs=9)
    # As if the curve had been kept with fewer digits than the column.
    rounded = {**table.curves, "valid": table.curves["valid"].astype(np.float32)}
    problem = TabularProblem(dataclasses.replace(table, curves=rounded), ALL)
    assert problem.evaluate((0, 1, 0, 2), 9) == problem.evaluate((0, 1, 0, 2)) == problem.evaluate([0, 1, 0, 2], None)
    assert problem.epochs.tolist() == [9, 9, 9]


def test_without_a_curve_costs_are_proportional(make_table: Callable[..., Table]) -> None:
    table = make_table(epochs=9)
    bare = dataclasses.replace(table, curves={"valid": table.curves["valid"]})
    for epoch in range(1, 10):
        cost = TabularProblem(bare, ALL).evaluate((0, 0, 0, 0), epoch).cost
        assert cost == pytest.approx(table.columns["cost"][0] * epoch / 9, rel=1e-15)


@pytest.mark.parametrize("fidelity", [0, -1, 10, 2.0, "3", True, float("nan")])
def test_fidelities_that_the_table_has_not(fidelity: Any, make_table: Callable[..., Table]) -> None:
    problem = TabularProblem(make_table(epochs=9), Budget("evaluations", 1))
    with pytest.raises(HarnessError, match=r"^fidelity .*: this table has epochs 1 to 9$"):
        problem.evaluate((0, 0, 0, 0), fidelity)
    problem.evaluate((0, 0, 0, 0), 1)  # what is refused costs nothing


def test_tables_of_one_fidelity(make_table: Callable[..., Table]) -> None:
    table = make_table(epochs=9)
    holes = {**table.curves, "valid": np.where(np.arange(9) == 3, np.nan, table.curves["valid"])}
    for one, why in (
        (make_table(), "no curve valid"),
        (dataclasses.replace(table, curves={"test": table.curves["test"]}), "no curve valid"),
        (dataclasses.replace(table, curves=holes), "its curve valid has holes"),
    ):
        problem = TabularProblem(one, ALL)
        assert problem.max_fidelity is None
        with pytest.raises(HarnessError, match=f"^fidelity 2: the table has one fidelity .*{why}.*leave it out$"):
            problem.evaluate((0, 0, 0, 0), 2)
        problem.evaluate((0, 0, 0, 0))
        assert problem.epochs.tolist() == [0]


def test_a_curve_of_another_length_is_refused(make_table: Callable[..., Table]) -> None:
    table = make_table(epochs=9)
    for name in ("cost", "train_loss"):
        short = dataclasses.replace(table, curves={**table.curves, name: table.curves[name][:, :5]})
        with pytest.raises(HarnessError, match=f"curve {name} has 5 epochs and curve valid 9"):
            TabularProblem(short, ALL, ("train_loss",))


def spent_of(problem: TabularProblem, asked: list[tuple[int, int | None]], table: Table, kind: str) -> list[float]:
    """What each evaluation takes, one by one, until the budget refuses one."""
    spent = []
    for row, epoch in asked:
        try:
            problem.evaluate(table.codes[row], epoch)
        except BudgetExhausted:
            break
        whole = epoch is None or epoch == 9
        cost = table.columns["cost"][row] if whole else table.curves["cost"][row, epoch - 1]
        spent.append({"evaluations": 1, "epochs": epoch or 9, "simulated_s": cost}[kind])
    return spent


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    asked=st.lists(st.tuples(st.integers(0, 119), st.none() | st.integers(1, 9)), max_size=60),
    amount=st.integers(100, 1500),
    kind=st.sampled_from(["evaluations", "epochs", "simulated_s"]),
)
def test_a_search_ends_before_the_evaluation_that_would_pass_its_budget(
    asked: list[tuple[int, int | None]], amount: int, kind: str, make_table: Callable[..., Table]
) -> None:
    table = make_table(epochs=9)
    if kind != "simulated_s":
        amount //= 10
    problem = TabularProblem(table, Budget(kind, amount))
    spent = spent_of(problem, asked, table, kind)
    every = spent_of(TabularProblem(table, Budget("evaluations", 100)), asked, table, kind)
    fits = np.cumsum(every) <= amount
    n = len(every) if fits.all() else int(fits.argmin())
    assert spent == every[:n]
    assert problem.history.tolist() == [row for row, _ in asked[:n]]
    assert problem.epochs.tolist() == [epoch or 9 for _, epoch in asked[:n]]
    if n < len(every):
        assert problem.exhausted
        with pytest.raises(BudgetExhausted, match=f"the budget of {amount} {kind} is spent"):
            problem.evaluate(table.codes[0], 1)  # nothing else, however cheap
        assert problem.history.size == n


def until_spent(evaluate: Callable[[Any], object], asked: Iterable[Any]) -> int:
    """How many evaluations the budget pays for."""
    for place, arch in enumerate(asked):
        try:
            evaluate(arch)
        except BudgetExhausted:
            return place
    raise AssertionError("the budget was never spent")


@pytest.mark.parametrize("kind", ["epochs", "simulated_s"])
def test_lockstep_ends_each_search_with_its_own_budget(kind: str, make_table: Callable[..., Table]) -> None:
    table = make_table(epochs=9, missing=0.2)
    budget = Budget(kind, 1000 if kind == "simulated_s" else 100)
    rng = np.random.default_rng(0)
    rows = rng.integers(len(table), size=(5, 400))
    lockstep = LockstepProblem(table, budget, 5)
    indices = table.index_of_row()[rows]
    steps = until_spent(lockstep.evaluate, indices.T)
    lengths = []
    for own, history in zip(rows, lockstep.history, strict=True):
        alone = TabularProblem(table, budget)
        until_spent(alone.evaluate, table.codes[own])
        lengths.append(len(alone.history))
        assert history[history >= 0].tolist() == alone.history.tolist() == history[: lengths[-1]].tolist()
    assert lockstep.history.shape[1] == max(lengths) == steps <= lockstep.steps
    assert (len(set(lengths)) > 1) == (kind == "simulated_s")


REFUSED_BUDGETS: dict[str, tuple[dict[str, Any], Budget, str]] = {
    "epochs of one fidelity": ({"curves": {}}, Budget("epochs", 100), "the table has one fidelity .no curve valid"),
    "no costs": ({"columns": 2}, Budget("simulated_s", 1000), "the table has no column cost"),
    "costs of nothing": ({"cost": 0.0}, Budget("simulated_s", 1000), "a training of the table takes 0 s; all must"),
    "costs below nothing": ({"cost": -1.0}, Budget("simulated_s", 1000), "a training of the table takes -0.1"),
    "costs with holes": ({"cost": np.nan}, Budget("simulated_s", 1000), "a training of the table takes nan"),
    "very small costs": (
        {"cost": 1e-6},
        Budget("simulated_s", 1000),
        "the shortest training takes .* s, and a search may make 10,000,000",
    ),
    "less than a training": (
        {},
        Budget("simulated_s", 50),
        r"the longest training takes [0-9.]+ s; give every search that much",
    ),
    "fewer epochs than a training": ({}, Budget("epochs", 8), "the longest training takes 9 epochs; give every search"),
}


@pytest.mark.parametrize("what", REFUSED_BUDGETS)
def test_budgets_that_a_table_cannot_count(what: str, make_table: Callable[..., Table]) -> None:
    changes, budget, message = REFUSED_BUDGETS[what]
    table = make_table(epochs=9)
    if "curves" in changes:
        table = dataclasses.replace(table, curves={})
    if "columns" in changes:
        table = dataclasses.replace(table, columns={key: table.columns[key] for key in ("valid", "test")})
    if "cost" in changes:
        cost = table.columns["cost"].copy()
        cost[5] = changes["cost"]
        table = dataclasses.replace(
            table, columns={**table.columns, "cost": cost}, curves={"valid": table.curves["valid"]}
        )
    for make in (
        lambda: check_searchable(table, budget),
        lambda: TabularProblem(table, budget),
        lambda: LockstepProblem(table, budget, 2),
    ):
        with pytest.raises(HarnessError, match=rf"^benchmark made/up: \[budgets\] {budget.kind} = .*{message}"):
            make()


@pytest.mark.parametrize("kind", ["evaluation", "seconds", ""])
def test_unknown_budget_kinds(kind: str) -> None:
    with pytest.raises(HarnessError, match=r"unknown budget kind .* valid: evaluations"):
        Budget(kind, 1)


@pytest.mark.parametrize("amount", [0, -1, 1.5, 10.0, "10", True, None, 10**12])
def test_budgets_out_of_range(amount: Any) -> None:
    with pytest.raises(HarnessError, match="budget evaluations: wanted a whole number"):
        Budget("evaluations", amount)


# Of the space's cardinalities (3, 5, 2, 4): the mixed-radix index of the first four is that of another architecture.
@pytest.mark.parametrize(
    "arch",
    [
        (0, 0, 0, 4),
        (0, 0, 1, -1),
        (1, -1, 0, 0),
        (0, 5, 0, 0),
        (3, 0, 0, 0),
        (-1, 0, 0, 0),
        (0, 0, 0),
        (0, 0, 0, 0, 0),
        (),
        (0, 0, 0, 0.5),
        (0, 0, 0, float("nan")),
        (0, 0, 0, None),
        (0, 0, 0, "1"),
        "0000",
        None,
        7,
        [[0], [0], [0], [0]],
    ],
)
def test_what_is_no_architecture_is_no_row(arch: Any, make_table: Callable[..., Table]) -> None:
    problem = TabularProblem(make_table(), ALL)
    problem.evaluate((0, 0, 0, 1))  # and not because another one is known already
    with pytest.raises(HarnessError, match="made-up"):
        problem.evaluate(arch)
    assert not problem.contains(arch)
    assert problem.history.tolist() == [1]


@pytest.mark.parametrize("wrap", [list, np.array, lambda arch: tuple(np.int16(choice) for choice in arch)])
def test_sequences_of_any_kind_are_architectures(wrap: Callable[..., Any], make_table: Callable[..., Table]) -> None:
    problem = TabularProblem(make_table(), ALL)
    assert problem.contains(wrap((2, 4, 1, 3)))
    problem.evaluate(wrap((2, 4, 1, 3)))
    assert problem.history.tolist() == [119]


@pytest.mark.parametrize("index", [-1, -120, 120, 10_000])
def test_an_index_out_of_range_is_no_row(index: int, make_table: Callable[..., Table]) -> None:
    problem = LockstepProblem(make_table(), ALL, 2)
    with pytest.raises((HarnessError, IndexError)):
        problem.evaluate(np.array([0, index]))
    assert problem.history.size == 0


def test_an_architecture_without_a_row(make_table: Callable[..., Table]) -> None:
    table = make_table(missing=0.3)
    index = int(np.flatnonzero(table.rows < 0)[0])
    problem, lockstep = TabularProblem(table, ALL), LockstepProblem(table, ALL, 2)
    assert not problem.contains(table.space.arch(index))
    with pytest.raises(HarnessError, match=r"is not in this table; ask Problem\.contains first"):
        problem.evaluate(table.space.arch(index))
    present = int(np.flatnonzero(table.rows >= 0)[0])
    assert lockstep.contains(np.array([index, present])).tolist() == [False, True]
    with pytest.raises(HarnessError, match=r"ask LockstepProblem\.contains first"):
        lockstep.evaluate(np.array([present, index]))


def test_smaller_is_better(make_table: Callable[..., Table]) -> None:
    table = make_table(direction="min")
    best = table.codes[np.argmin(table.valid)]
    scores = TabularProblem(table, Budget("evaluations", 200))
    assert max(scores.evaluate(code).score for code in table.codes) == scores.evaluate(best).score
    every = table.index_of_row()
    assert LockstepProblem(table, ALL, len(every)).evaluate(every).argmax() == np.argmin(table.valid)


UNIFORMS = [0.0, 1e-300, 0.25, 0.5, 0.999, 1 - 2**-53]


@pytest.mark.parametrize("weighted", [False, True])
def test_the_sampling_distribution(weighted: bool, make_table: Callable[..., Table]) -> None:
    table = make_table(missing=0.4, weighted=weighted)
    distribution = SamplingDistribution(table)
    rows = distribution.rows(np.array(UNIFORMS))
    assert rows.tolist() == [distribution.row(uniform) for uniform in UNIFORMS]
    assert rows[0] == 0
    assert rows[-1] == len(table) - 1
    shares = np.bincount(distribution.rows((np.arange(200_000) + 0.5) / 200_000), minlength=len(table)) / 200_000
    np.testing.assert_allclose(shares, table.weights / table.weights.sum(), atol=2e-5)


@pytest.mark.parametrize("weights", [[5e-324, 1.0], [1.0, 1e-300, 1.0], [1e300, 1e300, 1e-300]])
def test_extreme_weights_stay_inside(weights: list[float], make_table: Callable[..., Table]) -> None:
    table = make_table()
    table = Table(**{**vars(table), "codes": table.codes[: len(weights)], "weights": np.array(weights)})
    assert set(SamplingDistribution(table).rows(np.array(UNIFORMS)).tolist()) <= set(range(len(weights)))


def test_both_forms_draw_the_same(make_table: Callable[..., Table]) -> None:
    table = make_table(missing=0.4, weighted=True)
    problem, lockstep = TabularProblem(table, ALL), LockstepProblem(table, ALL, 1)
    for uniform in UNIFORMS:
        assert table.space.index(problem.sample(repeat(uniform))) == lockstep.sample(np.array(uniform))
