"""What statistics of runs share: who meets where, and the mean that makes differences RI points."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from harness.errors import HarnessError
from harness.problem.budget import Budget
from harness.reporting.frames.improvement import main_baseline
from harness.reporting.run import Benchmark, Entrant, Run
from harness.statistics import ExactBaseline

NO_POINTS = "the baseline's mean is 0, of which nothing is a percentage: no RI points"


def contests(run: Run) -> Iterator[tuple[Benchmark, Budget, list[Entrant]]]:
    """Yield benchmarks and budgets with the methods that meet there, simulated random search left out."""
    for budget in run.budgets:
        entrants = [entrant for entrant in run.entrants if entrant.budget == budget and not entrant.is_check]
        for benchmark in run.benchmarks:
            yield benchmark, budget, entrants


def moments(run: Run, benchmark: Benchmark, budget: Budget) -> tuple[float, float]:
    """Return mean and standard deviation of the main baseline at a budget; no deviation (NaN) of a single score."""
    scores = main_baseline(run, benchmark, budget).scores
    if isinstance(scores, ExactBaseline):
        return scores.mean, float(scores.law.std(scores.n_draws))
    if len(scores) == 0:
        why_not = benchmark.why_not or f"there is no exact law of random search with so many {run.unit}"
        wanted = "random-architecture or random" if run.family.trains else "random"
        raise HarnessError(
            f"{benchmark.name}: {why_not}, and no cell of the run to compare with; wanted the method {wanted} in the suite"
        )
    return float(scores.mean()), float(np.std(scores, ddof=1)) if len(scores) > 1 else np.nan
