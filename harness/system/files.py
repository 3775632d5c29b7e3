"""Files that are whole at any moment, and folders that one process at a time writes into."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from harness.errors import HarnessError, RunError


@contextmanager
def held(folder: Path, what: str) -> Iterator[None]:
    """Hold an output folder, which is made if it is not there; the system frees it when this process dies.

    Parameters
    ----------
    folder
        The folder.
    what
        What writes into it, for the message: ``"run"``.

    Raises
    ------
    HarnessError
        If another process holds it, or it cannot be made.
    """
    lock = FileLock(folder / ".lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        raise HarnessError(
            f"{folder}: another {what} is writing into this folder; wait for it, or choose another -o"
        ) from None
    except OSError as error:
        raise HarnessError(f"{folder}: cannot be used as an output folder: {error.strerror}") from error
    try:
        yield
    finally:
        lock.release()


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that after a crash it is either the old one or the new one."""
    scratch = path.with_name(f".{path.name}.writing")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with scratch.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        scratch.replace(path)
    except OSError as error:
        with suppress(OSError):  # the folder itself may be what is wrong
            scratch.unlink(missing_ok=True)
        raise RunError(f"{path}: {error.strerror}; what was there before is intact") from error
