"""The one place where a table's test values meet a search: after it has ended."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness import provenance
from harness.catalogue import Benchmark
from harness.constraint import feasible_rows
from harness.records import Entry
from harness.spaces.base import Arch
from harness.suite import SCHEMA, Group
from harness.tabular.table import COST, TEST, VALID, Table

NAN = float("nan")


@dataclass(frozen=True)
class Ended:
    """A search that has ended, however.

    Attributes
    ----------
    arch
        What it recommends; None means the best feasible one by validation, the first of equal ones.
    error
        Traceback, if the method raised.
    wall_s, started_at
        How long it took, and since when.
    """

    arch: Arch | None = None
    error: str = ""
    wall_s: float = 0.0
    started_at: str = ""


def now() -> str:
    """The time of day, UTC, for ``started_at``."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def printable_traceback() -> str:
    """Traceback of the exception that is being handled, without what no file takes, such as a piece of a file name."""
    return traceback.format_exc().encode("utf-8", "backslashreplace").decode()


def common_columns(
    group: Group, seed: int, benchmark: Benchmark, search: Ended, origin: Mapping[str, str]
) -> dict[str, Any]:
    """The columns of a record that say what the cell is and how its search ended.

    Parameters
    ----------
    group, seed
        The cell.
    benchmark
        Where it was searched.
    search
        How it ended.
    origin
        The record's columns ``suite``, ``git_commit``, ``git_dirty`` and ``environment``.
    """
    return {
        "schema_version": SCHEMA,
        "cell": group.key(seed),
        "benchmark": benchmark.name,
        "dataset": benchmark.dataset,
        "space": benchmark.space.name,
        "method": group.method.name,
        "label": group.method.label,
        "method_params": group.method.params_json,
        "method_version": group.method.version,
        "seed": seed,
        "budget": group.budget.amount,
        "budget_kind": group.budget.kind,
        "constraint": ", ".join(map(str, group.constraints)),
        "status": "failed" if search.error else "ok",
        "error": search.error,
        "metric": benchmark.metric,
        "unit": benchmark.unit,
        "wall_s": search.wall_s,
        "peak_memory": provenance.peak_memory_mb(),
        "data_sha256": group.data_sha256,
        "code_version": provenance.code_version(),
        "started_at": search.started_at,
        **origin,
    }


def join_test_values(
    group: Group, seed: int, table: Table, rows: NDArray[np.int64], search: Ended, origin: Mapping[str, str]
) -> Entry:
    """Record and trace of a search over a table that has ended.

    Parameters
    ----------
    group, seed
        The cell.
    table
        Its table, test values included.
    rows
        (n_evaluations,) rows of the table that it evaluated, in order.
    search, origin
        As in `common_columns`.
    """
    satisfies = feasible_rows(table, group.constraints)
    feasible = satisfies[rows]
    changes = _incumbent_changes(table, rows, feasible)
    spent = np.cumsum(table.columns[COST][rows]) if COST in table.columns else np.full(rows.size, NAN)
    final: int | None = None
    if not search.error and search.arch is not None:
        final = int(table.rows[table.space.index(search.arch)])
    elif not search.error and changes.size:
        final = int(rows[changes[-1]])
    answers = final is not None and bool(satisfies[final])

    def of_final(column: str) -> float:
        return NAN if final is None or column not in table.columns else float(table.columns[column][final])

    record = common_columns(group, seed, table, search, origin) | {
        "fidelity": ", ".join(f"{role}: {table.fidelity[role]}" for role in (VALID, TEST) if role in table.fidelity),
        "arch": "" if final is None else _text(table, final),
        "valid": of_final(VALID),
        "test": of_final(TEST),
        "status": "failed" if search.error else "ok" if answers else "infeasible",
        "test_best": NAN if not answers or not feasible.any() else _best(table, table.test[rows[feasible]]),
        "n_evaluations": int(rows.size),
        "n_unique": int(np.unique(rows).size),
        "n_feasible": int(feasible.sum()),
        "simulated_s": float(spent[-1]) if rows.size else NAN,
        "params": of_final("params"),
        "flops": of_final("flops"),
        "latency": of_final("latency"),
    }
    trace = []
    for step in changes.tolist():
        row = int(rows[step])
        arch, valid = _text(table, row), float(table.valid[row])
        trace.append([step + 1, arch, valid, arch, valid, float(table.test[row]), float(spent[step])])
    # What else a search brought is of interest where it had more than one goal; of others the trace is enough.
    return Entry(record, trace, rows=rows.tolist() if group.metrics else [])


def _incumbent_changes(table: Table, rows: NDArray[np.int64], feasible: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Positions at which the best validation score so far of a feasible architecture improves."""
    scores = np.where(feasible, table.valid[rows] if table.direction == "max" else -table.valid[rows], -np.inf)
    best = np.maximum.accumulate(np.r_[-np.inf, scores])
    return np.flatnonzero(best[1:] > best[:-1])


def _best(table: Table, values: NDArray[np.float64]) -> float:
    return float(values.max() if table.direction == "max" else values.min())


def _text(table: Table, row: int) -> str:
    return table.space.format(table.codes[row])
