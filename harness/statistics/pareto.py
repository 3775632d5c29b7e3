"""Several goals at once: Pareto fronts, hypervolumes, and the exact expected hypervolume of random search.

Points are rows of an array (n, goals) of which larger is better in every column. A point dominates another if it is at
least as good in every goal and better in one; the front is what nothing dominates. The hypervolume of a set is the volume
of what its points dominate and the reference point does not exceed (Zitzler & Thiele 1998).

Random search attains a point z if one of its draws is at least as good in every goal. Draws are independent, so it does
with probability ``1 - (1 - p(z))^n``, where p(z) is the share of the table's weight that is at least as good as z; the
expected hypervolume is the integral of that over z, and the points that it attains with a given probability are those of
enough weight. Between the table's own values nothing changes, so for two goals both are finite sums, without simulation.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from harness.errors import HarnessError
from harness.statistics._validate import FloatArray, counts, finite, same_length

BoolArray = npt.NDArray[np.bool_]


def pareto_front(points: npt.ArrayLike) -> BoolArray:
    """Return which of `points` (n, goals) no other one dominates (n,); equal points are on the front together."""
    points = finite("points", points, 2)
    if points.shape[1] == 1:
        return points[:, 0] == points.max()
    unique, place = np.unique(points, axis=0, return_inverse=True)
    on_front = np.zeros(len(unique), dtype=bool)
    # From the lexicographically largest down: what comes later dominates nothing that came before.
    left = np.arange(len(unique))[::-1]
    while left.size:
        on_front[left[0]] = True
        left = left[1:][(unique[left[1:]] > unique[left[0]]).any(axis=1)]
    return on_front[place.ravel()]


def dominance_ranks(points: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Return the front that each of `points` (n, goals) is on, when one after the other is taken away: 0, 1, ... (n,)."""
    points = finite("points", points, 2)
    ranks = np.full(len(points), -1)
    rank = 0
    while (left := np.flatnonzero(ranks < 0)).size:
        ranks[left[pareto_front(points[left])]] = rank
        rank += 1
    return ranks


def hypervolume(points: npt.ArrayLike, reference: npt.ArrayLike) -> float:
    """Return the area that `points` (n, 2) dominate above the point `reference` (2,); an empty set has none."""
    x, y = _above(points, reference)
    order = np.lexsort((y, x))[::-1]
    x, y = x[order], y[order]
    gains = np.diff(np.maximum.accumulate(y), prepend=0.0)
    return float(x @ gains)


def expected_hypervolume(
    points: npt.ArrayLike,
    reference: npt.ArrayLike,
    n: int,
    weights: npt.ArrayLike | None = None,
    feasible: npt.ArrayLike | None = None,
) -> float:
    """Return the exact expected hypervolume of what `n` independent random draws from a table evaluate.

    Parameters
    ----------
    points : array_like, shape (N, 2)
        The table's two goals, larger is better.
    reference : array_like, shape (2,)
        Where the area begins; rows that do not exceed it in both goals have none.
    n
        Number of draws, with replacement.
    weights : array_like, shape (N,), optional
        The measure from which an architecture is drawn, up to a factor. Default: every row once.
    feasible : array_like of bool, shape (N,), optional
        Rows that count; others are drawn in vain. Default: all.

    Notes
    -----
    Time goes with the product of the numbers of different values of the two goals: a second for 20,000 rows of equal weight
    whose values all differ, ten times as much where weights differ.
    """
    points, weights, counted = _table(points, weights, feasible)
    n = int(counts("n", n))
    equal = weights.min() == weights.max()
    # Equal weights are counts, so that the chances of all sums of them fit a table.
    mass_of: npt.NDArray[Any] = np.ones(len(points), dtype=np.int64) if equal else weights
    total = float(mass_of.sum())
    chances = -np.expm1(n * _log1m(np.arange(len(points) + 1) / total)) if equal else np.empty(0)
    counted &= (points > np.asarray(reference, dtype=np.float64)).all(axis=1)
    if not counted.any():
        return 0.0
    x, y = _above(points[counted], reference)
    mass_of = mass_of[counted]
    levels, place = np.unique(y, return_inverse=True)
    heights = np.diff(levels, prepend=0.0)
    order = np.argsort(-x, kind="stable")
    widths = -np.diff(x[order], append=0.0)
    mass = np.zeros(len(levels), dtype=mass_of.dtype)  # of the rows so far that reach each level
    area = 0.0
    for row, width in zip(order, widths, strict=True):
        mass[: place[row] + 1] += mass_of[row]
        if width > 0:
            attained = chances[mass] if equal else -np.expm1(n * _log1m(np.minimum(mass / total, 1.0)))
            area += width * float(heights @ attained)
    return area


def attained_by_draws(
    points: npt.ArrayLike,
    levels: npt.ArrayLike,
    n: int,
    probability: float = 0.5,
    weights: npt.ArrayLike | None = None,
    feasible: npt.ArrayLike | None = None,
) -> FloatArray:
    """Return what `n` independent random draws from a table attain with a given probability, exactly.

    Parameters
    ----------
    points, weights, feasible
        As in `expected_hypervolume`.
    levels : array_like, shape (L,)
        Values of the second goal.
    n
        Number of draws, with replacement.
    probability
        One half gives the median attainment surface (Fonseca & Fleming 1996).

    Returns
    -------
    ndarray, shape (L,)
        For each level the greatest value of the first goal such that, with at least this probability, some draw is at least
        as good in both; -inf where there is none.
    """
    points, weights, counted = _table(points, weights, feasible)
    n, levels = int(counts("n", n)), finite("levels", levels)
    if not 0 < probability < 1:
        raise HarnessError(f"probability: must lie between 0 and 1, not {probability}")
    # 1 - (1 - p)^n >= probability, with room for the rounding of sums.
    enough = -np.expm1(np.log1p(-probability) / n) * weights.sum() * (1 - 1e-12)
    order = np.argsort(-points[:, 0], kind="stable")
    order = order[counted[order]]
    best, second, mass = points[order, 0], points[order, 1], weights[order]
    found = np.full(len(levels), -np.inf)
    for place, level in enumerate(levels):
        reached = np.cumsum(np.where(second >= level, mass, 0.0))
        if reached.size and reached[-1] >= enough:
            found[place] = best[np.searchsorted(reached, enough)]
    return found


def _table(
    points: npt.ArrayLike, weights: npt.ArrayLike | None, feasible: npt.ArrayLike | None
) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Return points, weights and which rows count, checked; the last is a copy."""
    points = finite("points", points, 2)
    weights = np.ones(len(points)) if weights is None else finite("weights", weights)
    counted = np.ones(len(points), dtype=bool) if feasible is None else np.array(feasible, dtype=bool)
    same_length(points=points, weights=weights, feasible=counted)
    return points, weights, counted


def _above(points: npt.ArrayLike, reference: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return both coordinates of the points above the reference point, measured from there."""
    beyond = np.asarray(points, dtype=np.float64).reshape(-1, np.shape(points)[-1]) - finite("reference", reference)
    if beyond.shape[1] != 2:
        raise HarnessError(f"points: have {beyond.shape[1]} goals; hypervolumes are of 2")
    x, y = beyond[(beyond > 0).all(axis=1)].T
    return x, y


def _log1m(share: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore"):
        return np.log1p(-share)
