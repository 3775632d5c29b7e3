"""Progress of a run: a bar on a terminal, one line a finished group elsewhere."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from harness.import_path import safe_starts

if TYPE_CHECKING:
    from harness.records import Entry
    from harness.suite import Suite


LINES_EVERY = 1000  # things, where their number is not known and progress is no bar


def _on_a_terminal() -> bool:
    return sys.stderr.isatty() and not os.environ.get("CI")


def _bar(**settings: Any) -> Any:
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
    if show and _on_a_terminal():
        with _bar(total=total, initial=done, desc=name, unit=unit, smoothing=0.02) as bar:
            yield bar.update
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


class Progress:
    """Shows how many of a suite's cells are done.

    Parameters
    ----------
    suite
        The suite that runs.
    total, done
        Its number of cells, and how many were there at the start.
    show
        Whether to show anything.
    """

    def __init__(self, suite: Suite, total: int, done: int, *, show: bool) -> None:
        self._total, self._done, self._show = total, done, show
        self._seeds = len(suite.seeds)
        self._finished: Counter[tuple[str, str, int]] = Counter()
        self._bar: Any = None
        self._name = suite.name

    def __enter__(self) -> Self:
        if self._show and self._done:
            print(f"{self._name}: {self._done} of {self._total} cells are done already", file=sys.stderr)
        if self._show and _on_a_terminal() and self._done < self._total:
            self._bar = _bar(total=self._total, initial=self._done, unit="cell", desc=self._name)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def advance(self, entries: Sequence[Entry]) -> None:
        """Count finished cells, all of one group."""
        self._done += len(entries)
        if self._bar is not None:
            self._bar.update(len(entries))
        elif self._show and entries:
            record = entries[0].record
            group = (record["benchmark"], record["label"], record["budget"])
            self._finished[group] += len(entries)
            if self._finished[group] >= self._seeds or self._done == self._total:
                benchmark, label, budget = group
                print(
                    f"[{self._done}/{self._total}] {benchmark}  {label}  {budget} {record['budget_kind']}",
                    file=sys.stderr,
                )
