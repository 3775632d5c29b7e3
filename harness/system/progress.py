"""Progress of many equal things: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from harness.system.import_path import safe_starts

LINES_EVERY = 1000  # things, where their number is not known and progress is no bar


def on_a_terminal() -> bool:
    """Whether somebody watches."""
    return sys.stderr.isatty() and not os.environ.get("CI")


def bar(**settings: Any) -> Any:
    """A bar of tqdm."""
    from tqdm import tqdm

    with safe_starts():  # its lock is one between processes, and Python starts a process that cleans up behind it
        return tqdm(**settings)


@contextmanager
def counting(
    name: str, total: int | None = None, done: int = 0, *, show: bool, unit: str = "it"
) -> Iterator[Callable[[], object]]:
    """Progress of many equal things: a bar on a terminal, now and then a line elsewhere, with the time that is left.

    Parameters
    ----------
    name
        What they belong to.
    total, done
        How many there are, None where that is not known; and how many were finished before.
    show
        Whether to show anything.
    unit
        What they are called.

    Yields
    ------
    callable
        To be called when one is finished.
    """
    if show and on_a_terminal():
        with bar(total=total, initial=done, desc=name, unit=unit, smoothing=0.02) as shown:
            yield shown.update
        return
    start, count = time.monotonic(), done

    def advance() -> None:
        nonlocal count
        count += 1
        if not show:
            return
        if total is None:
            if count % LINES_EVERY == 0:
                print(f"{name}: {count:,} {unit} read", file=sys.stderr, flush=True)
        elif count == total or 100 * count // total > 100 * (count - 1) // total:
            left = (time.monotonic() - start) / (count - done) * (total - count)
            print(f"{name}: {count:,} of {total:,}, {left / 60:.0f} min left", file=sys.stderr, flush=True)

    yield advance
