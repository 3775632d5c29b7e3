"""Anytime curves: incumbents as the step functions that they are, on a common grid, with bands over seeds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from harness.errors import HarnessError
from harness.statistics._student import t_quantile
from harness.statistics._validate import FloatArray, finite, fraction, positive

_CHUNK = 2_000_000  # numbers of a bootstrap held at once
_LEFT_OUT = 0.01  # share of the curves' variance that the bootstrap may do without


@dataclass(frozen=True)
class Band:
    """A mean curve with a band.

    Attributes
    ----------
    mean, low, high : ndarray, shape (grid,)
        In the unit of the curves; NaN where some curve is, `low` and `high` also with a single curve.
    multiplier
        The band is mean -+ multiplier x standard error.
    """

    mean: FloatArray
    low: FloatArray
    high: FloatArray
    multiplier: float


def incumbents_on_grid(
    trace: pd.DataFrame, grid: npt.ArrayLike, step: str = "step", value: str = "value"
) -> pd.DataFrame:
    """Return the incumbent of each cell at each point of `grid`, carried forward from where it last changed.

    Parameters
    ----------
    trace : DataFrame
        Long, with columns ``cell``, `step` (evaluations or cost so far) and `value`; a row where the incumbent
        changes, in any order. Of several rows of one cell at one step the last counts.
    grid : array_like, shape (g,)
        Points at which to read the step functions, in the unit of `step`.

    Returns
    -------
    DataFrame, shape (cells, g)
        Index ``cell`` in order of appearance, columns `grid`; NaN before a cell's first row.

    Raises
    ------
    HarnessError
        For a missing column or a step that is not a finite number.
    """
    missing = [name for name in ("cell", step, value) if name not in trace]
    if missing:
        raise HarnessError(f"trace: no column {missing[0]!r}; columns are {', '.join(map(str, trace.columns))}")
    cell, cells = pd.factorize(trace["cell"])
    if np.any(cell < 0):
        raise HarnessError(f"trace, column cell: missing at row {np.argmin(cell)}; every row must name its cell")
    steps, at = np.unique(finite(f"trace, column {step}", trace[step]), return_inverse=True)
    points = finite("grid", grid)
    order = np.lexsort((at, cell))
    place = (cell * len(steps) + at)[order]  # one ascending key: cell first, then step
    first = np.searchsorted(cell[order], np.arange(len(cells)))[:, np.newaxis]
    upto = np.searchsorted(steps, points, side="right") - 1
    last = np.searchsorted(place, np.arange(len(cells))[:, np.newaxis] * len(steps) + upto, side="right") - 1
    values = trace[value].to_numpy(dtype=np.float64)[order]
    matrix = np.where(last >= first, values[np.maximum(last, 0)], np.nan)
    return pd.DataFrame(matrix, index=pd.Index(cells, name="cell"), columns=pd.Index(points, name=step))


def mean_band(curves: npt.ArrayLike, confidence: float = 0.95) -> Band:
    """Return the mean of `curves` (cells, grid) with its pointwise t interval: right at any one point, not at all."""
    matrix = _curves(curves)
    return _band(matrix, t_quantile((1.0 + fraction("confidence", confidence)) / 2.0, len(matrix) - 1))


def simultaneous_band(
    curves: npt.ArrayLike, rng: np.random.Generator, confidence: float = 0.95, n_bootstrap: int = 2000
) -> Band:
    """Return the mean of `curves` (cells, grid) with a band that covers the whole mean curve at once.

    Bootstrap sup-t (Montiel Olea & Plagborg-Moller 2019, J. Applied Econometrics 34, 1): the multiplier is the quantile
    of the largest t statistic over the grid. Each bootstrap sample is of as many Gaussian curves as there are cells,
    with the covariance of the residual curves, and every point is studentised by the sample's own deviation: at a
    single grid point that is the t interval, and the level holds from 5 curves on (a plug-in or resampling sup-t
    covers 90 % there instead of 95 %).

    Notes
    -----
    Of such a sample only its mean and its deviations are wanted. These are drawn directly, as a Gaussian vector and
    Bartlett's triangular factor of a Wishart matrix, in the space that the residual curves span up to a hundredth of
    their variance: the number of cells costs nothing.
    """
    matrix = _curves(curves)
    confidence = fraction("confidence", confidence)
    residual = matrix - matrix.mean(axis=0)
    residual = residual[:, np.ptp(residual, axis=0) > 0]  # drops NaN too
    if residual.shape[1] == 0:
        return mean_band(matrix, confidence)
    factor, df = _factor(residual / residual.std(axis=0)), len(matrix) - 1
    rank = factor.shape[1]
    below = np.tril_indices(rank, -1)
    largest = np.empty(n_bootstrap)
    for part in np.array_split(np.arange(n_bootstrap), -(-n_bootstrap * rank * len(factor) // _CHUNK)):
        triangle = np.zeros((len(part), rank, rank))
        triangle[:, range(rank), range(rank)] = np.sqrt(rng.chisquare(df - np.arange(rank), (len(part), rank)))
        triangle[:, below[0], below[1]] = rng.standard_normal((len(part), len(below[0])))
        deviation = np.sqrt(np.sum((factor @ triangle) ** 2, axis=-1) / df)
        largest[part] = np.max(np.abs(rng.standard_normal((len(part), rank)) @ factor.T) / deviation, axis=1)
    return _band(matrix, float(np.quantile(largest, confidence)))


def area_under_regret(regret: npt.ArrayLike, cost: npt.ArrayLike) -> FloatArray:
    """Return the mean regret of each curve (cells,) over the logarithm of the cost, for step-wise curves.

    Parameters
    ----------
    regret : array_like, shape (cells, grid)
        Best value of the table minus the incumbent's, in any unit; each value holds until the next grid point.
    cost : array_like, shape (grid,)
        Ascending costs above 0: evaluations or seconds. The area is exact if the grid holds every step.
    """
    curves, points = _curves(regret), positive("cost", cost)
    if len(points) != curves.shape[1] or len(points) < 2 or np.any(np.diff(points) <= 0):
        raise HarnessError(f"cost: give {curves.shape[1]} ascending values, one a grid point, and at least 2")
    widths = np.diff(np.log(points))
    area: FloatArray = curves[:, :-1] @ widths / widths.sum()
    return area


def _factor(curves: FloatArray) -> FloatArray:
    """Return a factor (grid, rank) of the correlations between the points of centred `curves` (cells, grid)."""
    _, singular, axes = np.linalg.svd(curves, full_matrices=False)
    upto = np.cumsum(singular**2)
    rank = 1 + int(np.searchsorted(upto, (1.0 - _LEFT_OUT) * upto[-1]))
    rank = min(rank, len(curves) - 1, len(singular))
    factor = axes[:rank].T * singular[:rank]
    return np.asarray(factor / np.linalg.norm(factor, axis=1, keepdims=True))


def _curves(curves: npt.ArrayLike) -> FloatArray:
    matrix = np.asarray(curves, dtype=np.float64)
    if matrix.ndim != 2 or matrix.size == 0:
        raise HarnessError(f"curves: shape {matrix.shape}; give one row a cell and one column a grid point")
    return matrix


def _band(matrix: FloatArray, multiplier: float) -> Band:
    mean = matrix.mean(axis=0)
    reach = np.full_like(mean, np.nan)
    if len(matrix) > 1:
        reach = multiplier * matrix.std(axis=0, ddof=1) / np.sqrt(len(matrix))
    return Band(mean, mean - reach, mean + reach, multiplier)
