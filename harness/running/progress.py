"""Progress of a run: a bar on a terminal, one line a finished group elsewhere."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from harness.running.records import Entry
from harness.suites.suite import Suite
from harness.system.progress import bar, on_a_terminal


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
        self._seeds = {method.label: len(method.seeds_of(suite.seeds)) for method in suite.methods}
        self._finished: Counter[tuple[str, str, int]] = Counter()
        self._bar: Any = None
        self._name = suite.name

    def __enter__(self) -> Self:
        if self._show and self._done:
            print(f"{self._name}: {self._done} of {self._total} cells are done already", file=sys.stderr)
        if self._show and on_a_terminal() and self._done < self._total:
            self._bar = bar(total=self._total, initial=self._done, unit="cell", desc=self._name)
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
            if self._finished[group] >= self._seeds[record["label"]] or self._done == self._total:
                benchmark, label, budget = group
                print(
                    f"[{self._done}/{self._total}] {benchmark}  {label}  {budget} {record['budget_kind']}",
                    file=sys.stderr,
                )
