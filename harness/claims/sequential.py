"""Claims that are judged by sequences: valid however often one looks, with as many seeds as it takes."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache

import numpy as np
from scipy.special import ndtri

from harness.claims.parts import LEVEL, FloatArray, Part
from harness.claims.searches import Kept
from harness.reporting.run import Benchmark
from harness.statistics._student import variance_of_mean
from harness.statistics.law import ExactBaseline, RandomSearchLaw, exact_random_baseline
from harness.statistics.regions import POWER, Placement, Region
from harness.statistics.sequences import (
    AsymptoticMean,
    PairedDifferences,
    Sequence,
    Widened,
    WinProbability,
    mid_ranks,
    skewness_of,
)
from harness.suites.claims import Claim, Published


def by_sequence(part: Part, sequence: Sequence, kept: Kept) -> Part:
    """Return a part with what a sequence of its own parameter shows after the last seed."""
    ends = part.region.low, part.region.high
    course = np.array([sequence.p_inside(*ends), sequence.p_outside(*ends)])
    return _with(part, course, sequence, kept)


def wins_over_the_law(part: Part, values: FloatArray, baseline: ExactBaseline, kept: Kept) -> Part:
    """How often a method does better than random search, ties half: its mean is half where it is random search."""
    ranks = mid_ranks(values, baseline)
    error = math.sqrt(variance_of_mean(ranks)) if len(ranks) > 1 else math.nan
    part = replace(part, unit="win probability", region=Region(low=0.5), estimate=float(ranks.mean()), error=error)
    return by_sequence(part, WinProbability(ranks), kept)


def skewness_at(claim: Claim, benchmark: Benchmark) -> float:
    """How skewed test scores are of random search with the claim's budget; 0 where that is not known."""
    draws = benchmark.draws(claim.budget) if claim.budget is not None and claim.statistic == "test" else None
    return 0.0 if draws is None or benchmark.law is None else _skewness(benchmark.law, draws)


@lru_cache(maxsize=256)  # claims on a table share it
def _skewness(law: RandomSearchLaw, draws: int) -> float:
    return skewness_of(exact_random_baseline(law, draws))


def mean_over(part: Part, gain: FloatArray, skewness: float, kept: Kept) -> Part:
    """A mean against what is known exactly; laws such as its own have so much skewness."""
    return by_sequence(part, AsymptoticMean(gain, skewness), kept)


def pairs_over(part: Part, gain: FloatArray, kept: Kept) -> Part:
    """Differences seed by seed."""
    return by_sequence(_with_wins(part, gain), PairedDifferences(gain), kept)


def ratio_over(part: Part, gain: FloatArray, size: FloatArray, kept: Kept) -> Part:
    """Differences in percent of a baseline: at each end r of the region those of the gain over r percent, seed by seed.

    The interval is that of the gain, over the baseline's mean.
    """
    low, high = (
        None if math.isinf(end) else PairedDifferences(gain - end * size) for end in (part.region.low, part.region.high)
    )
    # Of "at most" and "at least" each end, after each seed; nothing is beyond an infinite one.
    above, under = np.zeros((2, len(gain))) if low is None else low.p_values(0.0)
    over, below = np.zeros((2, len(gain))) if high is None else high.p_values(0.0)
    outside = under if high is None else over if low is None else np.minimum(1.0, 2.0 * np.minimum(under, over))
    course = np.array([np.maximum(above, below), outside])
    return _with(_with_wins(part, gain), course, PairedDifferences(gain), kept, float(size.mean()))


def value_over(
    part: Part, values: FloatArray, published: Published, is_count: bool, skewness: float, kept: Kept
) -> Part:
    """A mean against a published one, which has an error and was rounded; counts are not."""
    df = math.inf if published.n is None else published.n - 1.0
    rounding = 0.0 if is_count else published.rounding
    sequence = Widened(AsymptoticMean(values, skewness), published.value, published.error, df, rounding)
    return by_sequence(part, sequence, kept)


def _with(part: Part, course: FloatArray, sequence: Sequence, kept: Kept, per: float = 1.0) -> Part:
    """Return a part with p-values after each seed, and with the interval of a sequence whose numbers are `per` of the part's.

    What is detectable is how far from the boundary the parameter must be for the one-sided bound after as many seeds to leave it
    with 80 % power: half of the interval that both bounds make, and the normal quantile of the power times the standard error.
    """
    inside, outside = (float(p) for p in course[:, -1])
    low, high = (end / per for end in sequence.interval(LEVEL / kept.n_claims))
    lower, upper = (end / per for end in sequence.interval(2.0 * LEVEL))
    detectable = (upper - lower) / 2.0 + float(ndtri(POWER)) * part.error
    placement = Placement(inside, outside, low, high, detectable if math.isfinite(detectable) else math.nan)
    note = "; ".join(filter(None, (part.note, sequence.assumption)))
    return replace(part, test=sequence.method, placement=placement, note=note, course=course)


def _with_wins(part: Part, gain: FloatArray) -> Part:
    wins = float(((gain > 0) + (gain == 0) / 2).mean())
    return replace(part, note="; ".join(filter(None, (part.note, f"better at {100 * wins:.0f} % of the seeds"))))
