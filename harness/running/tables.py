"""Cells over tables."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError
from harness.methods.base import Lockstep, Method, SearchResult, run_lockstep, run_search
from harness.running.joining import Ended, join_test_values, now, printable_traceback
from harness.running.records import Entry
from harness.streams import Streams
from harness.suites.group import Group
from harness.tabular.curves import spending
from harness.tabular.lockstep import LockstepProblem
from harness.tabular.problem import TabularProblem
from harness.tabular.table import Table

Search = tuple[NDArray[np.int64], NDArray[np.int64], Ended]  # rows evaluated, in order, their epochs, and how it ended


def run_table_cells(
    table: Table, group: Group, cls: type[Method], seeds: Sequence[int], origin: Mapping[str, str], *, lockstep: bool
) -> list[Entry]:
    """Run some seeds of a group over a table; see `harness.running.cells.run_cells`."""
    searches = _in_lockstep(table, group, cls, seeds) if lockstep else None
    if searches is None:  # no such form, or it failed or did nothing: one by one, so that the others finish
        searches = [_alone(table, group, cls, seed) for seed in seeds]
    return [
        join_test_values(group, seed, table, rows, epochs, ended, origin)
        for seed, (rows, epochs, ended) in zip(seeds, searches, strict=True)
    ]


def _in_lockstep(table: Table, group: Group, cls: type[Method], seeds: Sequence[int]) -> list[Search] | None:
    started_at, clock = now(), time.perf_counter()
    method = cls.of(group.method.params)
    assert isinstance(method, Method)
    assert isinstance(method, Lockstep)
    try:
        problem = LockstepProblem(table, group.budget, len(seeds), group.constraints, method.statistic_names)
        run_lockstep(method, problem, group.benchmark, seeds)
    except (Exception, SystemExit):
        return None
    if not problem.history.size:
        return None
    wall_s = (time.perf_counter() - clock) / len(seeds)
    histories = [rows[rows >= 0] for rows in problem.history]
    return [
        (rows, np.full(len(rows), table.epochs or 0), Ended(wall_s=wall_s, started_at=started_at, n_statistics=asked))
        for rows, asked in zip(histories, problem.n_statistics.tolist(), strict=True)
    ]


def _alone(table: Table, group: Group, cls: type[Method], seed: int) -> Search:
    started_at, clock = now(), time.perf_counter()
    method = cls.of(group.method.params)
    problem = TabularProblem(table, group.budget, group.metrics, group.constraints, method.statistic_names)
    found, error = SearchResult(), ""
    try:
        found = run_search(method, problem, Streams(group.benchmark, seed))
        spent = np.cumsum(spending(table, group.budget.kind, problem.history, problem.epochs))
        if spent.size and spent[-1] > group.budget.amount:
            raise HarnessError(f"the method spent {spent[-1]:g} of {group.budget.amount} {group.budget.kind}")
        for arch in found.sample or (() if found.arch is None else (found.arch,)):
            if not problem.contains(table.space.validate(arch)):
                raise HarnessError(f"the method recommends {table.space.format(arch)}, which is not in the table")
        evaluated = set(problem.history.tolist())
        for arch in found.front:
            if int(table.rows[table.space.index(arch)]) not in evaluated:
                raise HarnessError(f"the method's front has {table.space.format(arch)}, which it did not evaluate")
        if found.arch is None and not found.sample and not problem.history.size:
            raise HarnessError("the method evaluated nothing and recommends nothing")
    except (Exception, SystemExit):  # a method that exits must not end the run
        error = printable_traceback()
    wall_s = time.perf_counter() - clock
    ended = Ended(found.arch, error, wall_s, started_at, problem.overhead_s, found.sample, problem.n_statistics)
    return problem.history, problem.epochs, ended
