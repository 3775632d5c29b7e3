"""What methods are compared with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from harness.problem.budget import Budget
from harness.statistics import ExactBaseline

if TYPE_CHECKING:
    from harness.reporting.run import Run

FloatArray = NDArray[np.float64]
AVERAGE = "random@1"  # the average architecture
FEW_DRAWS = 10  # of a random search, below which what it finds is as skewed as what it draws from


@dataclass(frozen=True)
class Baseline:
    """A named baseline on one benchmark: exact, or the scores of a sample where there is no table.

    Attributes
    ----------
    name, scores
        What it is.
    is_main
        Whether it is what claims are about: random search at equal budget, or the average architecture of a live benchmark.
    seeds
        Seeds of the scores where equal seeds share their noise: on live benchmarks the split of the images. Else None.
    architectures
        How many random architectures a sampled score is the mean of; None where it is what a search found.
    """

    name: str
    scores: ExactBaseline | FloatArray
    is_main: bool
    seeds: FloatArray | None = None
    architectures: int | None = None

    @property
    def size(self) -> int | None:
        """Number of scores; None for an exact baseline."""
        return None if isinstance(self.scores, ExactBaseline) else len(self.scores)

    @property
    def mean(self) -> float:
        """Mean score."""
        return float(self.scores.mean if isinstance(self.scores, ExactBaseline) else self.scores.mean())

    @property
    def scatter(self) -> float:
        """Standard deviation of the table's architectures, or of the sample, over the size of the mean; NaN without either."""
        if self.size in (0, 1) or self.mean == 0:
            return float("nan")
        spread = self.scores.law.std(1) if isinstance(self.scores, ExactBaseline) else self.scores.std(ddof=1)
        return float(spread / abs(self.mean))


def at_equal_budget(budget: Budget) -> str:
    """Return the name of random search with a budget: ``random@100``, ``random@2700epochs``, ``random@20000s``."""
    return f"random@{budget.short}"


def architectures_of(run: Run, group: int | None) -> int | None:
    """Return how many random architectures a score of a group is the mean of; None where searches found what it scores."""
    if group is None:
        return None
    method, cells = run.pairs[group][1].method, run.finished(group)
    if "architectures" in method.params:
        return int(method.params["architectures"])
    return 1 if len(cells) and cells["n_evaluations"].mean() < FEW_DRAWS else None
