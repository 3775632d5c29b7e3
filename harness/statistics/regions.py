"""Does a parameter lie inside a region, or outside it? Two tests, of which neither is the absence of the other.

A claim such as "better by 1 %", "no worse by more than 1 %" or "within 0.2 of 93.7" is that a difference lies in a region. That
it does is shown by two one-sided tests (Schuirmann 1987, J. Pharmacokin. Biopharm. 15, 657), that it does not by the test of the
region itself. Where neither rejects, the data do not decide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import special

from harness.errors import HarnessError
from harness.statistics._student import t_quantile, t_upper
from harness.statistics._validate import fraction

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
    inside = max(t_upper((estimate - region.low) / error, df), t_upper((region.high - estimate) / error, df))
    if math.isinf(region.high):
        outside = t_upper((region.low - estimate) / error, df)
    elif math.isinf(region.low):
        outside = t_upper((estimate - region.high) / error, df)
    else:
        half = (region.high - region.low) / 2
        away = abs(estimate - (region.low + region.high) / 2)
        outside = t_upper((away - half) / error, df) + t_upper((away + half) / error, df)
    reach = t_quantile(1 - fraction("level", level), df) * error
    return Placement(inside, min(outside, 1.0), estimate - reach, estimate + reach, error * noncentrality(df, level))


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
