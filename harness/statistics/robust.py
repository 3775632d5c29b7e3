"""Robust aggregates over runs and tasks (Agarwal et al. 2021, arXiv 2108.13264), by stratified bootstrap.

Scores are one array of runs a task, normalised so that tasks compare (accuracy, RI); runs may differ in number. Below
about five tasks, say what each task says instead.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from harness.errors import HarnessError
from harness.statistics._validate import FloatArray, finite
from harness.statistics.bootstrap import stratified_bootstrap
from harness.statistics.estimate import Estimate


def interquartile_mean(
    tasks: Sequence[npt.ArrayLike], rng: np.random.Generator, confidence: float = 0.95, n_bootstrap: int = 2000
) -> Estimate:
    """Return the mean of the middle half of all runs on all tasks, in the unit of the scores."""
    return stratified_bootstrap(_iqm, tasks, rng, confidence, n_bootstrap)


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


def performance_profile(tasks: Sequence[npt.ArrayLike], thresholds: npt.ArrayLike) -> FloatArray:
    """Return the share of runs above each threshold (t,), every task weighing the same."""
    points = finite("thresholds", thresholds)
    if len(tasks) == 0:
        raise HarnessError("tasks: none given; give one array of runs a task")
    runs = [np.sort(finite(f"task {i}", task)) for i, task in enumerate(tasks)]
    shares = [1.0 - np.searchsorted(task, points, side="right") / len(task) for task in runs]
    return np.asarray(np.mean(shares, axis=0))


def _iqm(strata: Sequence[FloatArray]) -> FloatArray:
    scores = np.sort(np.concatenate(strata, axis=-1), axis=-1)
    cut = scores.shape[-1] // 4
    return np.asarray(scores[..., cut : scores.shape[-1] - cut].mean(axis=-1))


def _superiority(x: FloatArray, y: FloatArray) -> FloatArray:
    """Return P(x > y) + P(x = y) / 2 over the last axes: (..., n) and (..., m) to (...)."""
    x, y = x[..., :, np.newaxis], y[..., np.newaxis, :]
    return np.asarray((np.mean(x > y, axis=(-2, -1)) + np.mean(x >= y, axis=(-2, -1))) / 2.0)
