"""A conversion in progress: what has been read of a large source, in blocks on disk, so that a killed import goes on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from harness.errors import RunError
from harness.tabular.store import store_root

ROWS = 256  # rows of a block: what is in memory, and what a kill can lose


class Blocks:
    """Rows of named arrays, written a block at a time and put together in the end.

    Parameters
    ----------
    key
        Names the source and everything that the rows depend on; blocks of the same key are taken up again.
    """

    def __init__(self, key: str) -> None:
        self._folder = store_root() / f".converting-{key}"
        self._rows: list[Mapping[str, Any]] = []
        self.done: set[int] = set()

    def __enter__(self) -> Self:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _cannot_write(self._folder, error) from error
        self._files = sorted(self._folder.glob("*.npz"))
        for file in self._files:
            with np.load(file) as block:
                self.done.update(block["index"].tolist())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def add(self, index: int, row: Mapping[str, Any]) -> None:
        """Add the row of a published index; every row has the same names, and shapes but for the last axis, the epochs."""
        self._rows.append({"index": index, **row})
        self.done.add(index)
        if len(self._rows) == ROWS:
            self.flush()

    def flush(self) -> None:
        """Write the rows that are still in memory."""
        if not self._rows:
            return
        target = self._folder / f"{len(self._files):05d}.npz"
        scratch = target.with_suffix(".writing")
        arrays = {key: _level([np.asarray(row[key])[None] for row in self._rows]) for key in self._rows[0]}
        try:
            with scratch.open("wb") as stream:
                np.savez(stream, **arrays)  # type: ignore[arg-type]  # none is called allow_pickle
            os.replace(scratch, target)
        except OSError as error:
            with suppress(OSError):
                scratch.unlink(missing_ok=True)
            raise _cannot_write(self._folder, error) from error
        self._files.append(target)
        self._rows.clear()

    def array(self, name: str) -> NDArray[Any]:
        """All rows of an array, in order of their published index."""
        parts, order = [], []
        for file in self._files:
            with np.load(file) as block:
                parts.append(block[name])
                order.append(block["index"])
        return np.asarray(_level(parts)[np.argsort(np.concatenate(order), kind="stable")])


def _cannot_write(folder: Path, error: OSError) -> RunError:
    return RunError(
        f"cannot write to {folder}: {error.strerror}; make room, or set NAS_HARNESS_CACHE to another folder: "
        "what is written is kept, and the same command goes on"
    )


def _level(parts: list[NDArray[Any]]) -> NDArray[Any]:
    """Put rows together; those with fewer epochs are filled up with NaN."""
    longest = max(part.shape[-1] for part in parts)
    if parts[0].ndim > 1 and any(part.shape[-1] < longest for part in parts):
        fill = [(*((0, 0),) * (part.ndim - 1), (0, longest - part.shape[-1])) for part in parts]
        parts = [np.pad(part, width, constant_values=np.nan) for part, width in zip(parts, fill, strict=True)]
    return np.concatenate(parts)
