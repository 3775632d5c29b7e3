"""Baselines: what a later run is checked against, one JSON file with a checksum."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError, differences
from harness.problem.budget import Budget
from harness.running.records import edited, read_run
from harness.statistics._student import variance_of_mean
from harness.suites.catalogue import load_benchmark
from harness.suites.group import Group, cells_of, groups_of
from harness.system.files import write_whole
from harness.tabular.curves import random_draws
from harness.tabular.law import random_search_law
from harness.tabular.table import COST, Table

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
    infeasible
        (m,) further seeds whose search found nothing that satisfies the constraint, ascending.
    conditions
        Metrics, settings and constraint that its method is run under, see `harness.suites.group.Group.conditions`; None in a
        baseline that does not say.
    cost_ratio
        Median search time over that of the method ``random`` on the same benchmark in the same run; NaN if unknown.
    unit
        Of the scores; empty in a baseline, which does not say.
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
    infeasible: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    conditions: Mapping[str, Any] | None = None
    cost_ratio: float = float("nan")
    unit: str = ""

    @property
    def identity(self) -> tuple[Any, ...]:
        """Benchmark, label and budget."""
        return tuple(getattr(self, key) for key in IDENTITY)

    @property
    def name(self) -> str:
        """For people: ``label on benchmark, 100 evaluations``; results from elsewhere have no budget."""
        return f"{self.label} on {self.benchmark}" + (f", {self.budget} {self.budget_kind}" if self.budget else "")

    @property
    def has_spread(self) -> bool:
        """Whether there are several seeds, and their test scores differ by more than rounding."""
        return len(self.test) > 1 and variance_of_mean(self.test) > 0

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


def cells_of_run(output: Path, like: Mapping[tuple[Any, ...], Cell] | None = None) -> Baseline:
    """The cells of a finished run.

    Parameters
    ----------
    output
        Folder of the run.
    like
        Cells, by identity, that are to be compared with: only these are wanted, and measured by the same references. None:
        all, each measured by random search on its table, or in this run where there is no table.

    Raises
    ------
    HarnessError
        If the folder holds no finished run, its files were edited, or a table that it used is not the one that is here.
    """
    records, _, resolved = read_run(output)
    for edit in edited(output):
        raise HarnessError(f"{edit}; run the suite again into another folder")
    groups = groups_of(resolved)
    group_of = {key: group for key, (group, _) in cells_of(groups, resolved["seeds"]).items()}
    records = records[records["cell"].isin(group_of)]
    cells = {}
    for identity, frame in records.groupby(list(IDENTITY), sort=False):
        if like is None or identity in like:
            group = group_of[frame["cell"].iloc[0]]
            reference = _reference(group, records) if like is None else like[identity].reference
            cells[identity] = _cell(group, frame, reference)
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


def _cell(group: Group, frame: pd.DataFrame, reference: float) -> Cell:
    good = frame[frame["status"] == "ok"].sort_values("seed")
    first, benchmark = frame.iloc[0], load_benchmark(group.benchmark)
    return Cell(
        benchmark=group.benchmark,
        label=first["label"],
        budget_kind=group.budget.kind,
        budget=group.budget.amount,
        method=first["method"],
        method_params=first["method_params"],
        data_sha256=first["data_sha256"],
        sign=1 if benchmark.direction == "max" else -1,
        unit=benchmark.unit,
        reference=reference,
        seeds=good["seed"].to_numpy(dtype=np.int64),
        valid=good["valid"].to_numpy(dtype=np.float64),
        test=good["test"].to_numpy(dtype=np.float64),
        failed=int((frame["status"] == "failed").sum()),
        infeasible=np.sort(frame.loc[frame["status"] == "infeasible", "seed"].to_numpy(dtype=np.int64)),
        conditions=group.conditions,
    )


def _reference(group: Group, records: pd.DataFrame) -> float:
    """Mean test score of random search at equal budget, of the average architecture where that is what reports compare with."""
    benchmark = load_benchmark(group.benchmark)
    if benchmark.sha256 != group.data_sha256:
        raise HarnessError(f"benchmark {group.benchmark}: the data here is not that which the run used")
    if isinstance(benchmark, Table):
        law = random_search_law(benchmark, group.constraints)
        return abs(float(law.mean(_draws(benchmark, group.budget))))
    if benchmark.table is not None:
        return abs(float(random_search_law(benchmark.table).mean(1)))
    here = records[(records["benchmark"] == group.benchmark) & (records["budget"] == group.budget.amount)]
    for method in ("random-architecture", "random"):
        scores = here.loc[(here["method"] == method) & (here["status"] == "ok"), "test"]
        if len(scores):
            return abs(float(scores.mean()))
    raise HarnessError(
        f"benchmark {group.benchmark}: no random-architecture or random in the run, and no table: nothing says what an RI "
        "point is; add one of them to the suite"
    )


def _draws(table: Table, budget: Budget) -> int:
    """Architectures that random search trains at a budget; of one in seconds, as many as it pays for at the average cost."""
    draws = random_draws(table, budget)
    if draws is None:
        draws = int(budget.amount / np.average(table.columns[COST], weights=table.weights))
    return max(1, draws)


def _joined(one: Cell, other: Cell) -> Cell:
    for what in ("data_sha256", "method", "method_params", "conditions"):
        if getattr(one, what) != getattr(other, what):
            raise HarnessError(f"{one.name}: the runs differ in {what} and make no common baseline")
    common = np.intersect1d(one.seeds, other.seeds)
    if not (same_results(one.at(common), other.at(common)) and _equally_feasible(one, other)):
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
        infeasible=np.union1d(one.infeasible, other.infeasible),
    )


def same_results(one: Cell, other: Cell) -> bool:
    """Whether two cells hold the same scores for the same seeds, bit for bit."""
    return all(np.array_equal(getattr(one, key), getattr(other, key)) for key in ("seeds", "valid", "test"))


def equal_where_shared(new: Cell, old: Cell) -> bool:
    """Whether two cells agree bit for bit on the seeds that both have, which must be some, and no new search failed."""
    common = np.intersect1d(new.seeds, old.seeds)
    some = len(common) + len(np.intersect1d(new.infeasible, old.infeasible)) > 0
    same = same_results(new.at(common), old.at(common)) and _equally_feasible(new, old)
    return new.failed == 0 and some and same


def _equally_feasible(one: Cell, other: Cell) -> bool:
    """Whether no seed of two cells found an answer in one and nothing feasible in the other."""
    return not (np.isin(one.seeds, other.infeasible).any() or np.isin(other.seeds, one.infeasible).any())


def check_same_problem(new: Cell, old: Cell, here: str, there: str) -> None:
    """Refuse to compare cells whose scores do not mean the same.

    Parameters
    ----------
    new, old
        Cells of the same identity.
    here, there
        What messages call the runs, or the run and the baseline, that they are of.

    Raises
    ------
    HarnessError
        If they are of other data, under another constraint, or their architectures are evaluated by another recipe.
    """
    if new.data_sha256 != old.data_sha256 and not old.budget:  # results from elsewhere
        raise HarnessError(
            f"{here}: {old.name}: scores are {new.data_sha256}, in {there} {old.data_sha256}; say --unit and --direction"
        )
    if new.data_sha256 != old.data_sha256:
        raise HarnessError(f"{here}: {old.benchmark} is another table than in {there}; run it again on the same data")
    if old.conditions is None or new.conditions is None:
        # What random search scores under another constraint is another number.
        if not np.isclose(new.reference, old.reference, rtol=1e-9, atol=0):
            raise HarnessError(
                f"{here}: {old.name}: random search scores {new.reference:g}, in {there} {old.reference:g}, so that one "
                "was made under another constraint; make it again"
            )
        return
    if changed := differences(_meaning(old.conditions), _meaning(new.conditions)):
        raise HarnessError(
            f"{old.name} is not the same problem in {there} and {here} ({'; '.join(changed)}); give both the same"
        )


def check_reference(cell: Cell) -> None:
    """Refuse to measure a change in hundredths of nothing."""
    if not cell.reference > 0:
        raise HarnessError(
            f"{cell.name}: the mean test score of random search is {cell.reference:g}, so that a change has no size in RI "
            "points; give scores whose mean is not 0"
        )


def _meaning(conditions: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a cell's conditions that decide what its scores mean; the others decide how they are searched for."""
    evaluation = conditions.get("settings", {}).get("evaluation", {})
    return {"constraint": conditions.get("constraint", {}), "evaluation": evaluation}


ARRAYS = {"seeds": np.int64, "valid": np.float64, "test": np.float64, "infeasible": np.int64}


def _encoded(cell: Cell) -> dict[str, Any]:
    values = {key: value for key, value in vars(cell).items() if key not in (*ARRAYS, "unit")}
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
        if key not in fields:  # a baseline that does not say what was infeasible
            continue
        packed = zlib.decompress(base64.b64decode(fields[key]))
        fields[key] = np.frombuffer(packed, dtype=np.dtype(kind).newbyteorder("<")).astype(kind)
    fields["cost_ratio"] = float("nan") if fields["cost_ratio"] is None else fields["cost_ratio"]
    return Cell(**fields)


def _checksum(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
