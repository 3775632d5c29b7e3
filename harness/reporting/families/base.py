"""What a report must know of a family of benchmarks: baselines, pairing, definitions, what things are called."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from harness.problem.budget import Budget
from harness.reporting.families.baseline import FEW_DRAWS, Baseline
from harness.statistics.improvement import MIN_ARCHITECTURES, MIN_RUNS

if TYPE_CHECKING:
    from harness.reporting.run import Benchmark, Run


class Family(ABC):
    """A family of benchmarks. A run has benchmarks of one family only.

    Attributes
    ----------
    noun
        What a benchmark is called.
    has_supernets
        Whether searches are on supernets.
    trains
        Whether architectures are trained in the run itself, so that there is no table of them, and no law of random search.
    """

    noun: ClassVar[str]
    has_supernets: ClassVar[bool]
    trains: ClassVar[bool]

    @abstractmethod
    def baselines(self, run: Run, benchmark: Benchmark, budget: Budget) -> Iterator[Baseline]:
        """Yield the average architecture and random search at equal budget, as far as there are such; one is the main one."""

    @abstractmethod
    def definitions(self, run: Run) -> Iterator[str]:
        """Yield what relative improvements, baselines, intervals and tests are here."""

    def main_baseline(self, name: str) -> str:
        """Return what a main baseline is called in a sentence."""
        return "random search at equal budget"


RI = (
    "Relative improvement. RI = 100 (a − r) / |r|, with a the mean test score over seeds and r the mean of the baseline. "
    "Where lower scores are better, RI = 100 (r − a) / |r|, so that an improvement is always positive."
)
OVER_ARCHITECTURES = (
    f"Intervals over random architectures that are a sample, or over random searches of fewer than {FEW_DRAWS} draws. A "
    "space may hold a few architectures that are far worse than all others. The mean of a small sample hangs on whether it "
    f"met one, and no interval can know that: below {MIN_ARCHITECTURES} architectures in all and {MIN_RUNS} runs of the "
    "method there is the estimate alone. From there on each end is the outer one of two intervals, by Student's t and by t "
    "corrected for the skewness of the scores (Hall 1992); the p-value is the greater of the two."
)
ADJUSTED = (
    "Family. p-values are adjusted by Holm's method over one family a baseline: all claims of the table of relative "
    "improvements against that baseline. Better, worse and undecided refer to these, at 5 %."
)
