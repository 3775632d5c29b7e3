"""Stratified bootstrap: resampling runs within each task, never across tasks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from harness.errors import HarnessError
from harness.statistics._validate import FloatArray, counts, finite, fraction
from harness.statistics.estimate import Estimate

Statistic = Callable[[Sequence[FloatArray]], FloatArray]
_CHUNK = 4_000_000  # resampled values held at once
_BLOCKS = 100  # of runs of a task that the jackknife leaves out, one at a time, at most


def stratified_bootstrap(
    statistic: Statistic,
    strata: Sequence[npt.ArrayLike],
    rng: np.random.Generator,
    confidence: float = 0.95,
    n_bootstrap: int = 2000,
) -> Estimate:
    """Return a statistic of several independent samples with its BCa interval.

    Parameters
    ----------
    statistic
        Maps arrays (..., n_s), one a stratum, to values (...): it works on the last axis.
    strata
        The samples: runs of one method on one task each, up to some thousands. Their lengths may differ.
    rng, n_bootstrap
        Source and number of resamples.

    Notes
    -----
    Bias-corrected and accelerated (Efron 1987, JASA 82, 171); the acceleration is the one for several samples, from the
    jackknife within strata (Davison & Hinkley 1997, section 5.3.2), by blocks of runs where there are more than 100 of a
    task. For many runs in all: with 3 to 5 runs of one task no bootstrap holds its level, use a t interval.
    """
    samples = [finite(f"stratum {i}", sample) for i, sample in enumerate(strata)]
    if not samples:
        raise HarnessError("strata: none given; give one sample a task")
    confidence, n_bootstrap = fraction("confidence", confidence), int(counts("n_bootstrap", n_bootstrap))
    estimate = float(statistic(samples))
    step = max(1, _CHUNK // sum(len(sample) for sample in samples))
    resampled = np.concatenate(
        [
            statistic([sample[rng.integers(len(sample), size=(rows, len(sample)))] for sample in samples])
            for rows in _parts(n_bootstrap, step)
        ]
    )
    if np.ptp(resampled) == 0:
        return Estimate(estimate, np.nan, np.nan, confidence, "stratified BCa", note="no spread: no interval")
    below = np.mean(resampled < estimate) + 0.5 * np.mean(resampled == estimate)
    bias = ndtri(np.clip(below, 0.5 / n_bootstrap, 1.0 - 0.5 / n_bootstrap))
    shifted = bias + ndtri([(1.0 - confidence) / 2.0, (1.0 + confidence) / 2.0])
    low, high = np.quantile(resampled, ndtr(bias + shifted / (1.0 - _acceleration(statistic, samples) * shifted)))
    return Estimate(estimate, float(low), float(high), confidence, "stratified BCa")


def _acceleration(statistic: Statistic, samples: Sequence[FloatArray]) -> float:
    """Return the acceleration of BCa from leaving out one block of runs of one task at a time; lone runs carry none."""
    cubes = squares = 0.0
    for i, sample in enumerate(samples):
        blocks = min(len(sample), _BLOCKS)
        if blocks == 1:
            continue
        kept = (np.delete(sample, block) for block in np.array_split(np.arange(len(sample)), blocks))
        left_out = np.array([float(statistic([*samples[:i], part, *samples[i + 1 :]])) for part in kept])
        influence = (blocks - 1) * (left_out.mean() - left_out)
        cubes += float(np.sum(influence**3)) / blocks**3
        squares += float(np.sum(influence**2)) / blocks**2
    return cubes / (6.0 * squares**1.5) if squares > 0 else 0.0


def _parts(total: int, step: int) -> list[int]:
    return [min(step, total - start) for start in range(0, total, step)]
