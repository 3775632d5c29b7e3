"""What to be careful about, and how the numbers were computed."""

from __future__ import annotations

from collections.abc import Iterator

from harness.reporting.caveats import caveats
from harness.reporting.frames.improvement import FEW_DRAWS
from harness.reporting.model import Prose, Section
from harness.reporting.run import Run
from harness.statistics.improvement import MIN_ARCHITECTURES, MIN_RUNS

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
    own = _OF_LIVE if run.is_live else _OF_ONE_SHOT if run.has_supernets else _of_tables(run)
    texts = [_SCORE, _RI_OF_PAIRS if run.is_live else _RI, *own, _NO_VARIANCE]
    return Section("definitions", "How the numbers were computed", [Prose(texts, listed=True)])


_SCORE = (
    "Score. A search is driven by validation scores and recommends one architecture; what is reported is that "
    "architecture's test score. Percentages and fractions are both shown in percent; the CSV files keep each table's own "
    "unit."
)
_RI = (
    "Relative improvement. RI = 100 (a − r) / |r|, with a the mean test score over seeds and r the mean of the baseline. "
    "Where lower scores are better, RI = 100 (r − a) / |r|, so that an improvement is always positive."
)
_RI_OF_PAIRS = (
    "Relative improvement. RI = 100 (a − r) / r, with a and r the means of the method's and of the baseline's test scores over "
    "their common seeds: geometric means over random search, arithmetic ones over random architectures."
)
OVER_ARCHITECTURES = (
    f"Intervals over random architectures that are a sample, or over random searches of fewer than {FEW_DRAWS} draws. A "
    "space may hold a few architectures that are far worse than all others. The mean of a small sample hangs on whether it "
    f"met one, and no interval can know that: below {MIN_ARCHITECTURES} architectures in all and {MIN_RUNS} runs of the "
    "method there is the estimate alone. From there on each end is the outer one of two intervals, by Student's t and by t "
    "corrected for the skewness of the scores (Hall 1992); the p-value is the greater of the two."
)
_NO_VARIANCE = (
    "Zero variance. Where all seeds give the same score there is no interval and no p-value: no spread over these seeds "
    "is no proof of certainty."
)
_FAMILY = (
    "Family. p-values are adjusted by Holm's method over one family a baseline: all claims of the table of relative "
    "improvements against that baseline. Better, worse and undecided refer to these, at 5 %."
)
_OF_LIVE = (
    "Baselines. random@1 is the average architecture: the mean test score of architectures drawn at random, each trained by "
    "the same protocol. random@n is the random search of this run with the same budget n. Both are samples, with an error of "
    "their own.",
    "Interval and test. Equal seeds share the split of the images. Over random search the interval is a t interval of the mean "
    "log ratio over common seeds (paired log-ratio), over random architectures one of the ratio of the means, seed by seed. "
    "Intervals hold one at a time, at 95 %. The p-value is two-sided and belongs to the test that the interval inverts.",
    OVER_ARCHITECTURES,
    f"{_FAMILY} Random search and random architectures are baselines, claim nothing and are in no family.",
)
_OF_ONE_SHOT = (
    "Baseline. random@1 is the average architecture: the mean test score under the measure of the table. It is exact, computed "
    "from the whole table, and has no error of its own.",
    "Interval and test. The one-sample t interval of the mean. Intervals hold one at a time, at 95 %. The p-value is two-sided "
    "and belongs to the test that the interval inverts.",
    f"{_FAMILY} Random architectures claim nothing and are in no family.",
)
_OF_TABLES = (
    "Baselines. random@1 is the average architecture: the mean test score under the measure of the table. random@n is "
    "random search that draws n architectures with replacement, keeps the one with the best validation score and reports "
    "its test score. Both are exact, computed from the whole table without sampling, and have no error of their own. Only "
    "where the table is not at hand are they the simulated random search of the run, and the tables say so.",
    "Interval and test. Against an exact baseline, the one-sample t interval of the mean; against a sampled one, the "
    "delta method with Welch's degrees of freedom. Intervals hold one at a time, at 95 %. The p-value is two-sided and "
    "belongs to the test that the interval inverts.",
    f"{_FAMILY} Simulated random search claims nothing and is in no family; where the exact law is known it is tested against "
    "that by itself, see Caveats.",
)
_WORTH = (
    "Random-equivalent budget. The smallest number of draws whose exact expected test score reaches the method's mean, "
    "with the ends of the mean's 95 % interval put through the same curve; speed-up is that number over the evaluations "
    "that the method made{epochs}. It is said to be worth more or fewer only where the interval leaves these out."
)


def _of_tables(run: Run) -> Iterator[str]:
    kind = run.budgets[0].kind
    yield _OF_TABLES[0]
    yield from _BUDGETS.get(kind, ())
    yield from _OF_TABLES[1:]
    if any(benchmark.law is None for benchmark in run.benchmarks):
        yield OVER_ARCHITECTURES
    if kind != "simulated_s":
        yield _WORTH.format(epochs=", in whole trainings of as many epochs" if kind == "epochs" else "")
