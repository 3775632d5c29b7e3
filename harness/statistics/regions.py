"""Does a parameter lie inside a region, or outside it? Two tests, of which neither is the absence of the other.

A claim such as "better by 1 %", "no worse by more than 1 %" or "within 0.2 of 93.7" is that a difference lies in a region. That
it does is shown by two one-sided tests (Schuirmann 1987, J. Pharmacokin. Biopharm. 15, 657), that it does not by the test of the
region itself. Where neither rejects, the data do not decide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from harness.errors import HarnessError
from harness.statistics._student import t_quantile, t_upper, variance_of_mean
from harness.statistics._validate import FloatArray, finite, fraction, same_length

POWER = 0.8  # of minimum detectable effects and planned numbers of seeds


@dataclass(frozen=True)
class Region:
    """An interval of a parameter; an end that is infinite is none.

    Attributes
    ----------
    low, high
        Its ends, in the unit of the parameter. They are boundaries and belong to neither side.
    """

    low: float = -math.inf
    high: float = math.inf

    def __post_init__(self) -> None:
        if not self.low <= self.high or (math.isinf(self.low) and math.isinf(self.high)):
            raise HarnessError(
                f"region: from {self.low} to {self.high} is none; give at least one end, in ascending order"
            )

    def distance(self, value: float) -> float:
        """Return how far a value is from the nearest end, on either side."""
        return min(abs(value - end) for end in (self.low, self.high))

    def holds(self, value: float) -> bool:
        """Whether a value that is known exactly lies in it, ends included."""
        return self.low <= value <= self.high


@dataclass(frozen=True)
class Placement:
    """Where a parameter lies.

    Attributes
    ----------
    p_inside
        p-value of "it lies outside, or on the boundary": small means inside.
    p_outside
        p-value of "it lies inside, or on the boundary": small means outside.
    low, high
        Ends of the interval that the one-sided tests at `level` invert: of confidence 1 - 2 level.
    detectable
        How far from the boundary the parameter must be for a one-sided test at `level` to tell it with 80 % power.
    """

    p_inside: float
    p_outside: float
    low: float
    high: float
    detectable: float


def place(estimate: float, error: float, df: float, region: Region, level: float = 0.05) -> Placement:
    """Return where a parameter lies whose estimate, standard error and degrees of freedom are given.

    Notes
    -----
    With t = (estimate - end) / error, Student's t with `df` degrees of freedom. Inside: the greater of the one-sided p-values
    at the ends. Outside a region of half-width w about c: P(T >= (|d| - w)/e) + P(T >= (|d| + w)/e) for d = estimate - c, of
    size `level` at either end whatever w is, and the two-sided t test for w = 0; outside a region with one end: one-sided.
    """
    if not error > 0:
        raise HarnessError(f"error: {error} is no standard error; a parameter that is known exactly wants no test")
    ends = (estimate - region.low) / error, (estimate - region.high) / error
    reach = t_quantile(1 - fraction("level", level), df) * error
    return Placement(*_answers(*ends, df), estimate - reach, estimate + reach, error * noncentrality(df, level))


def place_ratio(numerator: npt.ArrayLike, denominator: npt.ArrayLike, region: Region, level: float = 0.05) -> Placement:
    """Return where the ratio of two means lies, from pairs: a relative improvement from differences and baseline scores.

    Parameters
    ----------
    numerator, denominator : array_like, shape (n,)
        Pairs; the denominator's mean is above 0.
    region, level
        As in `place`.

    Notes
    -----
    Fieller (1954): the ratio is above an end r where the mean of ``numerator - r denominator`` is above 0, which the paired t
    test tells exactly for normal pairs. The interval holds all r that it does not reject; it has no ends where the
    denominator's mean itself is not told from 0.
    """
    x, y = finite("numerator", numerator), finite("denominator", denominator)
    n = same_length(numerator=x, denominator=y)
    _, error = ratio_of_means(x, y)
    if not error > 0:
        raise HarnessError(f"error: {error} is no standard error; a ratio that is known exactly wants no test")
    ends = (_t_of(x, y, region.low), _t_of(x, y, region.high))
    critical = t_quantile(1 - fraction("level", level), n - 1)
    (xx, xy), (_, yy) = np.cov(x, y) * critical**2 / n
    square, middle = y.mean() ** 2 - yy, x.mean() * y.mean() - xy
    root = middle**2 - square * (x.mean() ** 2 - xx)
    low, high = ((middle + sign * math.sqrt(root)) / square if square > 0 else math.nan for sign in (-1, 1))
    return Placement(*_answers(*ends, n - 1), low, high, error * noncentrality(n - 1, level))


def ratio_of_means(numerator: FloatArray, denominator: FloatArray) -> tuple[float, float]:
    """Return the ratio of the means of pairs (n,) and its standard error by the delta method; NaN for one pair."""
    ratio = float(numerator.mean() / denominator.mean())
    if len(numerator) == 1:
        return ratio, math.nan
    return ratio, math.sqrt(variance_of_mean(numerator - ratio * denominator)) / abs(float(denominator.mean()))


def _t_of(x: FloatArray, y: FloatArray, end: float) -> float:
    if math.isinf(end):
        return -end
    change = x - end * y
    mean, error = float(change.mean()), math.sqrt(variance_of_mean(change))
    return mean / error if error > 0 else math.copysign(math.inf, mean) if mean else 0.0


def _answers(low: float, high: float, df: float) -> tuple[float, float]:
    """Return the p-values of `Placement` from t at both ends of a region, infinite where it has none."""
    inside = max(t_upper(low, df), t_upper(-high, df))
    if math.isinf(high):
        outside = t_upper(-low, df)
    elif math.isinf(low):
        outside = t_upper(high, df)
    else:
        sign = 1.0 if low + high >= 0 else -1.0  # on which side of the middle
        outside = t_upper(sign * low, df) + t_upper(sign * high, df)
    return inside, min(outside, 1.0)


def noncentrality(df: float, level: float = 0.05, power: float = POWER) -> float:
    """Return the distance in standard errors that a one-sided t test finds with a power (noncentral t)."""
    if math.isinf(df):
        return float(special.ndtri(1 - fraction("level", level)) + special.ndtri(fraction("power", power)))
    return float(special.nctdtrinc(df, 1 - fraction("power", power), t_quantile(1 - fraction("level", level), df)))


def seeds_to_place(
    estimate: float, error: float, n_seeds: int, region: Region, level: float = 0.05, fixed_error: float = 0.0
) -> float:
    """Return about how many seeds would tell on which side the parameter lies, were it what is estimated now.

    Parameters
    ----------
    estimate, error, n_seeds
        What `n_seeds` seeds gave.
    region
        What is claimed.
    level
        Of the one-sided test.
    fixed_error
        The part of the standard error that seeds do not shrink, such as that of a published value.

    Notes
    -----
    By the normal approximation: the error must fall to distance / (z_level + z_power). Infinite where the fixed part alone is
    above that, or the estimate lies on the boundary.
    """
    wanted = (region.distance(estimate) / noncentrality(math.inf, level)) ** 2 - fixed_error**2
    if wanted <= 0:
        return math.inf
    return float(max(2, math.ceil(n_seeds * (error**2 - fixed_error**2) / wanted)))
