"""Tables: the law of random search is exact wherever budgets say how many architectures it draws."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from harness.problem.budget import Budget
from harness.reporting.families.base import ADJUSTED, OVER_ARCHITECTURES, RI, Family
from harness.reporting.families.baseline import AVERAGE, Baseline, architectures_of, at_equal_budget
from harness.statistics import exact_random_baseline

if TYPE_CHECKING:
    from harness.reporting.run import Benchmark, Run


class Tables(Family):
    """Tables of all architectures."""

    noun: ClassVar[str] = "table"
    has_supernets: ClassVar[bool] = False
    trains: ClassVar[bool] = False

    def baselines(self, run: Run, benchmark: Benchmark, budget: Budget) -> Iterator[Baseline]:
        """The average architecture, and random search at equal budget, which is the main one."""
        law, draws, name = benchmark.law, benchmark.draws(budget), at_equal_budget(budget)
        if name != AVERAGE:
            if law is None:
                yield Baseline(AVERAGE, run.first_draws(benchmark, budget), False, architectures=1)
            else:
                yield Baseline(AVERAGE, exact_random_baseline(law, 1), False)
        if law is None or draws is None:
            group = run.simulated_random(benchmark, budget)
            scores = run.sampled_random(benchmark, budget)
            yield Baseline(name, scores, True, architectures=architectures_of(run, group))
        else:
            yield Baseline(name, exact_random_baseline(law, draws), True)

    def definitions(self, run: Run) -> Iterator[str]:
        """Exact baselines, budgets, and what a method is worth in random draws."""
        yield RI
        kind = run.budgets[0].kind
        yield _DEFINITIONS[0]
        yield from _BUDGETS.get(kind, ())
        yield from _DEFINITIONS[1:]
        if any(benchmark.law is None for benchmark in run.benchmarks):
            yield OVER_ARCHITECTURES
        if kind != "simulated_s":
            yield _WORTH.format(epochs=", in whole trainings of as many epochs" if kind == "epochs" else "")


_DEFINITIONS = (
    "Baselines. random@1 is the average architecture: the mean test score under the measure of the table. random@n is "
    "random search that draws n architectures with replacement, keeps the one with the best validation score and reports "
    "its test score. Both are exact, computed from the whole table without sampling, and have no error of their own. Only "
    "where the table is not at hand are they the simulated random search of the run, and the tables say so.",
    "Interval and test. Against an exact baseline, the one-sample t interval of the mean; against a sampled one, the "
    "delta method with Welch's degrees of freedom. Intervals hold one at a time, at 95 %. The p-value is two-sided and "
    "belongs to the test that the interval inverts.",
    f"{ADJUSTED} Simulated random search claims nothing and is in no family; where the exact law is known it is tested against "
    "that by itself, see Caveats.",
)
_WORTH = (
    "Random-equivalent budget. The smallest number of draws whose exact expected test score reaches the method's mean, "
    "with the ends of the mean's 95 % interval put through the same curve; speed-up is that number over the evaluations "
    "that the method made{epochs}. It is said to be worth more or fewer only where the interval leaves these out."
)
_PARTIAL = (
    "Trainings that stop early. The incumbent is the best by validation among the longest trainings so far. Its test score, in "
    "curves too, is that after a whole training, however short the one by which the search judged it: what the answer is worth "
    "to whoever trains it in the end."
)
_BUDGETS = {
    "epochs": (
        "Budgets in epochs. Every evaluation is a training from scratch and takes as many epochs as it was trained for. "
        "random@n epochs is random search with as many whole trainings as n epochs pay for.",
        _PARTIAL,
    ),
    "simulated_s": (
        "Budgets in simulated seconds. Every evaluation is a training from scratch and takes the seconds that the table says; "
        "one that would pass the budget ends the search and does not count. How many trainings random search makes is left to "
        "chance: the baseline of equal budget is the simulated random search of the run.",
        _PARTIAL,
    ),
}
