"""One-shot benchmarks: a supernet is searched, and what it derives is looked up in a table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from harness.problem.budget import Budget
from harness.reporting.families.base import ADJUSTED, RI, Family
from harness.reporting.families.baseline import AVERAGE, Baseline
from harness.statistics import exact_random_baseline

if TYPE_CHECKING:
    from harness.reporting.run import Benchmark, Run


class OneShot(Family):
    """One-shot benchmarks."""

    noun: ClassVar[str] = "table"
    has_supernets: ClassVar[bool] = True
    trains: ClassVar[bool] = False

    def baselines(self, run: Run, benchmark: Benchmark, budget: Budget) -> Iterator[Baseline]:
        """The average architecture only: no number of random draws costs what a supernet does."""
        average = np.empty(0) if benchmark.law is None else exact_random_baseline(benchmark.law, 1)
        yield Baseline(AVERAGE, average, True)

    def definitions(self, run: Run) -> Iterator[str]:
        """An exact baseline."""
        yield RI
        yield from _DEFINITIONS

    def main_baseline(self, name: str) -> str:
        """Random architectures."""
        return "the average of random architectures" if name == AVERAGE else super().main_baseline(name)


_DEFINITIONS = (
    "Baseline. random@1 is the average architecture: the mean test score under the measure of the table. It is exact, computed "
    "from the whole table, and has no error of its own.",
    "Interval and test. The one-sample t interval of the mean. Intervals hold one at a time, at 95 %. The p-value is two-sided "
    "and belongs to the test that the interval inverts.",
    f"{ADJUSTED} Random architectures claim nothing and are in no family.",
)
