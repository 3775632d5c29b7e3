"""Whether two measurements rank architectures alike, and how alike they could rank them at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import integrate, special, stats

from harness.errors import HarnessError
from harness.statistics._validate import FloatArray, counts, distinct, finite, fraction, same_length
from harness.statistics.estimate import Estimate

Agreement = Callable[[FloatArray, FloatArray], float]


@dataclass(frozen=True)
class Lottery:
    """The spread of a method over its hyperparameters, beside its gap to random search.

    Attributes
    ----------
    worst, lower, median, upper, best
        Over settings, of the mean score over seeds: the ends, the quartiles and the median.
    share_above
        Share of the settings whose mean is above random search's.
    spread
        `best` - `worst`.
    spread_by_chance
        Expected spread if all settings were alike, from the noise between seeds.
    gap
        `median` minus random search's mean.
    ratio
        `spread` over the size of `gap`: above 1, tuning decides more than the choice of method.
    p_value
        Of all settings being alike: one-way analysis of variance.
    """

    worst: float
    lower: float
    median: float
    upper: float
    best: float
    share_above: float
    spread: float
    spread_by_chance: float
    gap: float
    ratio: float
    p_value: float


def kendall(x: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """Return Kendall's tau-b of two columns (N,)."""
    return float(stats.kendalltau(*_columns(x, y)).statistic)


