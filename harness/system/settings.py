"""Numbers that the environment sets: which ones, what they may be, what holds where they are not set."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NamedTuple

from harness.errors import HarnessError


class _Setting(NamedTuple):
    name: str
    kind: Callable[[str], float]
    least: float
    most: float
    default: float
    wanted: str


_THREADS = _Setting("NAS_HARNESS_THREADS", int, 1, 1024, 1, "a whole number of threads from 1 to 1024")
_WAIT = _Setting("NAS_HARNESS_DASK_WAIT", float, 0, 1e9, 300, "a number of seconds of at least 0")


def threads() -> int:
    """Threads with which a live cell computes: ``$NAS_HARNESS_THREADS``, or 1."""
    return int(_read(_THREADS))


def dask_wait_s() -> float:
    """Seconds for which a run waits for a worker of a Dask cluster: ``$NAS_HARNESS_DASK_WAIT``, or 300."""
    return _read(_WAIT)


def check_settings() -> None:
    """Refuse a setting that is no such number, before anything runs.

    Raises
    ------
    HarnessError
        If one is wrong.
    """
    for setting in (_THREADS, _WAIT):
        _read(setting)


def _read(setting: _Setting) -> float:
    text = os.environ.get(setting.name)
    if text is None:
        return setting.default
    try:
        value = setting.kind(text)
        if not setting.least <= value <= setting.most:  # nor NaN
            raise ValueError
    except ValueError:
        raise HarnessError(f"{setting.name}: wanted {setting.wanted}, not {text!r}") from None
    return value
