"""What a run would do and how long it would take; how far one is."""

from __future__ import annotations

import dataclasses
import json
import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from harness.errors import HarnessError
from harness.live.benchmark import LiveBenchmark
from harness.methods.base import method_class, run_search
from harness.running.folder import RunFolder, frames_of
from harness.running.kept import codes_of, is_of
from harness.running.manifest import NoManifest, read_manifest
from harness.running.records import SUITE, read_resolved
from harness.running.shards import in_order, missing_shards, parse_shard
from harness.streams import Streams
from harness.suites.catalogue import load_benchmark
from harness.suites.claims import cannot_be_shown
from harness.suites.group import Group, cells_of, groups_of
from harness.suites.suite import Suite
from harness.system.fan_out import check_jobs
from harness.tabular.problem import TabularProblem

Kind = tuple[str | int, ...]

PILOTS = 3  # searches timed for each method that has no records yet


@dataclass(frozen=True)
class Plan:
    """What is left to do.

    Attributes
    ----------
    cells, done
        Cells of the suite, and those among them that are finished.
    groups
        Each group with cells missing, and how many.
    older
        Those of the missing cells that other code has run.
    seconds, workers, basis
        Estimated time on that many workers, and what the estimate rests on.
    notes
        What of the suite's claims no run can show.
    """

    cells: int
    done: int
    groups: list[tuple[Group, int]]
    seconds: float
    workers: int
    basis: str
    older: int = 0
    notes: tuple[str, ...] = ()

    @property
    def missing(self) -> int:
        """Cells not finished; failed ones count as missing."""
        return self.cells - self.done

    def as_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        values = dataclasses.asdict(self) | {"missing": self.missing}
        values["groups"] = [
            {
                "benchmark": group.benchmark,
                "method": group.method.label,
                "budget": group.budget.amount,
                "missing": count,
            }
            for group, count in self.groups
        ]
        return values


def plan(suite: Suite, output: Path, jobs: int) -> Plan:
    """Compare a suite with what its output folder holds; estimate the rest from records there, or else from timed pilots."""
    check_jobs(jobs)
    groups = list(suite.groups())
    done = RunFolder(output).entries() if output.is_dir() else {}
    codes = codes_of(groups)
    missing: Counter[Group] = Counter()
    older = 0
    seconds_of: dict[Kind, list[float]] = {}
    cells = cells_of(groups, suite.seeds)
    for key, (group, _) in cells.items():
        entry = done.get(key)
        missing[group] += not is_of(entry, codes[group])
        if entry is None or entry.failed:
            continue
        older += not is_of(entry, codes[group])
        if not group.settings:  # what a live cell took does not say how long its last training was
            seconds_of.setdefault(_kind(group), []).append(entry.record["wall_s"])
    missing = +missing
    basis = "from the cells that are done" if missing and seconds_of else ""
    pilots: dict[Kind, float] = {}
    for group in missing:
        if _kind(group) not in seconds_of | pilots:
            pilots[_kind(group)] = _pilot(group)
    if pilots:
        timed = f"{PILOTS} timed searches" if not all(group.settings for group in missing) else "timed steps"
        basis = f"from {timed} of each method" + (f" and {basis}" if basis else "")
    cost = {kind: median(values) for kind, values in seconds_of.items()} | pilots
    workers = (os.cpu_count() or 1) if jobs == -1 else max(jobs, 1)
    return Plan(
        cells=len(cells),
        done=len(cells) - sum(missing.values()),
        groups=list(missing.items()),
        seconds=sum(cost[_kind(group)] * count for group, count in missing.items()) / workers,
        workers=workers,
        basis=basis or "nothing to do",
        older=older,
        notes=tuple(cannot_be_shown(suite.claims)),
    )


def _kind(group: Group) -> Kind:
    """What groups that take about as long have in common: on tables the method, on live benchmarks all of it."""
    return (group.method.label, group.benchmark, group.budget.amount) if group.settings else (group.method.label,)


