"""Two methods seed by seed where scores may collapse: how often one beats the other, and how often each collapses.

Where a few runs end at chance, a mean is theirs: these statistics count runs, and no size of a difference moves them.
"""

from __future__ import annotations

import math

import numpy.typing as npt
from scipy import special, stats

from harness.errors import HarnessError
from harness.statistics._validate import counts, finite, fraction, same_length
from harness.statistics.estimate import Estimate


def paired_win_probability(a: npt.ArrayLike, b: npt.ArrayLike, confidence: float = 0.95) -> Estimate:
    """Return the probability that `a` beats `b` at a seed, ties counting half; p-value of 1/2.

    Parameters
    ----------
    a, b : array_like, shape (n,)
        Scores by seed, higher is better.

    Notes
    -----
    The p-value is that of the exact sign test, in which ties have no say. The interval is Wilson's (1927) with the variance that
    ties leave: of probability p with a share t of ties it is p (1 - p) - t/4, so that its ends solve
    n (m - p)^2 = z^2 (p - p^2 - t/4) for the mean m. There is no interval where all pairs tie.
    """
    a, b, confidence = finite("scores a", a), finite("scores b", b), fraction("confidence", confidence)
    same_length(a=a, b=b)
    n, wins, ties = len(a), int((a > b).sum()), int((a == b).sum())
    mean, tied, method = (wins + ties / 2) / n, ties / n, "Wilson, ties half; exact sign test"
    if ties == n:
        return Estimate(mean, math.nan, math.nan, confidence, method, 1.0, note="all pairs tie")
    z = float(special.ndtri((1 + confidence) / 2)) ** 2
    middle, width = 2 * n * mean + z, n + z
    root = math.sqrt(max(middle**2 - 4 * width * (n * mean**2 + z * tied / 4), 0.0))
    low, high = ((middle + sign * root) / (2 * width) for sign in (-1, 1))
    return Estimate(mean, low, high, confidence, method, float(stats.binomtest(wins, n - ties).pvalue))


def rate(count: int, n: int, confidence: float = 0.95) -> Estimate:
    """Return the probability of what happened `count` times in `n`, with Clopper and Pearson's exact interval (1934)."""
    n = int(counts("n", n))
    if not 0 <= count <= n:
        raise HarnessError(f"count: {count} of {n} is no share; give a number from 0 to {n}")
    found = stats.binomtest(count, n).proportion_ci(fraction("confidence", confidence), "exact")
    return Estimate(count / n, float(found.low), float(found.high), confidence, "Clopper-Pearson")


def seeds_for_wins(probability: float, ties: float = 0.0, target_power: float = 0.8, level: float = 0.05) -> float:
    """Return how many pairs a two-sided sign test takes to find a win probability with power `target_power`.

    Parameters
    ----------
    probability
        That a beats b, ties counting half.
    ties
        Share of ties, which have no say.

    Notes
    -----
    The normal approximation of Noether (1987), over the pairs that are no ties: with their number m and the probability
    w = (p - t/2) / (1 - t) of a win among them, m = (z sqrt(1/4) + y sqrt(w (1 - w)))^2 / (w - 1/2)^2. Infinite at 1/2.
    """
    rounding = 1e-12
    if not 0 <= ties < 1 or not ties / 2 - rounding <= probability <= 1 - ties / 2 + rounding:
        raise HarnessError(
            f"probability: {probability} with a share of {ties} ties is none; ties count half, so it is from ties/2 to 1 - ties/2"
        )
    won = min(max((probability - ties / 2) / (1 - ties), 0.0), 1.0)
    if won == 0.5:
        return math.inf
    z, y = special.ndtri(1 - fraction("level", level) / 2), special.ndtri(fraction("target_power", target_power))
    pairs = ((0.5 * z + y * math.sqrt(won * (1 - won))) / (won - 0.5)) ** 2
    return math.ceil(pairs / (1 - ties))


def seeds_for_rates(first: float, second: float, target_power: float = 0.8, level: float = 0.05) -> float:
    """Return how many seeds of each of two methods find the difference of two rates with power `target_power`.

    Notes
    -----
    The normal approximation for independent proportions (Fleiss, Levin and Paik 2003, section 4.2), which pairs that agree more
    than chance make pessimistic. Infinite where the rates are equal.
    """
    if not 0 <= first <= 1 or not 0 <= second <= 1:
        raise HarnessError(f"rates: {first} and {second}; give shares from 0 to 1")
    if first == second:
        return math.inf
    z, y = special.ndtri(1 - fraction("level", level) / 2), special.ndtri(fraction("target_power", target_power))
    mean = (first + second) / 2
    spread = z * math.sqrt(2 * mean * (1 - mean)) + y * math.sqrt(first * (1 - first) + second * (1 - second))
    return math.ceil((spread / (first - second)) ** 2)
