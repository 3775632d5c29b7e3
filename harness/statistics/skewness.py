"""Student's t where the scores are skewed: Hall's and Johnson's corrections, for one sample or a combination of several.

A mean of skewed scores and its standard error are correlated: where a few broken architectures score far below all others,
samples without one of them have both a mean too high and an error too small. To first order in the skewness A of the estimator
(for a mean of n scores that of a score over sqrt(n)) the ratio t of the two is distributed as

    P(T <= t) = Phi(t) + A (2 t^2 + 1) phi(t) / 6,

which the transformation g(t) = t + A t^2 / 3 + A^2 t^3 / 27 + A / 6 undoes (Hall 1992, JRSS B 54, 221). Johnson (1978, JASA 73,
536) has the same without the cubic term, which is what makes g monotone and its inverse an interval. For several independent
samples A is the third cumulant of the whole estimator over the 3/2 power of its variance (Zhou & Dinh 2005, Biostatistics 6,
187).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from harness.statistics._student import t_quantile, t_upper
from harness.statistics._validate import FloatArray, fraction

_FLAT = 1e-6  # skewness below which g is the identity to rounding, and its closed form 0 / 0


def third_cumulant_of_mean(sample: FloatArray) -> Any:
    """Return the unbiased third cumulant of the mean of `sample` (..., n); 0 for fewer than 3 values, which tell none."""
    n = sample.shape[-1]
    if n < 3:
        return np.zeros(sample.shape[:-1])[()]
    deviation = sample - sample.mean(axis=-1, keepdims=True)
    return np.sum(deviation**3, axis=-1) / (n * (n - 1.0) * (n - 2.0))


def sample_skewness(sample: FloatArray) -> tuple[float, float]:
    """Return the skewness G1 of `sample` (n,) and its standard error for normal scores; NaN without spread or below 3 scores."""
    n = len(sample)
    spread = float(np.std(sample, ddof=1)) if n > 2 else 0.0
    if not spread > 0:
        return np.nan, np.nan
    error = np.sqrt(6.0 * n * (n - 1.0) / ((n - 2.0) * (n + 1.0) * (n + 3.0)))
    return float(n**2 * third_cumulant_of_mean(sample) / spread**3), float(error)


def hall(t: npt.ArrayLike, skewness: npt.ArrayLike) -> Any:
    """Return Hall's g(t), which is distributed as Student's t where the estimator's skewness is `skewness`."""
    t, a = np.asarray(t, dtype=np.float64), np.asarray(skewness, dtype=np.float64)
    return t + a * t**2 / 3.0 + a**2 * t**3 / 27.0 + a / 6.0


def hall_inverse(q: npt.ArrayLike, skewness: npt.ArrayLike) -> Any:
    """Return the t with `hall(t, skewness)` = q: 3 (cbrt(1 + A (q - A/6)) - 1) / A."""
    q, a = np.broadcast_arrays(np.asarray(q, dtype=np.float64), np.asarray(skewness, dtype=np.float64))
    steep = np.where(np.abs(a) < _FLAT, 1.0, a)
    return np.where(np.abs(a) < _FLAT, q, 3.0 * (np.cbrt(1.0 + steep * (q - steep / 6.0)) - 1.0) / steep)


def johnson(t: npt.ArrayLike, skewness: npt.ArrayLike) -> Any:
    """Return Johnson's modified t: Hall's without the cubic term, and not monotone in `t`."""
    t, a = np.asarray(t, dtype=np.float64), np.asarray(skewness, dtype=np.float64)
    return t + a * t**2 / 3.0 + a / 6.0


def wider_interval(
    estimate: float, error: float, skewness: float, df: float, confidence: float
) -> tuple[float, float, float]:
    """Return the ends of an interval that holds where scores may be skewed, and the two-sided p-value of 0.

    Each end is the outer one of Student's and of Hall's interval, so that the p-value is the greater of the two: the sampled
    skewness of a few scores is itself uncertain, and where it is wrong Hall's correction shortens an end that it should not.
    All NaN without an error.
    """
    if not error > 0:
        return np.nan, np.nan, np.nan
    q = t_quantile((1.0 + fraction("confidence", confidence)) / 2.0, df)
    below, above = (float(hall_inverse(end, skewness)) for end in (q, -q))
    t = estimate / error
    p_value = 2.0 * t_upper(min(abs(t), abs(float(hall(t, skewness)))), df)
    return estimate - max(q, below) * error, estimate - min(-q, above) * error, p_value