def _pilot(group: Group) -> float:
    """Seconds of one cell. On a table the median of a few searches; a method that raises counts as what it took."""
    table = load_benchmark(group.benchmark)
    if isinstance(table, LiveBenchmark):
        from harness.running.pilot import estimate_cell

        method = method_class(group.method.name).of(group.method.params)
        return estimate_cell(table, method, group)
    times = []
    for seed in range(PILOTS):
        clock = time.perf_counter()
        try:
            method = method_class(group.method.name).of(group.method.params)
            problem = TabularProblem(table, group.budget, group.metrics, group.constraints, method.statistic_names)
            run_search(method, problem, Streams(group.benchmark, seed))
        except Exception:  # the run will record it as a failed cell
            pass
        times.append(time.perf_counter() - clock)
    return median(times)


def check_goes_on(suite: Suite, output: Path) -> None:
    """Refuse a suite that would take a comparison out of the report in a folder: it may add seeds, methods or benchmarks.

    Raises
    ------
    HarnessError
        If the folder holds what is not in the suite.
    """
    try:
        there = groups_of(json.loads((output / "suite.resolved.json").read_text()))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return  # no run, or one that tells nothing
    here = {_compared(group) for group in suite.groups()}
    for group in there:
        if _compared(group) not in here:
            raise HarnessError(
                f"{output}: holds another comparison: {group.method.label} on {group.benchmark} under {group.budget.amount} "
                f"{group.budget.kind} is not in this one; choose a folder for it with -o, or -o {output} to change what is there"
            )


def _compared(group: Group) -> tuple[Any, ...]:
    """What a group compares, whatever the version of its method and of its data."""
    method = group.method
    return (
        *(group.benchmark, method.name, method.params_json, group.budget),
        *(group.metrics, group.settings, group.constraints),
    )


def status(folders: Sequence[Path]) -> dict[str, Any]:
    """How far a run is, or several shards of one suite together.

    Parameters
    ----------
    folders
        Output folders of runs of one suite.

    Returns
    -------
    dict
        ``suite``, its name, and numbers of ``cells``, ``done``, ``failed`` and ``missing`` ones: of a single shard of its own
        cells, else of the whole suite. With shards ``missing_shards``, those of which a cell is missing, and with several
        folders ``folders``, the same of each.

    Raises
    ------
    HarnessError
        If a folder holds no run, or they are of different suites.
    """
    resolved, keys = _cells_of(folders[0])
    parts = [(folder, _shards_of(folder), _statuses(folder)) for folder in folders]
    together: dict[str, str] = {}
    for folder, _, found in parts:
        if folder is not folders[0] and _cells_of(folder)[0] != resolved:
            raise HarnessError(f"{folders[0]} and {folder} are not of the same suite")
        together |= {key: one for key, one in found.items() if one != "failed" or key not in together}
    shards = in_order({shard for _, shards, _ in parts for shard in shards})
    wanted = keys if len(parts) > 1 else _own(keys, shards)
    counted = {"suite": str(resolved["name"]), **_counted(wanted, together)}
    if shards:
        counted["missing_shards"] = missing_shards(shards, keys, together)
    if len(parts) > 1:
        counted["folders"] = [
            {"folder": str(folder), "shards": shards, **_counted(_own(keys, shards), found)}
            for folder, shards, found in parts
        ]
    return counted


def _cells_of(folder: Path) -> tuple[dict[str, Any], list[str]]:
    """Return the suite of a run, and the keys of all its cells."""
    try:
        resolved = read_resolved(folder / SUITE)
        return resolved, list(cells_of(groups_of(resolved), resolved["seeds"]))
    except (HarnessError, TypeError, KeyError, AttributeError) as error:
        raise HarnessError(f"{folder}: no readable {SUITE}; wanted the output folder of `nas-harness run`") from error


def _shards_of(folder: Path) -> Sequence[str]:
    try:
        return read_manifest(folder).shards
    except NoManifest:
        return []


def _statuses(folder: Path) -> dict[str, str]:
    records = frames_of(folder).records
    return dict(zip(records["cell"], records["status"], strict=True))


def _own(keys: Sequence[str], shards: Sequence[str]) -> Sequence[str]:
    """Return the cells of a single shard; of anything else all."""
    return parse_shard(shards[0]).of(keys) if len(shards) == 1 else keys


def _counted(keys: Sequence[str], statuses: Mapping[str, str]) -> dict[str, int]:
    counts = Counter(statuses.get(key, "missing") for key in keys)
    failed, missing = counts["failed"], counts["missing"]
    return {"cells": len(keys), "done": len(keys) - failed - missing, "failed": failed, "missing": missing}
