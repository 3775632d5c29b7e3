"""No test value can be reached from a problem, a method or a result."""

from __future__ import annotations

import dataclasses
import gc
import mmap
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.methods.base import AskTell, make_method, method_class, method_names, run_search
from harness.problem.budget import Budget
from harness.streams import Streams
from harness.tabular.catalogue import load_table, save_benchmark
from harness.tabular.lockstep import LockstepProblem
from harness.tabular.problem import TabularProblem
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
    wanted: dict[str, dict[str, Any]] = {  # without a default
        "given": {"architectures": [table.space.format(row) for row in table.codes[:3]]},
        "eeea": {"beta": 6.0},
    }
    method, streams = make_method(name, **wanted.get(name, {})), Streams(table.name, 0)
    if method.statistic_names:
        known = dict.fromkeys(method.statistic_names, table.codes.sum(axis=1).astype(float))
        table = dataclasses.replace(table, columns={**table.columns, **known}, statistics=dict.fromkeys(known, 0.0))
    problem = TabularProblem(table, ALL, ("train_loss", "valid_loss"), statistics=method.statistic_names)
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
