"""What to be careful about, and how the numbers were computed."""

from __future__ import annotations

from harness.reporting.caveats import caveats
from harness.reporting.model import Prose, Section
from harness.reporting.run import Run

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


def caveats_of_run(run: Run) -> Section | None:
    """Return the caveats that apply; None where none does."""
    texts = caveats(run)
    return Section("caveats", "Caveats", [Prose(texts, listed=True)]) if texts else None


def definitions(run: Run) -> Section:
    """Return what the words and numbers mean."""
    texts = [
        "Score. A search is driven by validation scores and recommends one architecture; what is reported is that "
        "architecture's test score. Percentages and fractions are both shown in percent; the CSV files keep each table's own "
        "unit.",
        "Relative improvement. RI = 100 (a − r) / r, with a the mean test score over seeds and r the mean of the baseline. "
        "Where lower scores are better, RI = 100 (r − a) / r, so that an improvement is always positive.",
        "Baselines. random@1 is the average architecture: the mean test score under the measure of the table. random@n is "
        "random search that draws n architectures with replacement, keeps the one with the best validation score and reports "
        "its test score. Both are exact, computed from the whole table without sampling, and have no error of their own. Only "
        "where the table is not at hand are they the simulated random search of the run, and the tables say so.",
        *_BUDGETS.get(run.budgets[0].kind, ()),
        "Interval and test. Against an exact baseline, the one-sample t interval of the mean; against a sampled one, the "
        "delta method with Welch's degrees of freedom, or on live benchmarks, where equal seeds share the split of the images, "
        "a t interval of the mean log ratio over common seeds (RI is then that of the geometric means). Intervals hold one at a "
        "time, at 95 %. The p-value is two-sided and belongs to the test that the interval inverts.",
        "Family. p-values are adjusted by Holm's method over one family a baseline: all rows of the table of relative "
        "improvements with that baseline, simulated random search included. Better, worse and undecided refer to these, at "
        "5 %.",
        "Random-equivalent budget. The smallest number of draws whose exact expected test score reaches the method's mean; "
        "speed-up is that number over the method's evaluations.",
        "Zero variance. Where all seeds give the same score there is no interval and no p-value: no spread over these seeds "
        "is no proof of certainty.",
    ]
    return Section("definitions", "How the numbers were computed", [Prose(texts, listed=True)])
