"""Two methods on one data set: how far apart, how often the one beats the other, and whether chance explains it."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from harness.statistics._student import no_spread_note, variance_of_mean, welch_df
from harness.statistics._validate import FloatArray, counts, finite, fraction, same_length
from harness.statistics.estimate import Estimate, t_estimate
from harness.statistics.law import ExactBaseline

_EXACT_UP_TO = 16  # paired values whose 2^n sign flips are enumerated


def mean_difference(a: npt.ArrayLike, b: npt.ArrayLike, paired: bool = False, confidence: float = 0.95) -> Estimate:
    """Return mean(a) - mean(b), in the unit of the scores: Welch's t, or the paired t where seeds fix shared noise."""
    a, b, confidence = finite("scores a", a), finite("scores b", b), fraction("confidence", confidence)
    if paired:
        same_length(a=a, b=b)
        gap = a - b
        return t_estimate(
            gap.mean(), math.sqrt(variance_of_mean(gap)), len(gap) - 1, confidence, "paired t", note=no_spread_note(gap)
        )
    variances = variance_of_mean(a), variance_of_mean(b)
    df, note = welch_df(variances[0], len(a), variances[1], len(b)), no_spread_note(a, b)
    return t_estimate(a.mean() - b.mean(), math.sqrt(sum(variances)), df, confidence, "Welch t", note=note)


def summary_difference(a: tuple[float, float, int], b: tuple[float, float, int], confidence: float = 0.95) -> Estimate:
    """Return mean(a) - mean(b) by Welch's t from mean, standard deviation and number of scores of each: as `mean_difference`.

    NaN ends where neither has spread.
    """
    variances = [sd**2 / int(counts("n", n)) for _, sd, n in (a, b)]
    df = welch_df(variances[0], a[2], variances[1], b[2])
    note = "" if sum(variances) > 0 else "all seeds equal: no interval"
    return t_estimate(a[0] - b[0], math.sqrt(sum(variances)), df, confidence, "Welch t", note=note)


def probability_of_improvement(
    a: npt.ArrayLike, b: npt.ArrayLike | ExactBaseline, confidence: float = 0.95
) -> Estimate:
    """Return the probability that a run of `a` beats a run of `b`, ties counting half; p-value of 1/2.

    This is Vargha & Delaney's A (2000); Cliff's delta is 2A - 1. Higher scores are better, unless `b` is an exact
    baseline of which lower is.

    Parameters
    ----------
    a : array_like, shape (n,)
        Scores.
    b : array_like, shape (m,), or ExactBaseline
        Scores, or the exact law of random search, which has no sampling error.

    Notes
    -----
    Brunner & Munzel (2000), Biometrical Journal 42, 17: Welch's t for the placements of each sample in the other. An
    exact baseline leaves the t interval of the placements of `a` in its law. Intervals are cut to [0, 1].
    """
    a, confidence = finite("scores a", a), fraction("confidence", confidence)
    if isinstance(b, ExactBaseline):
        placed = _placements_in_law(a, b)
        error, df = math.sqrt(variance_of_mean(placed)), float(len(a) - 1)
        note, method = no_spread_note(placed), f"exact law of {b.name}, t"
    else:
        b = finite("scores b", b)
        placed, others = _placements(a, b), _placements(b, a)
        variances = variance_of_mean(placed), variance_of_mean(others)
        error, df = math.sqrt(sum(variances)), welch_df(variances[0], len(a), variances[1], len(b))
        note, method = no_spread_note(placed, others), "Brunner-Munzel"
    result = t_estimate(placed.mean(), error, df, confidence, method, null=0.5, note=note)
    low, high = np.clip([result.low, result.high], 0.0, 1.0).tolist()
    return Estimate(result.estimate, low, high, confidence, method, result.p_value, result.df, note)


def sign_flip_test(differences: npt.ArrayLike, rng: np.random.Generator, n_permutations: int = 99_999) -> float:
    """Return the two-sided p-value of mean zero of paired `differences` (n,), by flipping their signs.

    All 2^n flips are enumerated up to n = 16, where the p-value is exact; beyond, `n_permutations` random ones and the
    observed one are counted (Phipson & Smyth 2010). The smallest possible value is 2^(1 - n).
    """
    differences = finite("differences", differences)
    n = len(differences)
    if n <= _EXACT_UP_TO:
        signs = 1.0 - 2.0 * (np.arange(2**n)[:, np.newaxis] >> np.arange(n) & 1)
    else:
        signs = rng.choice((1.0, -1.0), size=(int(counts("n_permutations", n_permutations)) + 1, n))
        signs[0] = 1.0
    sums = np.abs(signs @ differences)
    return float(np.mean(sums >= sums[0] * (1.0 - 1e-12)))


def _placements(sample: FloatArray, other: FloatArray) -> FloatArray:
    """Return the share of `other` (m,) below each of `sample` (n,), ties counting half."""
    ascending = np.sort(other)
    below, upto = (np.searchsorted(ascending, sample, side=side) for side in ("left", "right"))
    return (below + upto) / (2.0 * len(other))


def _placements_in_law(scores: FloatArray, baseline: ExactBaseline) -> FloatArray:
    """Return the probability that the baseline is worse than each of `scores` (n,), ties counting half."""
    values, probability = baseline.law.pmf(baseline.n_draws)
    equal = np.abs(values - scores[:, np.newaxis]) <= 1e-12 * np.abs(values)
    worse = values < scores[:, np.newaxis] if baseline.law.direction == "max" else values > scores[:, np.newaxis]
    return (worse & ~equal) @ probability + 0.5 * (equal @ probability)
