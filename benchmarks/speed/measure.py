"""Measuring and printing."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Row:
    """One line of the table: a figure, its unit, what it is held against, and how it compares with a peer of the same run."""

    what: str
    figure: float
    unit: str
    target: str = ""
    peer: str = ""
    ratio: float | None = None

    def __str__(self) -> str:
        figure = f"{self.figure:,.0f}" if abs(self.figure) >= 1000 else f"{self.figure:.3g}"
        ratio = f"{self.ratio:.3g} x {self.peer}" if self.ratio is not None else self.peer
        return f"{self.what:<66} {figure:>12} {self.unit:<8} {self.target:<16} {ratio}".rstrip()


HEAD = f"{'what':<66} {'figure':>12} {'unit':<8} {'target':<16} beside"


def cpu_seconds(call: Callable[[], object], repeats: int = 5) -> float:
    """Median processor time of a call, after one that is not counted."""
    call()
    times = []
    for _ in range(repeats):
        clock = time.process_time()
        call()
        times.append(time.process_time() - clock)
    return median(times)


def wall_seconds(call: Callable[[], object], repeats: int = 5) -> float:
    """Median elapsed time of a call, after one that is not counted."""
    call()
    times = []
    for _ in range(repeats):
        clock = time.perf_counter()
        call()
        times.append(time.perf_counter() - clock)
    return median(times)
