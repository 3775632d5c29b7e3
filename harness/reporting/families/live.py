"""Live benchmarks: architectures are trained in the run, and baselines are samples of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from harness.problem.budget import Budget
from harness.reporting.families.base import ADJUSTED, OVER_ARCHITECTURES, Family
from harness.reporting.families.baseline import AVERAGE, Baseline, architectures_of, at_equal_budget

if TYPE_CHECKING:
    from harness.reporting.run import Benchmark, Run


class Live(Family):
    """Live benchmarks."""

    noun: ClassVar[str] = "live benchmark"
    has_supernets: ClassVar[bool] = True
    trains: ClassVar[bool] = True

    def baselines(self, run: Run, benchmark: Benchmark, budget: Budget) -> Iterator[Baseline]:
        """Random architectures of the run, or else its random search."""
        average, search = run.average_architecture(benchmark, budget), run.simulated_random(benchmark, budget)
        found = {AVERAGE: average, at_equal_budget(budget): search}
        present = {name: group for name, group in found.items() if group is not None}
        for place, (name, group) in enumerate(present.items()):
            seeds = run.finished(group)["seed"].to_numpy()
            yield Baseline(name, run.scores(group), place == 0, seeds, architectures_of(run, group))
        if not present:
            yield Baseline(at_equal_budget(budget), np.empty(0), True)

    def definitions(self, run: Run) -> Iterator[str]:
        """Pairs of seeds."""
        yield _RI
        yield from _DEFINITIONS

    def main_baseline(self, name: str) -> str:
        """Random architectures, where there are some."""
        return "the average of random architectures" if name == AVERAGE else super().main_baseline(name)


_RI = (
    "Relative improvement. RI = 100 (a − r) / r, with a and r the means of the method's and of the baseline's test scores over "
    "their common seeds: geometric means over random search, arithmetic ones over random architectures."
)
_DEFINITIONS = (
    "Baselines. random@1 is the average architecture: the mean test score of architectures drawn at random, each trained by "
    "the same protocol. random@n is the random search of this run with the same budget n. Both are samples, with an error of "
    "their own.",
    "Interval and test. Equal seeds share the split of the images. Over random search the interval is a t interval of the mean "
    "log ratio over common seeds (paired log-ratio), over random architectures one of the ratio of the means, seed by seed. "
    "Intervals hold one at a time, at 95 %. The p-value is two-sided and belongs to the test that the interval inverts.",
    OVER_ARCHITECTURES,
    f"{ADJUSTED} Random search and random architectures are baselines, claim nothing and are in no family.",
)
