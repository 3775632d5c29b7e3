"""A method against random search whose law is known: exact p-value, what the method is worth in draws.

The hypothesis is that the method *is* random search with the baseline's number of draws. Its mean over S seeds then has
a known law, the S-fold convolution of `RandomSearchLaw.pmf`: no sampling, no normality. These p-values are one-sided
(the method does better); a two-sided interval is another test.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import scipy.fft

from harness.errors import HarnessError
from harness.statistics._student import no_spread_note, t_interval, variance_of_mean
from harness.statistics._validate import FloatArray, counts, finite, fraction
from harness.statistics.law import ExactBaseline, RandomSearchLaw

_FLOOR = 1e-12  # p-values below this are rounding errors of the Fourier transform
_LATTICE = 2**22  # points of the lattice of sums


@dataclass(frozen=True)
class ExactTest:
    """One-sided exact test of a method's mean over seeds.

    Attributes
    ----------
    p_value
        P(mean of `n_seeds` random searches >= `mean`), never too small, at least 1e-12.
    mean
        The method's mean score.
    n_seeds
        Number of scores in it.
    resolution
        `p_value` is at most the exact p-value of a mean this much worse (unit of the scores); 0 where it is exact.
    """

    p_value: float
    mean: float
    n_seeds: int
    resolution: float


@dataclass(frozen=True)
class SpeedUp:
    """How many draws of random search a method's mean is worth, over the evaluations that the method made.

    Attributes
    ----------
    estimate, low, high
        Equivalent draws over evaluations, with the interval that the t interval of the mean score implies; inf where
        random search never gets there. Below 1: random search needs fewer.
    draws, draws_low, draws_high
        The equivalent budgets themselves; None for never reached (or, at the ends, for no interval).
    note
        Why there is no interval; else empty.
    """

    estimate: float
    low: float
    high: float
    draws: int | None
    draws_low: int | None
    draws_high: int | None
    note: str = ""


def exact_p_value(scores: npt.ArrayLike, baseline: ExactBaseline) -> ExactTest:
    """Return the exact one-sided p-value of the mean of `scores` (S,) under the law of `baseline`.

    Raises
    ------
    HarnessError
        For empty or non-finite scores.

    Notes
    -----
    Sums are formed on a lattice by fast Fourier transform. Where the table's values lie on one (accuracies over a
    fixed number of images) the result is exact; else values are rounded up to it, which can only raise the p-value.
    """
    scores = finite("scores", scores)
    points, tail, resolution = _law_of_mean(baseline, len(scores))
    sign = _sign(baseline)
    slack = 1e-6 * (points[1] - points[0]) if len(points) > 1 else 1e-12 * abs(points[0])
    place = np.searchsorted(points, sign * scores.mean() - slack)
    p_value = float(tail[place]) if place < len(tail) else 0.0
    return ExactTest(min(max(p_value, _FLOOR), 1.0), float(scores.mean()), len(scores), resolution)


def exact_two_sided_p_value(scores: npt.ArrayLike, baseline: ExactBaseline) -> float:
    """Return the exact two-sided p-value of the mean of `scores` (S,) under the law of `baseline`: twice the smaller tail.

    Each tail counts means that equal it. Where sums are rounded (see `exact_p_value`) the p-value can only be raised.

    Raises
    ------
    HarnessError
        For empty or non-finite scores.
    """
    scores = finite("scores", scores)
    points, tail, resolution = _law_of_mean(baseline, len(scores))
    mean = _sign(baseline) * scores.mean()
    slack = 1e-6 * (points[1] - points[0]) if len(points) > 1 else 1e-12 * abs(points[0])
    tail = np.append(tail, 0.0)
    at_least = tail[np.searchsorted(points, mean - slack)]
    above = tail[np.searchsorted(points, mean + resolution + slack, side="right")]
    return float(min(max(2.0 * min(at_least, 1.0 - above), _FLOOR), 1.0))


def critical_mean(baseline: ExactBaseline, n_seeds: int, level: float = 0.05) -> float:
    """Return the mean over `n_seeds` from which on `exact_p_value` is at most `level`."""
    points, tail, _ = _law_of_mean(baseline, int(counts("n_seeds", n_seeds)))
    significant = np.flatnonzero(tail <= fraction("level", level))
    if len(significant) == 0:
        raise HarnessError(
            f"level: {level:g} cannot be reached with {n_seeds} seeds of {baseline.name}; use more seeds"
        )
    return float(_sign(baseline) * points[significant[0]])


def speed_up(scores: npt.ArrayLike, law: RandomSearchLaw, n_evaluations: int, confidence: float = 0.95) -> SpeedUp:
    """Return how many random draws the mean of `scores` (S,) is worth per evaluation that the method spent.

    The ends of the t interval of the mean go through `RandomSearchLaw.equivalent_budget`, which never decreases with
    its target.
    """
    scores = finite("scores", scores)
    evaluations = int(counts("n_evaluations", n_evaluations))
    error = math.sqrt(variance_of_mean(scores))
    low, high, _ = t_interval(scores.mean(), error, len(scores) - 1, fraction("confidence", confidence))
    if law.direction == "min":
        low, high = high, low
    draws = law.equivalent_budget(scores.mean())
    rate = np.inf if draws is None else draws / evaluations
    if note := no_spread_note(scores):
        return SpeedUp(rate, np.nan, np.nan, draws, None, None, note)
    draws_low, draws_high = law.equivalent_budget(low), law.equivalent_budget(high)
    rate_low, rate_high = (np.inf if end is None else end / evaluations for end in (draws_low, draws_high))
    return SpeedUp(rate, rate_low, rate_high, draws, draws_low, draws_high)


@lru_cache(maxsize=4)  # all methods on a table share it, and it can take a second
def _law_of_mean(baseline: ExactBaseline, n_seeds: int) -> tuple[FloatArray, FloatArray, float]:
    """Return means over `n_seeds`, ascending in quality, P(mean at least as good), and their resolution.

    Where lower is better, the means are negated.
    """
    values, probability = baseline.law.pmf(baseline.n_draws)
    if baseline.law.direction == "min":
        values, probability = -values[::-1], probability[::-1]
    values = np.maximum(values, values[np.searchsorted(np.cumsum(probability), 1e-16)])  # shortens the lattice
    low, span = values[0], values[-1] - values[0]
    gaps = np.diff(np.unique(values))
    most = max(2**12, _LATTICE // n_seeds)
    cells = min(int(np.rint(span / gaps.min())), most) if len(gaps) else 1
    place = (values - low) / span * cells if span else np.zeros_like(values)
    exact = bool(np.all(np.abs(place - np.rint(place)) < 1e-6))
    if not exact:
        cells = most
        place = np.ceil((values - low) / span * cells - 1e-6)
    step = span / cells
    mass = np.bincount(np.rint(place).astype(np.int64), probability)
    size = n_seeds * (len(mass) - 1) + 1
    points = low + step * np.arange(size) / n_seeds
    length = scipy.fft.next_fast_len(size, real=True)
    law = scipy.fft.irfft(scipy.fft.rfft(mass, length) ** n_seeds, length)[:size]
    tail = np.cumsum(np.maximum(law, 0.0)[::-1])[::-1]
    return points, tail, 0.0 if exact else float(step)


def _sign(baseline: ExactBaseline) -> float:
    return 1.0 if baseline.law.direction == "max" else -1.0
