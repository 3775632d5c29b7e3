"""Importers of published benchmark files: one module a format; `harness.tabular.importing` picks the one that fits.

A module has ``VERSION`` (named in the card of what it makes), ``WANTED`` (what to fetch), ``recognises(path)`` and
``convert(job)``, which yields the tables of a file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError

if TYPE_CHECKING:
    from pathlib import Path


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


def describe_source(path: Path) -> dict[str, Any]:
    """Name, size and SHA-256 of a file; of a folder, those of all its files by name."""
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.is_file())
        lines = [f"{file.name} {_sha256(file)}\n" for file in files]
        size, digest = sum(file.stat().st_size for file in files), hashlib.sha256("".join(lines).encode()).hexdigest()
    else:
        size, digest = path.stat().st_size, _sha256(path)
    return {"file": path.name, "bytes": size, "file_sha256": digest}


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
