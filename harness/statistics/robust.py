"""Robust aggregates over runs and tasks (Agarwal et al. 2021, arXiv 2108.13264), by stratified bootstrap.

Scores are one array of runs a task, normalised so that tasks compare (accuracy, RI); runs may differ in number. Below
about five tasks, say what each task says instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.errors import HarnessError
from harness.statistics._validate import FloatArray, counts, finite, fraction, same_length
from harness.statistics.bootstrap import stratified_bootstrap
from harness.statistics.estimate import Estimate


@dataclass(frozen=True)
class Profile:
    """A performance profile with its band.

    Attributes
    ----------
    share, low, high : ndarray, shape (thresholds,)
        Share of runs above each threshold, and the ends of a band that covers the whole profile at once; the ends are NaN
        where no task has two different runs.
    """

    share: FloatArray
    low: FloatArray
    high: FloatArray


def interquartile_mean(
    tasks: Sequence[npt.ArrayLike], rng: np.random.Generator, confidence: float = 0.95, n_bootstrap: int = 2000
) -> Estimate:
    """Return the mean of the middle half of all runs on all tasks, in the unit of the scores."""
    return stratified_bootstrap(_iqm, tasks, rng, confidence, n_bootstrap)


def interquartile_mean_of_law(values: npt.ArrayLike, weights: npt.ArrayLike) -> float:
    """Return the mean of the middle half of a known distribution: `values` (k,) with `weights` (k,) up to a factor."""
    values, weights = finite("values", values), finite("weights", weights)
    same_length(values=values, weights=weights)
    if weights.min() < 0 or weights.max() == 0:
        raise HarnessError("weights: must be at least 0, and not all 0")
    order = np.argsort(values, kind="stable")
    upto = np.r_[0.0, np.cumsum(weights[order])] / weights.sum()
    inside = np.diff(np.clip(upto, 0.25, 0.75))
    return float(inside @ values[order] / inside.sum())


def improvement_over_tasks(
    a: Sequence[npt.ArrayLike],
    b: Sequence[npt.ArrayLike],
    rng: np.random.Generator,
    confidence: float = 0.95,
    n_bootstrap: int = 2000,
) -> Estimate:
    """Return the probability that a run of `a` beats one of `b` on the same task, averaged over tasks; ties half."""
    if len(a) != len(b):
        raise HarnessError(f"tasks: a has {len(a)}, b has {len(b)}; give the same tasks in the same order")

    def statistic(strata: Sequence[FloatArray]) -> FloatArray:
        pairs = zip(strata[: len(a)], strata[len(a) :], strict=True)
        return np.asarray(np.mean([_superiority(x, y) for x, y in pairs], axis=0))

    return stratified_bootstrap(statistic, [*a, *b], rng, confidence, n_bootstrap)


def performance_profile(
    tasks: Sequence[npt.ArrayLike],
    thresholds: npt.ArrayLike,
    rng: np.random.Generator,
    confidence: float = 0.95,
    n_bootstrap: int = 2000,
) -> Profile:
    """Return the share of runs above each threshold (t,), every task weighing the same, with a simultaneous band.

    The band has the same width everywhere, as that of Kolmogorov and Smirnov for one sample: the quantile of the largest
    deviation of a stratified bootstrap's profile from the observed one, each task's part of it widened by
    sqrt(n / (n - 1)) to be unbiased in its variance. Simulated on 6 tasks, it covers 94 % from 12 runs a task on and 92 %
    at 5. What it costs does not depend on the number of runs: only how many lie between two thresholds is drawn.
    """
    points = finite("thresholds", thresholds)
    if len(tasks) == 0:
        raise HarnessError("tasks: none given; give one array of runs a task")
    confidence, n_bootstrap = fraction("confidence", confidence), int(counts("n_bootstrap", n_bootstrap))
    order = np.argsort(points, kind="stable")
    share, deviation = np.zeros(len(points)), np.zeros((n_bootstrap, len(points)))
    for i, task in enumerate(tasks):
        runs = finite(f"task {i}", task)
        # Runs by the number of thresholds that they are above.
        cells = np.bincount(np.searchsorted(points[order], runs), minlength=len(points) + 1)
        n = len(runs)
        share[order] += _above(cells) / n
        drawn = _above(rng.multinomial(n, cells / n, n_bootstrap) - cells)
        deviation[:, order] += drawn / np.sqrt(n * max(n - 1, 1))
    share, deviation = share / len(tasks), deviation / len(tasks)
    reach = float(np.quantile(np.abs(deviation).max(axis=1), confidence)) or np.nan
    return Profile(share, np.maximum(share - reach, 0.0), np.minimum(share + reach, 1.0))


def _above(cells: npt.NDArray[np.integer]) -> FloatArray:
    """Return how many runs lie above each threshold (..., t), from how many lie between them (..., t + 1)."""
    return np.asarray(np.cumsum(cells[..., :0:-1], axis=-1)[..., ::-1], dtype=np.float64)


def _iqm(strata: Sequence[FloatArray]) -> FloatArray:
    scores = np.concatenate(strata, axis=-1)
    cut = scores.shape[-1] // 4
    last = scores.shape[-1] - cut
    return np.asarray(np.partition(scores, (cut, last - 1), axis=-1)[..., cut:last].mean(axis=-1))


def _superiority(x: FloatArray, y: FloatArray) -> FloatArray:
    """Return P(x > y) + P(x = y) / 2 over the last axes: (..., n) and (..., m) to (...)."""
    x, y = x[..., :, np.newaxis], y[..., np.newaxis, :]
    return np.asarray((np.mean(x > y, axis=(-2, -1)) + np.mean(x >= y, axis=(-2, -1))) / 2.0)
