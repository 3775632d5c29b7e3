"""One run of shards that machines ran which know nothing of each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError, differences
from harness.running.columns import TIME_COLUMNS
from harness.running.difference import MAKING, difference
from harness.running.equivalence import margins
from harness.running.folder import RunFolder, frames_of
from harness.running.frames import Frames, joined
from harness.running.manifest import Manifest, is_other_processor, other_versions, read_manifest
from harness.running.records import SUITE, read_resolved
from harness.running.shards import in_order, missing_shards
from harness.suites.group import Group, cells_of, groups_of
from harness.system.files import write_whole

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Merged:
    """What merging shards came to.

    Attributes
    ----------
    output, suite
        Folder of the run, and the suite's name.
    n_wanted, n_cells, n_failed
        Cells of the suite, those that are there, and those of them that failed.
    missing_shards
        Shards of which some cell is missing, ``"3/50"``; none if all shards are here, or nobody can tell.
    notes
        What is not alike in the shards, though it need not be.
    """

    output: Path
    suite: str
    n_wanted: int
    n_cells: int
    n_failed: int
    missing_shards: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "output": str(self.output),
            "suite": self.suite,
            "cells": self.n_wanted,
            "missing": self.n_wanted - self.n_cells,
            "failed": self.n_failed,
            "missing_shards": list(self.missing_shards),
            "notes": list(self.notes),
        }


def merge(runs: Sequence[str | Path], output: str | Path) -> Merged:
    """Make one run of shards of a suite, of which any may be missing or not finished; in whatever order, the same bytes.

    Parameters
    ----------
    runs
        Folders of shards, or of shards that were merged before.
    output
        Folder of the run. If it holds cells of the suite already, they count too.

    Raises
    ------
    HarnessError
        If the folders are of different suites or data, other code ran the cells of a group in one than in another, or a cell
        stands in two with different results.
    """
    import numpy as np
    import pandas as pd

    target = Path(output)
    folders = [Path(run) for run in runs]
    if (target / SUITE).is_file() and target.resolve() not in {folder.resolve() for folder in folders}:
        folders.append(target)
    resolved = _agreed([(folder, _resolved(folder)) for folder in folders])
    groups = groups_of(resolved)
    cells = cells_of(groups, resolved["seeds"])
    keys, number = list(cells), {group: place for place, group in enumerate(groups)}
    group_at = np.array([number[group] for group, _ in cells.values()])
    index = pd.Index(keys, dtype=object)
    parts, places = zip(*(_own_cells(frames_of(folder), index) for folder in folders), strict=True)
    _check_code(groups, [group_at[place] for place in places], folders, parts)
    frames = _without_doubles(folders, parts).of_cells(keys)
    home, manifest = _manifest(folders, frames, cells)
    with RunFolder(target) as folder:
        folder.write_json(SUITE, resolved)
        _copy_plugins(home, manifest, target)
        manifest.write(target)
        folder.replace(frames)
    return Merged(
        target,
        str(resolved["name"]),
        len(keys),
        len(frames.records),
        int((frames.records["status"] == "failed").sum()),
        tuple(missing_shards(manifest.shards, keys, frames.records["cell"])),
        tuple(_notes(folders)),
    )


def _resolved(folder: Path) -> dict[str, Any]:
    if not (folder / SUITE).is_file():
        raise HarnessError(
            f"{folder}: no {SUITE} here; wanted the output folder of `nas-harness run SUITE --shard 1/2`"
        )
    return read_resolved(folder / SUITE)


def _agreed(suites: Sequence[tuple[Path, dict[str, Any]]]) -> dict[str, Any]:
    """Return the suite of all folders."""
    first, resolved = suites[0]
    for folder, other in suites[1:]:
        if resolved == other:
            continue
        for benchmark, digest in resolved["data_sha256"].items():
            if other["data_sha256"].get(benchmark, digest) != digest:
                raise HarnessError(f"{first} and {folder} were run on different data of benchmark {benchmark}")
        found = differences(resolved, other)[0]
        shown = found if len(found) <= 200 else f"{found.split()[0]} differs"
        raise HarnessError(f"{first} and {folder} are not of the same suite ({shown}, there being {first})")
    return resolved


def _own_cells(part: Frames, keys: pd.Index[Any]) -> tuple[Frames, NDArray[np.intp]]:
    """Return the cells of the suite, and their places in it; a folder may hold those of other suites too."""
    place = keys.get_indexer(part.records["cell"].to_numpy(dtype=object))  # type: ignore[arg-type]  # an array will do
    own = place >= 0
    return (part if own.all() else part.of_cells(part.records.loc[own, "cell"])), place[own]


def _check_code(
    groups: Sequence[Group], numbers: Sequence[NDArray[np.intp]], folders: Sequence[Path], parts: Sequence[Frames]
) -> None:
    """Refuse groups whose cells other code ran in one folder than in another; `numbers` are those of the cells' groups."""
    known: dict[int, tuple[str, Path]] = {}
    for folder, part, group in zip(folders, parts, numbers, strict=True):
        ran = part.records[["code_digest"]].assign(group=group)
        for digest, number in ran.drop_duplicates().itertuples(index=False, name=None):
            there, where = known.setdefault(number, (digest, folder))
            if there != digest or not digest:
                one, other = (read_manifest(one).code for one in (where, folder))
                names = [name for name in sorted({*one, *other}) if one.get(name) != other.get(name)]
                method, benchmark = groups[number].method.label, groups[number].benchmark
                shown = f" ({', '.join(names)})" if names else ""
                raise HarnessError(
                    f"{where} and {folder}: the cells of {method} on {benchmark} were run by different "
                    f"code{shown}; run one of them again"
                )


