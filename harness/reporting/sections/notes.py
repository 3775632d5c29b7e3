"""What to be careful about, and how the numbers were computed."""

from __future__ import annotations

from harness.reporting.caveats import caveats
from harness.reporting.model import Prose, Section
from harness.reporting.run import Run


def caveats_of_run(run: Run) -> Section | None:
    """Return the caveats that apply; None where none does."""
    texts = caveats(run)
    return Section("caveats", "Caveats", [Prose(texts, listed=True)]) if texts else None


def definitions(run: Run) -> Section:
    """Return what the words and numbers mean."""
    texts = [*_SHARED[:2], *(_OF_LIVE if run.is_live else _OF_TABLES), *_SHARED[2:]]
    return Section("definitions", "How the numbers were computed", [Prose(texts, listed=True)])


_SHARED = (
    "Score. A search is driven by validation scores and recommends one architecture; what is reported is that "
    "architecture's test score. Percentages and fractions are both shown in percent; the CSV files keep each table's own "
    "unit.",
    "Relative improvement. RI = 100 (a − r) / r, with a the mean test score over seeds and r the mean of the baseline. "
    "Where lower scores are better, RI = 100 (r − a) / r, so that an improvement is always positive.",
    "Zero variance. Where all seeds give the same score there is no interval and no p-value: no spread over these seeds "
    "is no proof of certainty.",
)
_OF_LIVE = (
    "Baseline. random@n is the random search of this run with the same budget n: a sample, with an error of its own.",
    "Interval and test. The delta method with Welch's degrees of freedom. Intervals hold one at a time, at 95 %. The "
    "p-value is two-sided and belongs to the test that the interval inverts.",
    "Family. p-values are adjusted by Holm's method over one family a baseline: all rows of the table of relative "
    "improvements against that baseline. Better, worse and undecided refer to these, at 5 %.",
)
_OF_TABLES = (
    "Baselines. random@1 is the average architecture: the mean test score under the measure of the table. random@n is "
    "random search that draws n architectures with replacement, keeps the one with the best validation score and reports "
    "its test score. Both are exact, computed from the whole table without sampling, and have no error of their own. Only "
    "where the table is not at hand are they the simulated random search of the run, and the tables say so.",
    "Interval and test. Against an exact baseline, the one-sample t interval of the mean; against a sampled one, the "
    "delta method with Welch's degrees of freedom. Intervals hold one at a time, at 95 %. The p-value is two-sided and "
    "belongs to the test that the interval inverts.",
    "Family. p-values are adjusted by Holm's method over one family a baseline: all claims of the table of relative "
    "improvements against that baseline. Better, worse and undecided refer to these, at 5 %. Simulated random search "
    "claims nothing and is in no family; where the exact law is known it is tested against that by itself, see Caveats.",
    "Random-equivalent budget. The smallest number of draws whose exact expected test score reaches the method's mean, "
    "with the ends of the mean's 95 % interval put through the same curve; speed-up is that number over the evaluations "
    "that the method made. It is said to be worth more or fewer only where the interval leaves these out.",
)