def weighted_kendall(x: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """Return Vigna's (2015) weighted tau: hyperbolic weights, so that exchanges among the best count most."""
    return float(stats.weightedtau(*_columns(x, y)).statistic)


def spearman(x: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """Return Spearman's rank correlation of two columns (N,)."""
    return float(stats.spearmanr(*_columns(x, y)).statistic)


def precision_at(k: int, x: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """Return the share of the k best by `x` (N,) that are among the k best by `y` (N,).

    Where ties cross the k-th place, it is the expectation under independent random tie breaking.
    """
    x, y = _columns(x, y)
    k = int(counts("k", k))
    if k > len(x):
        raise HarnessError(f"k: {k} best of {len(x)} rows; give at most {len(x)}")
    return float(_chance_of_top(x, k) @ _chance_of_top(y, k) / k)


def rank_agreement(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    rng: np.random.Generator,
    top: Sequence[int] = (10, 100),
    confidence: float = 0.95,
    n_bootstrap: int = 200,
    measures: Mapping[str, Agreement] | None = None,
) -> pd.DataFrame:
    """Return how far two measurements rank the same architectures alike, with bootstrap intervals.

    Parameters
    ----------
    x, y : array_like, shape (N,)
        One value an architecture, higher meaning better in both.
    top
        The k of precision@k; those above N are left out.
    rng, n_bootstrap
        Source and number of resamples of architectures, about 0.1 s each at N = 26 000. Percentile intervals: N is
        large here, and it is architectures that are sampled, not a handful of seeds.
    measures
        Agreements by name, instead of all: of a table of many columns each takes its time.

    Returns
    -------
    DataFrame
        Columns ``statistic, estimate, low, high``; rows ``kendall, weighted_kendall, spearman, precision@k``, or `measures`.
    """
    x, y = _columns(x, y)
    if measures is None:
        correlations = {"kendall": kendall, "weighted_kendall": weighted_kendall, "spearman": spearman}
        measures = correlations | {f"precision@{k}": partial(precision_at, k) for k in top if k <= len(x)}
    resamples = (rng.integers(len(x), size=len(x)) for _ in range(int(counts("n_bootstrap", n_bootstrap))))
    draws = np.array([[measure(x[rows], y[rows]) for measure in measures.values()] for rows in resamples])
    tails = (1.0 - fraction("confidence", confidence)) / 2.0
    low, high = np.nanquantile(draws, [tails, 1.0 - tails], axis=0)
    estimate = [measure(x, y) for measure in measures.values()]
    return pd.DataFrame({"statistic": list(measures), "estimate": estimate, "low": low, "high": high})


def noise_ceiling(scores: npt.ArrayLike, agreement: Agreement = kendall) -> tuple[float, float]:
    """Return the bounds of the best agreement that any predictor can have with one training seed's ranking.

    Parameters
    ----------
    scores : array_like, shape (architectures, seeds)
        Test values of independent trainings.
    agreement
        Such as `kendall`.

    Notes
    -----
    Nili et al. (2014), PLoS Comput. Biol. 10, e1003553: the mean agreement of each seed with the mean of the others
    (lower) and with the mean of all, itself included (upper). Means that differ by rounding only are equal.
    """
    scores = _replicated(scores)
    total, seeds = scores.sum(axis=1), scores.shape[1]
    lower = [agreement(column, settled((total - column) / (seeds - 1))) for column in scores.T]
    upper = [agreement(column, settled(total / seeds)) for column in scores.T]
    return float(np.mean(lower)), float(np.mean(upper))


def intraclass_correlation(
    scores: npt.ArrayLike, confidence: float = 0.95, *, groups: npt.ArrayLike | None = None
) -> Estimate:
    """Return the share of the variance of single scores that is due to architectures, not to training seeds.

    ICC(1,1) of the one-way random-effects model with its F interval (Shrout & Fleiss 1979, Psychol. Bull. 86, 420);
    the p-value is of no difference between architectures.

    Parameters
    ----------
    scores : array_like, shape (architectures, seeds)
        Scores of independent trainings.
    groups : array_like, shape (architectures,), optional
        What shares a level of its own, such as the split of the data: architectures are compared within it, so that a
        group costs a degree of freedom.

    Raises
    ------
    HarnessError
        If no group has two architectures.
    """
    scores = _replicated(scores)
    confidence = fraction("confidence", confidence)
    n, k = scores.shape
    means = scores.mean(axis=1)
    own = np.zeros(n, dtype=np.intp) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    same_length(scores=scores, groups=own)
    levels = np.bincount(own, weights=means) / np.bincount(own)
    free = n - len(levels)
    if free == 0:
        raise HarnessError("groups: no two architectures share one; nothing to compare")
    between = k * np.sum((means - levels[own]) ** 2) / free
    within = np.sum((scores - means[:, np.newaxis]) ** 2) / (n * (k - 1))
    if within == 0:
        note = "all seeds equal: no interval"
        return Estimate(1.0 if between > 0 else np.nan, np.nan, np.nan, confidence, "one-way F", note=note)
    ratio, df = between / within, (free, n * (k - 1))
    tail = (1.0 - confidence) / 2.0
    low, high = ratio / stats.f.isf(tail, *df), ratio * stats.f.isf(tail, *df[::-1])
    estimate, low, high = ((f - 1.0) / (f + k - 1.0) for f in (ratio, low, high))
    p_value = float(stats.f.sf(ratio, *df))
    return Estimate(float(estimate), float(low), float(high), confidence, "one-way F", p_value)


def hyperparameter_lottery(scores: npt.ArrayLike, random_mean: float) -> Lottery:
    """Set the spread of a method's mean over a grid of its hyperparameters beside its gap to random search.

    Krishnan et al. (2023), ArchGym, arXiv 2306.08888.

    Parameters
    ----------
    scores : array_like, shape (settings, seeds)
        Final scores at one budget.
    random_mean
        Mean of random search at the same budget, in the same unit.
    """
    scores = _replicated(scores)
    settings, seeds = scores.shape
    means = scores.mean(axis=1)
    worst, lower, median, upper, best = np.quantile(means, [0.0, 0.25, 0.5, 0.75, 1.0])
    spread, gap = float(best - worst), float(median - random_mean)
    noise = np.sqrt(np.mean(np.var(scores, axis=1, ddof=1)) / seeds)
    p_value = float(stats.f_oneway(*scores).pvalue) if noise > 0 else np.nan
    return Lottery(
        worst=float(worst),
        lower=float(lower),
        median=float(median),
        upper=float(upper),
        best=float(best),
        share_above=float(np.mean(means > random_mean)),
        spread=spread,
        spread_by_chance=float(noise * _expected_range(settings)),
        gap=gap,
        ratio=spread / abs(gap) if gap else np.inf,
        p_value=p_value,
    )


def settled(means: FloatArray) -> FloatArray:
    """Return means (N,), those that differ by rounding only made equal: ties that a rank correlation must see."""
    values, place = distinct(means)
    return values[place]


def _expected_range(n: int) -> float:
    """Return the expected range of `n` standard normal values (Tippett 1925)."""
    return float(integrate.quad(lambda x: 1.0 - special.ndtr(x) ** n - special.ndtr(-x) ** n, -np.inf, np.inf)[0])


def _chance_of_top(values: FloatArray, k: int) -> FloatArray:
    """Return the probability that each row is among the k best if ties are broken at random (N,)."""
    last = np.partition(values, len(values) - k)[len(values) - k]
    above, tied = values > last, values == last
    return np.asarray(np.where(tied, (k - above.sum()) / tied.sum(), above), dtype=np.float64)


def _columns(x: npt.ArrayLike, y: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    x, y = finite("x", x), finite("y", y)
    if same_length(x=x, y=y) < 2:
        raise HarnessError("x: one row has no ranking; give at least 2")
    return x, y


def _replicated(scores: npt.ArrayLike) -> FloatArray:
    matrix = finite("scores", scores, ndim=2)
    if min(matrix.shape) < 2:
        raise HarnessError(f"scores: shape {matrix.shape}; give at least 2 rows and at least 2 seeds of each")
    return matrix
