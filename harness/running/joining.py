"""The one place where a table's test values meet a search: after it has ended."""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError, printable
from harness.running.records import Entry
from harness.spaces.base import Arch
from harness.suites.catalogue import Benchmark
from harness.suites.group import SCHEMA, Group
from harness.system import provenance
from harness.tabular.curves import Seconds
from harness.tabular.feasible import feasible_rows
from harness.tabular.table import TEST, VALID, Table

NAN = float("nan")


@dataclass(frozen=True)
class Ended:
    """A search that has ended, however.

    Attributes
    ----------
    arch
        What it recommends; None means the best feasible one by validation among those that were trained longest, the first of
        equal ones.
    error
        Traceback, if the method raised.
    wall_s, started_at
        How long it took, and since when.
    overhead_s
        Processor seconds of its method's own models.
    sample
        Architectures none of which it prefers, instead of `arch`: the result is the mean of theirs.
    n_statistics
        Architectures that it asked about without evaluating them, see `harness.problem.base.Problem.statistics`.
    """

    arch: Arch | None = None
    error: str = ""
    wall_s: float = 0.0
    started_at: str = ""
    overhead_s: float = 0.0
    sample: tuple[Arch, ...] = ()
    n_statistics: int = 0


def now() -> str:
    """The time of day, UTC, for ``started_at``."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def printable_traceback() -> str:
    """Traceback of the exception that is being handled, without what no file takes, such as a piece of a file name."""
    return printable(traceback.format_exc())


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
        The record's columns ``suite``, ``code_digest``, ``adopted_from``, ``git_commit``, ``git_dirty`` and ``environment``.
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
        "overhead_s": search.overhead_s,
        "peak_memory": provenance.peak_memory_mb(),
        "data_sha256": group.data_sha256,
        "code_version": provenance.code_version(),
        "started_at": search.started_at,
        **origin,
    }


def looked_up(table: Table, arch: Arch) -> dict[str, float]:
    """Columns of a record for an architecture that a search on a supernet derived, from a table.

    Raises
    ------
    HarnessError
        If the table does not have it.
    """
    row = int(table.rows[table.space.index(arch)])
    if row < 0:
        raise HarnessError(f"the search derived {table.space.format(arch)}, which table {table.name} does not have")
    columns = {"valid": VALID, "test": TEST, "params": "params", "flops": "flops", "latency": "latency"}
    return {key: float(table.columns[name][row]) if name in table.columns else NAN for key, name in columns.items()}


def agreement_rows(table: Table, archs: Sequence[Arch], scores: Sequence[float]) -> list[dict[str, Any]]:
    """Rows of ``epochs.parquet``: what architectures score with a supernet's weights, and in the table.

    Parameters
    ----------
    table
        Where they are looked up.
    archs, scores
        Architectures, and their validation accuracies with the supernet's weights.
    """
    found = zip(archs, scores, strict=True)
    return [
        {
            "phase": "shared weights",
            "epoch": number,
            "arch": table.space.format(arch),
            "valid_accuracy": score,
            "table_valid": float(table.valid[row]),
            "table_test": float(table.test[row]),
        }
        for number, (arch, score) in enumerate(found, start=1)
        for row in [int(table.rows[table.space.index(arch)])]
    ]


def join_test_values(
    group: Group,
    seed: int,
    table: Table,
    rows: NDArray[np.int64],
    epochs: NDArray[np.int64],
    search: Ended,
    origin: Mapping[str, str],
) -> Entry:
    """Record and trace of a search over a table that has ended.

    An architecture's test score is the table's own, that of the whole training, however short the training was by which the
    search judged it: it is what the search's answer is worth, for every method alike. A sample is an answer if all of it
    satisfies the constraints. The trace's validation scores are those
    that the search saw.

    Parameters
    ----------
    group, seed
        The cell.
    table
        Its table, test values included.
    rows
        (n_evaluations,) rows of the table that it evaluated, in order.
    epochs
        (n_evaluations,) epochs of these trainings; 0 where the table has one fidelity.
    search, origin
        As in `common_columns`.
    """
    satisfies = feasible_rows(table, group.constraints)
    feasible = satisfies[rows]
    seen = _seen_scores(table, rows, epochs)
    places = np.flatnonzero(feasible)  # others are never an answer
    changes = places[_incumbent_changes(seen[places] if table.direction == "max" else -seen[places], epochs[places])]
    seconds = np.cumsum(Seconds(table)(rows, epochs))
    trained = np.cumsum(epochs, dtype=np.float64) if table.epochs is not None else np.full(rows.size, NAN)
    finals: list[int] = []  # several if none is preferred
    if not search.error and (named := search.sample or (() if search.arch is None else (search.arch,))):
        finals = [int(table.rows[table.space.index(arch)]) for arch in named]
    elif not search.error and changes.size:
        finals = [int(rows[changes[-1]])]
    answers = bool(finals) and bool(satisfies[finals].all())

    def of_final(column: str) -> float:
        return fmean(table.columns[column][finals].tolist()) if finals and column in table.columns else NAN

    record = common_columns(group, seed, table, search, origin) | {
        "fidelity": ", ".join(f"{role}: {table.fidelity[role]}" for role in (VALID, TEST) if role in table.fidelity),
        "arch": _text(table, finals[0]) if finals and not search.sample else "",
        "valid": of_final(VALID),
        "test": of_final(TEST),
        "status": "failed" if search.error else "ok" if answers else "infeasible",
        "test_best": NAN if not answers or not feasible.any() else _best(table, table.test[rows[feasible]]),
        "n_evaluations": int(rows.size),
        "n_unique": int(np.unique(rows).size),
        "n_feasible": int(feasible.sum()),
        "n_statistics": float(search.n_statistics or NAN),
        "simulated_s": float(seconds[-1]) if rows.size else NAN,
        "epochs": float(trained[-1]) if rows.size else NAN,
        "params": of_final("params"),
        "flops": of_final("flops"),
        "latency": of_final("latency"),
    }
    trace = []
    for step in [] if search.sample else changes.tolist():  # no architecture stands for a sample
        row = int(rows[step])
        arch, valid = _text(table, row), float(seen[step])
        spent = [float(seconds[step]), float(trained[step])]
        trace.append([step + 1, arch, valid, arch, valid, float(table.test[row]), *spent])
    # What else a search brought is of interest where it had more than one goal; of others the trace is enough. The scores of
    # trainings that stopped early are not the table's.
    wholly = rows[epochs == (table.epochs or 0)]
    return Entry(record, trace, rows=wholly.tolist() if group.metrics else [])


def _seen_scores(table: Table, rows: NDArray[np.int64], epochs: NDArray[np.int64]) -> NDArray[np.float64]:
    """Validation scores of trainings of these rows (n,) and epochs (n,), in the table's own direction: (n,)."""
    if table.epochs is None or bool((epochs == table.epochs).all()):
        return table.valid[rows]
    partial = table.curves[VALID][rows, epochs - 1]
    return np.where(epochs == table.epochs, table.valid[rows], partial)


def _incumbent_changes(scores: NDArray[np.float64], epochs: NDArray[np.int64]) -> NDArray[np.intp]:
    """Positions at which the incumbent changes: a longer training takes its place, of equally long ones a better score."""
    if not scores.size:
        return np.empty(0, dtype=np.intp)
    standing: NDArray[Any] = scores
    if (epochs != epochs[0]).any():  # ranks of the pairs (epochs, score)
        standing = np.unique(np.stack([epochs, scores], axis=1), axis=0, return_inverse=True)[1].ravel()
    best = np.maximum.accumulate(standing)
    return np.flatnonzero(np.r_[True, best[1:] > best[:-1]])


def _best(table: Table, values: NDArray[np.float64]) -> float:
    return float(values.max() if table.direction == "max" else values.min())


def _text(table: Table, row: int) -> str:
    return table.space.format(table.codes[row])
