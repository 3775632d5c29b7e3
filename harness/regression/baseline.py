"""Baselines: what a later run is checked against, one JSON file with a checksum."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.constraint import random_search_law
from harness.errors import HarnessError
from harness.files import write_whole
from harness.problem import Budget
from harness.records import edited, read_run
from harness.suite import constraints_of, groups_of
from harness.tabular.catalogue import load_benchmark
from harness.tabular.table import COST, Table
from harness.tabular.training import random_draws

if TYPE_CHECKING:
    import pandas as pd

FORMAT = 1
# What makes two groups of cells the same one.
IDENTITY = ("benchmark", "label", "budget_kind", "budget")


@dataclass(frozen=True)
class Cell:
    """Results of one method on one benchmark at one budget, over seeds.

    Attributes
    ----------
    benchmark, label, budget_kind, budget
        What it is.
    method, method_params, data_sha256
        How it was made.
    sign
        1 if larger scores are better, -1 if smaller ones are.
    reference
        Mean test score of random search at this budget: what one RI point is a hundredth of.
    seeds
        (n,) seeds, ascending.
    valid, test
        (n,) scores in the table's unit.
    failed
        Number of further seeds whose search failed.
    cost_ratio
        Median search time over that of the method ``random`` on the same benchmark in the same run; NaN if unknown.
    """

    benchmark: str
    label: str
    budget_kind: str
    budget: int
    method: str
    method_params: str
    data_sha256: str
    sign: int
    reference: float
    seeds: NDArray[np.int64]
    valid: NDArray[np.float64]
    test: NDArray[np.float64]
    failed: int = 0
    cost_ratio: float = float("nan")

    @property
    def identity(self) -> tuple[Any, ...]:
        """Benchmark, label and budget."""
        return tuple(getattr(self, key) for key in IDENTITY)

    @property
    def name(self) -> str:
        """For people: ``label on benchmark, 100 evaluations``."""
        return f"{self.label} on {self.benchmark}, {self.budget} {self.budget_kind}"

    def at(self, seeds: NDArray[np.int64]) -> Cell:
        """The same cell with these of its seeds only."""
        places = np.searchsorted(self.seeds, seeds)
        return replace(self, seeds=self.seeds[places], valid=self.valid[places], test=self.test[places])


@dataclass(frozen=True)
class Baseline:
    """The cells of a run, kept to be compared with.

    Attributes
    ----------
    name
        Name of the suite.
    cells
        By identity.
    made_by
        Versions of the harness and commits that the run's cells state.
    """

    name: str
    cells: dict[tuple[Any, ...], Cell]
    made_by: str = ""


def cells_of_run(output: Path) -> Baseline:
    """The cells of a finished run.

    Raises
    ------
    HarnessError
        If the folder holds no finished run, its files were edited, or a table that it used is not the one that is here.
    """
    records, _, resolved = read_run(output)
    for edit in edited(output):
        raise HarnessError(f"{edit}; run the suite again into another folder")
    groups = groups_of(resolved)
    keys = {group.key(seed) for group in groups for seed in resolved["seeds"]}
    records = records[records["cell"].isin(keys)]
    cells = {}
    for identity, frame in records.groupby(list(IDENTITY), sort=False):
        cells[identity] = _cell(identity, frame, resolved)
    medians = {
        identity: float(frame["wall_s"].median()) for identity, frame in records.groupby(list(IDENTITY), sort=False)
    }
    for identity, cell in cells.items():
        yardstick = medians.get((cell.benchmark, "random", cell.budget_kind, cell.budget), float("nan"))
        if yardstick > 0:
            cells[identity] = replace(cell, cost_ratio=medians[identity] / yardstick)
    made_by = " and ".join((records["code_version"] + " " + records["git_commit"].str[:12]).str.strip().unique())
    return Baseline(resolved["name"], cells, f"nas-harness {made_by}")


def merged(runs: Sequence[Baseline]) -> Baseline:
    """One baseline of several runs of a suite, e.g. of different seeds.

    Raises
    ------
    HarnessError
        If two runs disagree about a seed that both have, or about a table.
    """
    cells: dict[tuple[Any, ...], Cell] = {}
    for run in runs:
        for identity, cell in run.cells.items():
            cells[identity] = _joined(cells[identity], cell) if identity in cells else cell
    return replace(runs[0], cells=cells)


def save(baseline: Baseline, path: Path) -> None:
    """Write a baseline with its checksum."""
    content = {
        "format": FORMAT,
        "name": baseline.name,
        "made_by": baseline.made_by,
        "cells": [_encoded(cell) for cell in baseline.cells.values()],
    }
    document = content | {"sha256": _checksum(content)}
    write_whole(path, (json.dumps(document, indent=1) + "\n").encode())


def load(path: Path) -> Baseline:
    """Read a baseline.

    Raises
    ------
    HarnessError
        If it is missing, of another format, or not what its checksum says.
    """
    try:
        document = json.loads(path.read_text())
        stated = document.pop("sha256")
        if document["format"] != FORMAT:
            raise HarnessError(f"{path}: baseline of format {document['format']}; wanted {FORMAT}: make it again")
        if _checksum(document) != stated:
            raise HarnessError(
                f"{path}: its content does not match its checksum: it was edited or damaged; make it again"
            )
        cells = [_decoded(values) for values in document["cells"]]
    except OSError as error:
        raise HarnessError(f"{path}: {error.strerror}; wanted a file made by `nas-harness baseline`") from error
    except (ValueError, KeyError, TypeError, AttributeError, zlib.error) as error:
        raise HarnessError(f"{path}: not a baseline: {type(error).__name__}: {error}") from error
    return Baseline(document["name"], {cell.identity: cell for cell in cells}, document["made_by"])


def _cell(identity: Iterable[Any], frame: pd.DataFrame, resolved: dict[str, Any]) -> Cell:
    benchmark, label, budget_kind, budget = identity
    table = load_benchmark(benchmark)
    if table.sha256 != resolved["data_sha256"][benchmark]:
        raise HarnessError(f"benchmark {benchmark}: the table here is not the one that the run used")
    good = frame[frame["status"] == "ok"].sort_values("seed")
    first = frame.iloc[0]
    law = random_search_law(table, constraints_of(resolved))
    return Cell(
        benchmark=benchmark,
        label=label,
        budget_kind=budget_kind,
        budget=int(budget),
        method=first["method"],
        method_params=first["method_params"],
        data_sha256=first["data_sha256"],
        sign=1 if table.direction == "max" else -1,
        reference=abs(float(law.mean(_draws(table, Budget(budget_kind, int(budget)))))),
        seeds=good["seed"].to_numpy(dtype=np.int64),
        valid=good["valid"].to_numpy(dtype=np.float64),
        test=good["test"].to_numpy(dtype=np.float64),
        failed=int((frame["status"] == "failed").sum()),
    )


def _draws(table: Table, budget: Budget) -> int:
    """Architectures that random search trains at a budget; of one in seconds, as many as it pays for at the average cost."""
    draws = random_draws(table, budget)
    if draws is None:
        draws = int(budget.amount / np.average(table.columns[COST], weights=table.weights))
    return max(1, draws)


def _joined(one: Cell, other: Cell) -> Cell:
    if one.data_sha256 != other.data_sha256 or one.method_params != other.method_params:
        raise HarnessError(f"{one.name}: the runs differ in data or parameters and make no common baseline")
    common = np.intersect1d(one.seeds, other.seeds)
    if not same_results(one.at(common), other.at(common)):
        raise HarnessError(
            f"{one.name}: the runs disagree on a seed that both have; make a baseline of runs of the same code"
        )
    fresh = ~np.isin(other.seeds, one.seeds)
    seeds = np.concatenate([one.seeds, other.seeds[fresh]])
    order = np.argsort(seeds)
    return replace(
        one,
        seeds=seeds[order],
        valid=np.concatenate([one.valid, other.valid[fresh]])[order],
        test=np.concatenate([one.test, other.test[fresh]])[order],
    )


def same_results(one: Cell, other: Cell) -> bool:
    """Whether two cells hold the same scores for the same seeds, bit for bit."""
    return all(np.array_equal(getattr(one, key), getattr(other, key)) for key in ("seeds", "valid", "test"))


def equal_where_shared(new: Cell, old: Cell) -> bool:
    """Whether two cells agree bit for bit on the seeds that both have, which must be some, and no new search failed."""
    common = np.intersect1d(new.seeds, old.seeds)
    return new.failed == 0 and len(common) > 0 and same_results(new.at(common), old.at(common))


ARRAYS = {"seeds": np.int64, "valid": np.float64, "test": np.float64}


def _encoded(cell: Cell) -> dict[str, Any]:
    values = {key: value for key, value in vars(cell).items() if key not in ARRAYS}
    # For people, beside the arrays that the check uses.
    values |= {"n": len(cell.seeds), "mean_test": float(cell.test.mean()) if len(cell.test) else None}
    for key, kind in ARRAYS.items():
        packed = zlib.compress(
            np.ascontiguousarray(getattr(cell, key), dtype=np.dtype(kind).newbyteorder("<")).tobytes(), 9
        )
        values[key] = base64.b64encode(packed).decode()
    values["cost_ratio"] = None if np.isnan(cell.cost_ratio) else round(cell.cost_ratio, 3)
    return values


def _decoded(values: dict[str, Any]) -> Cell:
    fields = {key: value for key, value in values.items() if key not in ("n", "mean_test")}
    for key, kind in ARRAYS.items():
        packed = zlib.decompress(base64.b64decode(fields[key]))
        fields[key] = np.frombuffer(packed, dtype=np.dtype(kind).newbyteorder("<")).astype(kind)
    fields["cost_ratio"] = float("nan") if fields["cost_ratio"] is None else fields["cost_ratio"]
    return Cell(**fields)


def _checksum(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
