"""How often sequences give false verdicts, and how many seeds they take, on the laws of real tables.

    python -m benchmarks.sequences [--repetitions N]

Scores are drawn from the exact laws of random search on every table at hand, with 1, 10 and 100 draws, at the boundary of each
kind of claim, where neither verdict is true; a false one is counted where it is given after any number of seeds up to 500. Then
effects of 0.5, 1 and 2 standard deviations are looked for, and the median number of seeds is held against the fixed plan: as
many as a two-sided t test takes to find the effect with 80 % probability.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from benchmarks.coverage import draw
from harness.statistics import (
    ExactBaseline,
    RandomSearchLaw,
    evidence,
    exact_random_baseline,
    mid_ranks,
    seeds_needed,
    skewness_of,
)
from harness.statistics._student import t_quantile
from harness.statistics._validate import FloatArray
from harness.statistics.sequences import p_of
from harness.streams import generator
from harness.tabular.catalogue import load_table
from harness.tabular.nasbench_graph import DATASETS

ALPHA = 0.05
SEEDS = 500
DRAWS = (1, 10, 100)
EFFECTS = {0.5: 1.5, 1.0: 1.5, 2.0: 2.0}  # standard deviations, and how many times the fixed plan the median may be
PUBLISHED = 10  # seeds behind a published value
TABLES = (*(f"nasbench-graph/{dataset}" for dataset in DATASETS), "digits201")


@dataclass(frozen=True)
class Rate:
    """How often a claim got a false verdict.

    Attributes
    ----------
    claim, law
        What was claimed of what.
    false
        Share of repetitions with a false verdict after any number of seeds.
    repetitions
        How many there were.
    """

    claim: str
    law: str
    false: float
    repetitions: int

    @property
    def limit(self) -> float:
        """Alpha and three Monte-Carlo errors."""
        return ALPHA + 3.0 * math.sqrt(ALPHA * (1.0 - ALPHA) / self.repetitions)


@dataclass(frozen=True)
class Seeds:
    """How many seeds an effect took.

    Attributes
    ----------
    kind, law, effect
        Of the sequence, the scores and the shift, in standard deviations.
    median
        Of the seeds until its two-sided verdict at 5 %; infinite where most gave none in 500.
    fixed
        Of the fixed plan.
    """

    kind: str
    law: str
    effect: float
    median: float
    fixed: int


def baselines() -> Iterator[tuple[str, ExactBaseline]]:
    """The exact laws of random search on all tables."""
    for name in TABLES:
        table = load_table(name)
        law = RandomSearchLaw(table.valid, table.test, table.weights, direction=table.direction)
        for draws in DRAWS:
            yield f"random@{draws} of {name}", exact_random_baseline(law, draws)


def rates(name: str, baseline: ExactBaseline, repetitions: int, rng: np.random.Generator) -> Iterator[Rate]:
    """False verdicts of all kinds of claims on one law, all at their boundaries."""
    pmf, margin = baseline.law.pmf(baseline.n_draws), baseline.std

    def rate(claim: str, *p_values: FloatArray) -> Rate:
        return Rate(claim, name, float(np.mean(np.any([p <= ALPHA for p in p_values], axis=0))), repetitions)

    scores = draw(pmf, (repetitions, SEEDS), rng)
    others = draw(pmf, (repetitions, SEEDS), rng)
    above, below = (p_of(one)[:, -1] for one in evidence.symmetry(scores - others, 0.0))
    yield rate("better than its equal (paired)", above)
    yield rate("worse than its equal (paired)", below)
    low, high = evidence.symmetry(scores - others, -margin)[0], evidence.symmetry(scores - others, 0.0)[1]
    yield rate("equivalent, at the margin (paired)", np.maximum(p_of(low)[:, -1], p_of(high)[:, -1]))
    above, below = (p_of(one)[:, -1] for one in evidence.betting(mid_ranks(scores, baseline), 0.5))
    yield rate("better than random search, which it is", above)
    yield rate("worse than random search, which it is", below)
    skewness = skewness_of(baseline)
    above, below = (p_of(one)[:, -1] for one in evidence.asymptotic(scores, baseline.mean, skewness))
    yield rate("better by what it is better by (asymptotic)", above)
    yield rate("worse by what it is worse by (asymptotic)", below)
    published = draw(pmf, (repetitions, PUBLISHED), rng)
    value, error = published.mean(axis=1) - margin, published.std(axis=1, ddof=1) / math.sqrt(PUBLISHED)

    def beyond(side: int, end: float, level: float) -> FloatArray:
        """Whether the sequence, widened as `harness.statistics.Widened` widens it, leaves an end of the margin."""
        reach = t_quantile(1.0 - level / 2.0, PUBLISHED - 1) * error
        moved = value + end + (reach if side == 0 else -reach)
        return p_of(evidence.asymptotic(scores, moved, skewness)[side])[:, -1] <= level / 2.0

    inside = beyond(0, -margin, ALPHA) & beyond(1, margin, ALPHA)
    outside = beyond(1, -margin, ALPHA / 2.0) | beyond(0, margin, ALPHA / 2.0)
    for verdict, found in (("reproduced", inside), ("contradicted", outside)):
        yield Rate(f"published value {verdict}, at the margin", name, float(found.mean()), repetitions)


def medians(repetitions: int, rng: np.random.Generator) -> Iterator[Seeds]:
    """Seeds that shifts of normal scores and of those on a real table take."""
    table = load_table("nasbench-graph/cora")
    law = RandomSearchLaw(table.valid, table.test, table.weights, direction=table.direction)
    baseline = exact_random_baseline(law, 100)
    pmf, name = law.pmf(100), "random@100 of nasbench-graph/cora"
    for effect in EFFECTS:
        normal = rng.standard_normal((repetitions, SEEDS)) + effect
        real = draw(pmf, (repetitions, SEEDS), rng) + effect * baseline.std
        pairs = (real - draw(pmf, (repetitions, SEEDS), rng)) / (math.sqrt(2.0) * baseline.std)
        pairs += effect * (1.0 - 1.0 / math.sqrt(2.0))  # so that it is the effect in deviations of the differences
        fixed = seeds_needed(effect, 1.0, exact_baseline=True)
        for kind, of, found in (
            ("paired differences", "normal", evidence.symmetry(normal, 0.0)),
            ("paired differences", name, evidence.symmetry(pairs, 0.0)),
            ("mid-ranks", "normal", evidence.betting(ndtr(normal), 0.5)),
            ("mid-ranks", name, evidence.betting(mid_ranks(real, baseline), 0.5)),
            ("asymptotic mean", "normal", evidence.asymptotic(normal, 0.0)),
            ("asymptotic mean", name, evidence.asymptotic(real, baseline.mean, skewness_of(baseline))),
        ):
            yield Seeds(kind, of, effect, _median_seeds(found), fixed)


def _median_seeds(found: evidence.Evidence) -> float:
    """The median of the first number of seeds with a two-sided verdict, either side at half of alpha."""
    decided = np.maximum(*found) >= math.log(2.0 / ALPHA)
    first = np.where(decided.any(axis=1), decided.argmax(axis=1) + 1.0, math.inf)
    return float(np.median(first))


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=2000, help="of each simulation (default 2000)")
    repetitions = parser.parse_args().repetitions
    rng = generator("benchmarks", "sequences")
    found = [one for name, baseline in baselines() for one in rates(name, baseline, repetitions, rng)]
    print("| claim, at its boundary | laws | mean false % | worst | of | limit % |\n|---|--:|--:|--:|---|--:|")
    for claim in dict.fromkeys(one.claim for one in found):
        of = [one for one in found if one.claim == claim]
        worst = max(of, key=lambda one: one.false)
        mean = float(np.mean([one.false for one in of]))
        print(
            f"| {claim} | {len(of)} | {100 * mean:.1f} | {100 * worst.false:.1f} | {worst.law} | {100 * worst.limit:.1f} |"
        )
    print("\n| sequence | scores | effect, sd | median seeds | fixed plan | ratio |\n|---|---|--:|--:|--:|--:|")
    for one in medians(repetitions, rng):
        print(
            f"| {one.kind} | {one.law} | {one.effect:g} | {one.median:g} | {one.fixed} | {one.median / one.fixed:.2f} |"
        )


if __name__ == "__main__":
    main()
