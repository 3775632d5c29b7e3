"""Regression checks with three outcomes: is the new version no worse than the old one, by more than a margin?

"Not significantly different" is no evidence of equality; a margin and a non-inferiority test are. Everything is in RI
points: percent of the baseline's mean on the same cell, so that cells pool.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.errors import HarnessError
from harness.statistics._student import t_quantile, t_upper, variance_of_mean, welch_df
from harness.statistics._validate import FloatArray, finite, fraction, positive, same_length

_POWER = 0.8  # of the planned number of seeds
# 2 x 1.645 = 3.29 standard errors of the difference would let an unchanged method pass with 95 % probability; a little more
# lets it pass with 97.5 %.
MARGIN_IN_STANDARD_ERRORS = 3.6
# With fewer seeds a cell the spread is too badly known: simulated, an unchanged method would be called regressed in 10 % of
# checks at 3 seeds and in 21 % at 2.
FEWEST_SEEDS = 5


class NoSpread(HarnessError):
    """Scores differ without any spread over seeds: there is no test, only a difference."""


@dataclass(frozen=True)
class Changes:
    """Difference of each cell, new minus old.

    Attributes
    ----------
    difference, error, df : ndarray, shape (cells,)
        In RI points, its standard error, and degrees of freedom.
    """

    difference: FloatArray
    error: FloatArray
    df: FloatArray


@dataclass(frozen=True)
class Verdict:
    """Outcome of a regression check.

    Attributes
    ----------
    outcome
        ``"pass"``, ``"regressed"`` or ``"inconclusive"``.
    difference, error, df
        Pooled new minus old in RI points, its standard error and degrees of freedom.
    low, high
        One-sided bounds, each at level `level`: non-inferior if `low` is above -margin, regressed if `high` is below
        it (below 0 if strict).
    p_inferior
        One-sided p-value of "worse by the margin or more"; small is good.
    p_regressed
        One-sided p-value of "not worse than the limit of a regression"; small is bad.
    seeds_factor
        By what factor more seeds would decide with 80 % power, were the true difference the one observed.
    """

    outcome: str
    difference: float
    error: float
    df: float
    low: float
    high: float
    p_inferior: float
    p_regressed: float
    seeds_factor: float


def cell_changes(
    new: Sequence[npt.ArrayLike], old: Sequence[npt.ArrayLike], reference: npt.ArrayLike, paired: bool = False
) -> Changes:
    """Return what changed in each cell from `old` to `new`, in RI points.

    Parameters
    ----------
    new, old
        One array of scores (seeds,) a cell, in the same order, higher meaning better.
    reference : array_like, shape (cells,)
        Mean of the baseline of each cell, such as random search's.
    paired
        Seeds are shared and fix shared noise: same-seed differences.

    Raises
    ------
    NoSpread
        For a cell without spread whose scores differ: it is deterministic and must be compared exactly.
    HarnessError
        For mismatched numbers of cells or seeds, or one seed.
    """
    unit = 100.0 / positive("reference", reference)
    if not len(new) == len(old) == len(unit):
        raise HarnessError(f"cells: new has {len(new)}, old {len(old)}, reference {len(unit)}; give the same cells")
    rows = []
    for i, (after, before) in enumerate(zip(new, old, strict=True)):
        a, b = finite(f"new, cell {i}", after), finite(f"old, cell {i}", before)
        if min(len(a), len(b)) == 1:
            raise HarnessError(f"cell {i}: one seed has no spread; give at least 2")
        if paired:
            same_length(new=a, old=b)
            variance, df = variance_of_mean(a - b), len(a) - 1.0
        else:
            parts = variance_of_mean(a), variance_of_mean(b)
            variance, df = sum(parts), welch_df(parts[0], len(a), parts[1], len(b))
        difference = a.mean() - b.mean()
        if variance == 0 and not np.isclose(difference, 0.0, atol=1e-12 * np.abs(a).max()):
            raise NoSpread(f"cell {i}: no spread over seeds, yet the scores differ; compare such cells exactly")
        rows.append((unit[i] * difference, unit[i] * math.sqrt(variance), df))
    return Changes(*np.array(rows).T)


def non_inferiority(changes: Changes, margin: float, level: float = 0.05, strict: bool = False) -> Verdict:
    """Decide whether the new version is at most `margin` RI points worse, pooled over cells.

    Parameters
    ----------
    changes
        From `cell_changes`; one cell gives that cell's own diagnosis. Cells with no error are equal and left out.
    margin
        Largest loss that does not matter, in RI points. About 3.3 of the pooled standard error passes an unchanged
        method with 95 % probability.
    level
        Of each one-sided Welch test.
    strict
        Any loss is a regression: "regressed" as soon as the upper bound is below 0, even if the loss is within the
        margin.

    Notes
    -----
    H0 of the pass is new <= old - margin. The pooled difference weights cells by inverse variance; its variance allows
    for the weights being estimates (Meier 1953, Biometrics 9, 59), its degrees of freedom are Satterthwaite's. The
    level holds from 8 seeds a cell on; pooling cells of 4 to 6 seeds errs in 6 % of cases instead of 5, of 3 in 8 %.
    """
    if not margin > 0:
        raise HarnessError(f"margin: {margin} is not above 0; give the largest loss that does not matter, in RI points")
    fraction("level", level)
    difference, error, df = _pool(changes)
    if error == 0:
        return Verdict("pass", 0.0, 0.0, df, 0.0, 0.0, 0.0, 1.0, 1.0)
    limit = 0.0 if strict else -margin
    reach = t_quantile(1.0 - level, df) * error
    low, high = difference - reach, difference + reach
    outcome = "regressed" if high < limit else "pass" if low > -margin else "inconclusive"
    distance = max(difference + margin, limit - difference)
    return Verdict(
        outcome,
        difference,
        error,
        df,
        low,
        high,
        p_inferior=t_upper((difference + margin) / error, df),
        p_regressed=t_upper((limit - difference) / error, df),
        seeds_factor=((t_quantile(1.0 - level, df) + t_quantile(_POWER, df)) * error / distance) ** 2,
    )


def equivalence_p_value(a: npt.ArrayLike, b: npt.ArrayLike, margin: float, paired: bool = False) -> float:
    """Return the p-value of "the means of `a` and `b` differ by `margin` or more": small means equivalent.

    Two one-sided tests (Schuirmann 1987), Welch's or of same-seed differences, in the unit of the scores: for a
    re-implementation against its original, or a run on another machine.
    """
    if not margin > 0:
        raise HarnessError(f"margin: {margin} is not above 0; give the largest difference that does not matter")
    a, b = finite("scores a", a), finite("scores b", b)
    if min(len(a), len(b)) == 1:
        raise HarnessError("scores: one seed has no spread; give at least 2")
    if paired:
        same_length(a=a, b=b)
        variance, df = variance_of_mean(a - b), len(a) - 1.0
    else:
        variances = variance_of_mean(a), variance_of_mean(b)
        variance, df = sum(variances), welch_df(variances[0], len(a), variances[1], len(b))
    if variance == 0:
        raise HarnessError("scores: no spread, in either sample or of their differences; compare them exactly")
    return t_upper((margin - abs(a.mean() - b.mean())) / math.sqrt(variance), df)


def _pool(changes: Changes) -> tuple[float, float, float]:
    """Return the inverse-variance mean of the differences, its standard error and degrees of freedom."""
    noisy = changes.error > 0
    if not noisy.any():
        return 0.0, 0.0, np.nan
    weight, df = changes.error[noisy] ** -2.0, changes.df[noisy]
    total = weight.sum()
    share = weight / total
    variance = (1.0 + 4.0 * np.sum(share * (1.0 - share) / df)) / total
    return float(share @ changes.difference[noisy]), float(np.sqrt(variance)), float(1.0 / np.sum(share**2 / df))
