"""The folder that keeps a run through anything.

A finished cell is one line of an append journal, checksummed and synced to disk; only one process, the one that started the
run, writes. When all cells are there the journal is compacted into ``records.parquet`` and the files beside it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from harness.running.columns import TRACE_COLUMNS
from harness.running.frames import Frames
from harness.running.records import JOURNAL, RECORDS, Entry, is_missing
from harness.system.files import held, write_whole
from harness.system.journal import Journal


class RunFolder:
    """The output folder of a run, held by one process at a time.

    Use as a context manager: it refuses to open a folder that another run is writing.

    Parameters
    ----------
    path
        The folder; made when the first thing is written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._journal = Journal(path / JOURNAL)
        self._held = held(path, "run")

    def __enter__(self) -> Self:
        self._held.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._held.__exit__(kind, error, traceback)

    def entries(self) -> dict[str, Entry]:
        """All cells that are finished, compacted or not, by key.

        The latest stands for a cell, but a failure never hides an earlier success of the same code.
        """
        found: dict[str, Entry] = {}
        for entry in [*_compacted(self.path), *(Entry(**item) for item in self._journal.read())]:
            known = found.get(entry.cell)
            if not (entry.failed and known and not known.failed and known.code_digest == entry.code_digest):
                found[entry.cell] = entry
        return found

    def append(self, entries: Iterable[Entry]) -> None:
        """Make finished cells durable, see `Journal.append`."""
        self._journal.append(vars(entry) for entry in entries)

    def compact(self, entries: Mapping[str, Entry], order: Iterable[str]) -> None:
        """Write records and traces as Parquet, first the cells in `order` and then all others by key, and drop the journal."""
        first = [key for key in order if key in entries]
        inside = set(first)
        others = sorted(key for key in entries if key not in inside)
        self.replace(Frames.of([entries[key] for key in [*first, *others]]))

    def replace(self, frames: Frames) -> None:
        """Write frames as all that the folder holds, and drop the journal."""
        frames.write(self.path)
        self._journal.path.unlink(missing_ok=True)

    def write_json(self, name: str, value: Any) -> None:
        """Write a JSON file, whole or not at all."""
        write_whole(self.path / name, (json.dumps(value, indent=1, sort_keys=True) + "\n").encode())


def frames_of(path: Path) -> Frames:
    """All finished cells of a folder, compacted or not.

    Raises
    ------
    HarnessError
        If there is none, or a file is damaged or was edited.
    """
    if (path / JOURNAL).exists() or not (path / RECORDS).is_file():
        return Frames.of(list(RunFolder(path).entries().values()))
    return Frames.read(path)


def _compacted(path: Path) -> Iterator[Entry]:
    if not (path / RECORDS).is_file():
        return
    frames = Frames.read(path)
    steps: dict[str, list[list[Any]]] = {cell: [] for cell in frames.records["cell"]}
    for cell, *row in frames.traces[list(TRACE_COLUMNS)].itertuples(index=False, name=None):
        if cell in steps:
            steps[cell].append(row)
    tracked: dict[str, list[dict[str, Any]]] = {cell: [] for cell in frames.records["cell"]}
    for epoch in frames.epochs.to_dict("records"):
        found = {str(key): _plain(value) for key, value in epoch.items() if key != "cell" and not is_missing(value)}
        tracked.setdefault(epoch["cell"], []).append(found)
    evaluated = dict(zip(frames.evaluations["cell"], frames.evaluations["rows"], strict=True))
    for record in frames.records.to_dict("records"):
        cell = record["cell"]
        rows = _plain(evaluated[cell]) if cell in evaluated else []
        yield Entry({str(key): value for key, value in record.items()}, steps[cell], tracked[cell], rows)


def _plain(value: Any) -> Any:
    """Arrays within arrays, as Parquet gives them back, as lists within lists."""
    if not (hasattr(value, "tolist") and hasattr(value, "__len__")):
        return value
    return [_plain(item) for item in value.tolist()]
