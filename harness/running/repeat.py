"""Run the cells of a finished run again, and say whether they are the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.code.digest import Code
from harness.errors import HarnessError, differences, first_line
from harness.running.difference import Difference, difference
from harness.running.equivalence import Shift, shifts
from harness.running.folder import frames_of
from harness.running.frames import Frames
from harness.running.kept import codes_of
from harness.running.manifest import (
    Manifest,
    is_other_processor,
    load_plugins,
    other_code,
    other_versions,
    read_manifest,
)
from harness.running.records import RECORDS, read_resolved
from harness.running.runner import run_suite
from harness.suites.catalogue import load_benchmark
from harness.suites.group import Group, cells_of, groups_of
from harness.suites.seeds import parse_seeds
from harness.suites.suite import Suite


@dataclass(frozen=True)
class Repetition:
    """What repeating a run came to.

    Attributes
    ----------
    is_same
        Whether all cells have the same results: to the bit, or within the margins of the run's manifest.
    output
        Folder of the run that was made.
    n_cells, n_differing
        Cells that were run again, and those of them that differ in a bit.
    first
        Where the first of these differs, and by how much; empty if none does.
    shifts
        How far the means of the groups that differ have moved, where the processor is of another kind.
    notes
        What is not as it was, and what was left out.
    """

    is_same: bool
    output: Path
    n_cells: int
    n_differing: int = 0
    first: str = ""
    shifts: tuple[Shift, ...] = ()
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "verdict": "the same" if self.is_same else "differs",
            "output": str(self.output),
            "cells": self.n_cells,
            "differing": self.n_differing,
            "first": self.first,
            "shifts": [vars(shift) for shift in self.shifts],
            "notes": list(self.notes),
        }

    def __str__(self) -> str:
        if not self.n_differing:
            said = f"the same: {self.n_cells} cells are equal to the bit"
        elif self.is_same:
            said = (
                f"the same within the margins of its manifest, on another kind of processor: {self.n_differing} of "
                f"{self.n_cells} cells differ in the last bits and what follows from them"
            )
        else:
            said = f"differs: {self.n_differing} of {self.n_cells} cells; the first is {self.first}"
        lines = [f"{said}; {self.output}", *(f"note: {note}" for note in self.notes), *map(str, self.shifts)]
        return "\n".join(lines)


def repeat(
    run: str | Path,
    output: str | Path | None = None,
    *,
    seeds: str | Sequence[int] | None = None,
    plugin: Sequence[str | Path] = (),
    jobs: int = 1,
    progress: bool = False,
) -> Repetition:
    """Run the finished cells of a run again into a new folder, and compare them bit by bit, declared time fields apart.

    Parameters
    ----------
    run
        Output folder of a run.
    output
        The new folder; by default the run's with ``-repeat`` behind its name. A repetition that was killed goes on there.
    seeds
        Some of the run's seeds, ``"0:5"``; all by default.
    plugin
        Plug-in files that stand for the run's own of the same name. These are loaded from where they lay, or else from the
        copies in the run's folder.
    jobs
        Worker processes; -1 for one a core.
    progress
        Whether to show progress on standard error.

    Raises
    ------
    HarnessError
        If it cannot be repeated, or nobody can tell whether the results are the same; the message says what is missing.
    """
    run = Path(run)
    try:
        return _repeat(run, beside(run) if output is None else Path(output), seeds, plugin, jobs, progress)
    except HarnessError as error:  # a worker that died, too: that says nothing of the results
        raise HarnessError(f"cannot repeat {run}: {error}") from error


def beside(run: Path) -> Path:
    """The folder that a repetition goes into where none is named."""
    whole = run.resolve()
    return whole.with_name(f"{whole.name}-repeat") if run.name in ("", "..") else run.with_name(f"{run.name}-repeat")


def _repeat(
    run: Path,
    output: Path,
    seeds: str | Sequence[int] | None,
    plugin: Sequence[str | Path],
    jobs: int,
    progress: bool,
) -> Repetition:
    manifest, resolved = read_manifest(run), read_resolved(run / "suite.resolved.json")
    if (output / RECORDS).is_file() or output.resolve() == run.resolve():
        raise HarnessError(f"{output}: holds a run already; remove it, or choose another folder with -o")
    load_plugins(run, manifest, plugin)
    _check_data(resolved)
    suite = Suite.from_resolved(resolved, where=str(run), any_version=True)
    suite = replace(suite, seeds=_chosen(seeds, suite.seeds, run))
    codes = codes_of(suite.groups())
    there = frames_of(run)
    pairs = _pairs(groups_of(resolved), suite, there)
    if not pairs:
        raise HarnessError(f"{run}: none of these cells has been finished")
    run_suite(suite, output, jobs=jobs, progress=progress, only=list(pairs.values()))
    there, here = there.of_cells(pairs), frames_of(output).of_cells(pairs.values())
    again = read_manifest(output)
    notes = tuple(_notes(manifest, again, codes.values(), there, len(cells_of(suite.groups(), suite.seeds))))
    found = difference(there, here)
    if found is None:
        return Repetition(True, output, len(pairs), notes=notes)
    whole = Repetition(False, output, len(pairs), len(found.places), _first(found, there), notes=notes)
    is_live = all(group.settings for group in suite.groups())
    if not is_live or not is_other_processor(manifest.environment, again.environment):
        return whole
    if (there.records["status"] != here.records["status"]).any():
        return whole
    where = f"{output}: this is another kind of processor, and"
    return replace(whole, is_same=True, shifts=shifts(there, here, found.places, manifest.margins, where))


def _check_data(resolved: Mapping[str, Any]) -> None:
    """Refuse data that is not here, or is other data."""
    for name, digest in resolved["data_sha256"].items():
        try:
            benchmark = load_benchmark(name)
        except Exception as error:  # a plug-in's loader may raise anything
            raise HarnessError(f"the data of benchmark {name} is missing here: {first_line(error)}") from error
        if benchmark.sha256 != digest:
            raise HarnessError(
                f"benchmark {name} has other data here: SHA-256 {benchmark.sha256[:12]}..., wanted {digest[:12]}..."
            )


def _chosen(seeds: str | Sequence[int] | None, there: Sequence[int], run: Path) -> tuple[int, ...]:
    chosen = tuple(there) if seeds is None else parse_seeds(seeds, "--seeds")
    if unknown := sorted({*chosen} - {*there}):
        raise HarnessError(
            f"--seeds: {run} has no seed {unknown[0]}; it has {len(there)} from {min(there)} to {max(there)}"
        )
    return chosen


def _pairs(groups: Sequence[Group], suite: Suite, there: Frames) -> dict[str, str]:
    """Keys of the cells that have been finished -> their keys here, which differ where a method has another version."""
    finished = set(there.records.loc[there.records["status"] != "failed", "cell"])
    both = zip(groups, suite.groups(), strict=True)
    keys = ((old.key(seed), new.key(seed)) for old, new in both for seed in new.method.seeds_of(suite.seeds))
    return {old: new for old, new in keys if old in finished}


def _notes(before: Manifest, now: Manifest, codes: Iterable[Code], there: Frames, n_wanted: int) -> Iterable[str]:
    """Say what is not as it was, and what was left out."""
    if code := other_code(before, codes):
        yield f"other code: {', '.join(code)}"
    if versions := other_versions(before, now.environment):
        yield f"other versions: {'; '.join(versions)}"
    if is_other_processor(before.environment, now.environment):
        yield f"another kind of processor: {'; '.join(_processors(before, now))}"
    if before.environment["threads"] != now.environment["threads"]:
        yield f"other settings of threads: {before.environment['threads']} there, {now.environment['threads']} here"
    if left := n_wanted - len(there.records):
        yield f"{left} cells failed there, or are missing, and were left out"
    if adopted := int((there.records["adopted_from"] != "").sum()):
        yield f"{adopted} cells were adopted there: earlier code had run them"


def _processors(before: Manifest, now: Manifest) -> list[str]:
    there, here = (
        {key: str(manifest.environment.get(key, "")) for key in ("processor", "features", "caps", "accelerator")}
        for manifest in (before, now)
    )
    return differences(there, here)


def _first(found: Difference, there: Frames) -> str:
    record = there.records.iloc[found.places[0]]
    return f"{record['label']} on {record['benchmark']}, seed {record['seed']}: {'; '.join(found.first)}"