def _without_doubles(folders: Sequence[Path], parts: Sequence[Frames]) -> Frames:
    """Join the folders; of a cell that stands in several one is taken, a success before a failure.

    Which one does not depend on the order of the folders.
    """
    import pandas as pd

    cells = pd.concat([part.records.assign(folder=number) for number, part in enumerate(parts)], ignore_index=True)
    cells["failed"] = cells["status"] == "failed"
    chosen = cells.sort_values(["failed", *TIME_COLUMNS, *MAKING, "error"], kind="stable").drop_duplicates("cell")
    if len(chosen) == len(cells):
        return joined(parts)
    whole = joined([part.of_cells(chosen.loc[chosen["folder"] == number, "cell"]) for number, part in enumerate(parts)])
    folder_of = dict(zip(chosen["cell"], chosen["folder"], strict=True))
    for number, part in enumerate(parts):
        finished = part.records.loc[part.records["status"] != "failed", "cell"]
        doubled = [key for key in finished if folder_of[key] != number]
        found = difference(whole.of_cells(doubled), part.of_cells(doubled))
        if found is not None:
            key = doubled[found.places[0]]
            row = part.of_cells([key]).records.iloc[0]
            raise HarnessError(
                f"{folders[folder_of[key]]} and {folders[number]}: {row['label']} on {row['benchmark']}, seed {row['seed']}, "
                f"stands in both with different results ({found.first[0]}); leave one of the folders out"
            )
    return whole


def _manifest(folders: Sequence[Path], frames: Frames, cells: Mapping[str, tuple[Group, int]]) -> tuple[Path, Manifest]:
    """Return the manifest of the merged run, and the folder that its plug-ins are taken from: not by the folders' order."""
    found = sorted(((read_manifest(folder), folder) for folder in folders), key=lambda pair: pair[0].as_text)
    first, home = found[0]
    manifests = [manifest for manifest, _ in found]
    used = set(frames.records["environment"])
    every = {head: one for manifest in manifests for head, one in manifest.environments.items() if head in used}
    live = {key for key, (group, _) in cells.items() if group.settings}
    return home, replace(
        first,
        earlier={head: one for head, one in sorted(every.items()) if head != first.head},
        commands=sorted({tuple(command) for manifest in manifests for command in manifest.commands}),
        shards=in_order({shard for manifest in manifests for shard in manifest.shards}),
        margins=margins(frames.records[frames.records["cell"].isin(live)]),
    )


def _copy_plugins(home: Path, manifest: Manifest, target: Path) -> None:
    """Take over the copies of plug-ins."""
    for copy in manifest.copies if home.resolve() != target.resolve() else ():
        try:
            write_whole(target / copy, (home / copy).read_bytes())
        except OSError as error:
            raise HarnessError(f"{home / copy}: {error.strerror}") from error


def _notes(folders: Sequence[Path]) -> Iterator[str]:
    """Say what is not alike in the folders, though it need not be."""
    first, *others = [(folder, read_manifest(folder)) for folder in folders]
    for folder, manifest in others:
        if found := other_versions(first[1], manifest.environment):
            yield f"other versions in {folder} than in {first[0]}: {'; '.join(found)}, there being {first[0]}"
        if is_other_processor(first[1].environment, manifest.environment):
            yield f"another kind of processor in {folder} than in {first[0]}"
