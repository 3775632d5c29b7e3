"""Bounds of what a pickle may take: bytes once decompressed, and memory."""

from __future__ import annotations

import bz2
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.tabular.pickles.allowed import Refused

MEMORY = 2**32  # bytes that reading one pickle may take beyond what the process has


def open_bounded(path: Path, limit: int) -> io.BufferedReader:
    """Open a file, plain or bz2, of which no more than `limit` decompressed bytes can be read."""
    file = path.open("rb")
    packed = file.read(3) == b"BZh"
    file.seek(0)
    return bounded(bz2.BZ2File(file) if packed else file, limit)


def bounded(stream: Any, limit: int) -> io.BufferedReader:
    """A view of a stream of which no more than `limit` bytes can be read."""
    return io.BufferedReader(_Bounded(stream, limit), 2**18)


class _Bounded(io.RawIOBase):
    def __init__(self, stream: Any, limit: int) -> None:
        self._stream, self._limit, self._left = stream, limit, limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(len(buffer))
        self._left -= len(data)
        if self._left < 0:
            raise Refused(f"it has more than {self._limit:,} bytes once decompressed")
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()


@contextmanager
def bounded_memory(most: int | None = None) -> Iterator[None]:
    """Let this process grow by so many bytes at most, by default `MEMORY`.

    A few bytes of a pickle can ask for as much memory as they like.
    """
    try:
        import resource

        size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (size + (most or MEMORY), hard))
    except (ImportError, OSError, ValueError):  # not on this system, or the limit is lower already
        yield
        return
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
