"""What a run would do and how long it would take; how far one is."""

from __future__ import annotations

import dataclasses
import json
import os
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from harness.errors import HarnessError
from harness.live.benchmark import LiveBenchmark
from harness.methods.base import method_class, run_search
from harness.running.kept import codes_of, is_of
from harness.running.records import RunFolder
from harness.streams import Streams
from harness.suites.catalogue import load_benchmark
from harness.suites.group import Group, groups_of
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
    """

    cells: int
    done: int
    groups: list[tuple[Group, int]]
    seconds: float
    workers: int
    basis: str
    older: int = 0

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
    for group in groups:
        for seed in suite.seeds:
            entry = done.get(group.key(seed))
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
        cells=len(groups) * len(suite.seeds),
        done=len(groups) * len(suite.seeds) - sum(missing.values()),
        groups=list(missing.items()),
        seconds=sum(cost[_kind(group)] * count for group, count in missing.items()) / workers,
        workers=workers,
        basis=basis or "nothing to do",
        older=older,
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


def status(output: Path) -> dict[str, Any]:
    """How far a run is: name of the suite, and numbers of cells, done, failed and missing ones.

    Raises
    ------
    HarnessError
        If the folder holds no run.
    """
    try:
        resolved = json.loads((output / "suite.resolved.json").read_text())
        keys = [group.key(seed) for group in groups_of(resolved) for seed in resolved["seeds"]]
        name = str(resolved["name"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise HarnessError(
            f"{output}: no readable suite.resolved.json; wanted the output folder of `nas-harness run`"
        ) from error
    entries = RunFolder(output).entries()
    done = sum(key in entries and not entries[key].failed for key in keys)
    failed = sum(key in entries and entries[key].failed for key in keys)
    return {
        "suite": name,
        "cells": len(keys),
        "done": done,
        "failed": failed,
        "missing": len(keys) - done - failed,
    }
