"""An append journal: one checksummed, synced line for each thing that is finished, so that a kill loses only what was not."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.errors import RunError


class Journal:
    """A file of JSON objects, one a line, each behind its checksum. One process writes it.

    Parameters
    ----------
    path
        The file; made when the first line is written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Iterator[dict[str, Any]]:
        """All whole lines. One that a kill cut short is left out: what it told of is done again."""
        if not self.path.exists():
            return
        with self.path.open("rb") as lines:
            for line in lines:
                checksum, _, body = line.rstrip(b"\n").partition(b" ")
                if line.endswith(b"\n") and checksum == _checksum(body):
                    yield json.loads(body)

    def append(self, items: Iterable[Mapping[str, Any]]) -> None:
        """Make items durable: whole lines, synced before this returns.

        Raises
        ------
        RunError
            If the disk is full or the file cannot be written; what was there before is intact.
        """
        lines = b"".join(_line(item) for item in items)
        try:
            with self.path.open("ab") as stream:
                size = stream.tell()
                try:
                    # A line that a kill cut short must not swallow the next one.
                    stream.write(lines if self._ends_a_line(size) else b"\n" + lines)
                    stream.flush()
                    os.fsync(stream.fileno())
                except OSError:
                    os.ftruncate(stream.fileno(), size)
                    raise
        except OSError as error:
            raise RunError(f"{self.path}: {error.strerror}; what is finished is kept, run again to go on") from error

    def _ends_a_line(self, size: int) -> bool:
        if size == 0:
            return True
        with self.path.open("rb") as stream:
            stream.seek(size - 1)
            return stream.read(1) == b"\n"


def _line(item: Mapping[str, Any]) -> bytes:
    body = json.dumps(item, separators=(",", ":")).encode()
    return _checksum(body) + b" " + body + b"\n"


def _checksum(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest()[:16].encode()
