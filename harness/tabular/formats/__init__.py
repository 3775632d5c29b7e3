"""Importers of published benchmark files: one module a format; `harness.tabular.importing` picks the one that fits.

A module has ``VERSION`` (named in the card of what it makes), ``WANTED`` (what to fetch), ``recognises(path)`` and
``convert(job)``, which yields the tables of a file.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError, printable
from harness.tabular.table import row_of_encodings

if TYPE_CHECKING:
    from pathlib import Path

    from harness.spaces.base import Space


@dataclass(frozen=True)
class Job:
    """A file to convert, and what its user asked for.

    Attributes
    ----------
    path
        The file or folder.
    source
        File, size and hash, for the card.
    advance
        Called after every architecture.
    seed
        One training seed instead of the mean over them.
    valid, test
        Columns that drive and are reported, for files without a validation score.
    """

    path: Path
    source: Mapping[str, Any]
    advance: Callable[[], object]
    seed: int | None = None
    valid: str | None = None
    test: str | None = None

    def key(self, version: str) -> str:
        """What a half-done import is found again by."""
        parts = [version, self.source["file_sha256"], self.seed]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]

    def refuse(self, **asked: object) -> None:
        """Say so when something was asked for that the format cannot give."""
        for option, value in asked.items():
            if value is not None:
                raise HarnessError(
                    f"{self.path}: --{option.replace('_', '-')} says nothing about this file; leave it out"
                )

    def rows_of(self, space: Space, codes: NDArray[np.integer]) -> NDArray[np.int32]:
        """As `harness.tabular.table.row_of_encodings`, with the file in the message."""
        try:
            return row_of_encodings(space, codes)
        except HarnessError as error:
            raise HarnessError(f"{self.path}: {error}") from error

    def check_complete(
        self, columns: Mapping[str, NDArray[np.floating]], names: Sequence[str] | NDArray[np.object_]
    ) -> None:
        """Refuse columns of which values are missing, which the file as published has for every architecture.

        Parameters
        ----------
        columns
            Arrays with one row an architecture.
        names
            What each row is called.
        """
        for column, values in columns.items():
            bad = np.flatnonzero(~np.isfinite(values).reshape(len(values), -1).all(axis=1))
            if bad.size:
                raise HarnessError(
                    f"{self.path}: {column} has no finite number for {bad.size:,} of {len(values):,} architectures, first "
                    f"{names[bad[0]]}; is the file damaged?"
                )


def describe_source(path: Path) -> dict[str, Any]:
    """Name, size and SHA-256 of a file; of a folder, those of all its files by name."""
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.is_file())
        lines = [f"{file.name} {_sha256(file)}\n" for file in files]
        size, digest = (
            sum(file.stat().st_size for file in files),
            hashlib.sha256(os.fsencode("".join(lines))).hexdigest(),
        )
    else:
        size, digest = path.stat().st_size, _sha256(path)
    return {"file": printable(path.name), "bytes": size, "file_sha256": digest}


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
