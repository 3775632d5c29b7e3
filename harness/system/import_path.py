"""The standard library comes before a file of the user's: a ``queue.py`` beside a suite is nobody's queue but the user's.

Python puts the working directory in front of ``sys.path`` for ``python -m`` and ``python -c``, and so do joblib and
multiprocessing start their processes. What lies there can still be imported, behind the standard library.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

_SAFE_PATH = "PYTHONSAFEPATH"  # any text: Python starts without the working directory on its path
_OURS = "nas-harness"


def library_first(path: Sequence[str]) -> list[str]:
    """The entries of a ``sys.path`` with those of the standard library in front, otherwise in the same order."""
    return sorted(path, key=lambda entry: not _of_library(entry))


def safe_environment() -> dict[str, str]:
    """What the environment of a process that is to start with the standard library first needs."""
    return {_SAFE_PATH: os.environ.get(_SAFE_PATH) or _OURS}


def forget_safe_environment() -> None:
    """Called in a process so started: what it starts itself is again as the user wants it."""
    if os.environ.get(_SAFE_PATH) == _OURS:
        del os.environ[_SAFE_PATH]


@contextmanager
def safe_starts() -> Iterator[None]:
    """Inside, processes that this one starts have the standard library first; for as short as possible."""
    before = os.environ.get(_SAFE_PATH)
    os.environ |= safe_environment()
    try:
        yield
    finally:
        if before is None:
            del os.environ[_SAFE_PATH]
        else:
            os.environ[_SAFE_PATH] = before


@contextmanager
def library_first_here() -> Iterator[None]:
    """Inside, this process looks there first too; its workers take ``sys.path`` over. What is added inside stays."""
    before = sys.path[:]
    sys.path[:] = library_first(before)
    try:
        yield
    finally:
        sys.path[:] = [entry for entry in sys.path if entry not in before] + before


def _of_library(entry: str) -> bool:
    """Whether an entry of ``sys.path`` is the standard library: its folder, its archive, its compiled modules."""
    folder = sysconfig.get_path("stdlib")
    compiled = (os.path.join(folder, "lib-dynload"), os.path.join(sys.base_exec_prefix, "DLLs"))
    archive = f"python{sys.version_info.major}{sys.version_info.minor}.zip"
    return entry in (folder, *compiled) or os.path.basename(entry) == archive
