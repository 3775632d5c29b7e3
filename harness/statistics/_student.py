"""Student's t, for everything that ends in an estimate, a standard error and degrees of freedom."""

from __future__ import annotations

import numpy as np
from scipy.special import stdtr, stdtrit

from harness.statistics._validate import ROUNDING, FloatArray


def t_quantile(probability: float, df: float) -> float:
    """Return the quantile of Student's t with `df` degrees of freedom."""
    return float(stdtrit(df, probability))


def t_upper(t: float, df: float) -> float:
    """Return P(T >= t) for Student's t with `df` degrees of freedom."""
    return float(stdtr(df, -t))


def t_interval(estimate: float, error: float, df: float, confidence: float) -> tuple[float, float, float]:
    """Return the ends of the interval of `estimate` and the two-sided p-value of 0; all NaN without an error."""
    if not error > 0:
        return np.nan, np.nan, np.nan
    reach = t_quantile((1.0 + confidence) / 2.0, df) * error
    return float(estimate - reach), float(estimate + reach), 2.0 * t_upper(abs(estimate / error), df)


def variance_of_mean(sample: FloatArray) -> float:
    """Return the squared standard error of the mean of `sample` (n,); 0 where all values are equal to rounding."""
    if np.ptp(sample) <= ROUNDING * np.abs(sample).max():
        return 0.0
    return float(np.var(sample, ddof=1) / len(sample))


def no_spread_note(*samples: FloatArray) -> str:
    """Say why `samples` allow no interval; empty if they do."""
    if min(len(sample) for sample in samples) == 1:
        return "one seed: no interval"
    if all(variance_of_mean(sample) == 0 for sample in samples):
        return "all seeds equal: no interval"
    return ""


def welch_df(variance_a: float, n_a: float, variance_b: float, n_b: float) -> float:
    """Return the Welch-Satterthwaite degrees of freedom of two means whose squared standard errors are given.

    Satterthwaite (1946), Biometrics Bulletin 2, 110. An exactly known mean has variance 0; NaN if both have.
    """
    total = variance_a + variance_b
    parts = [variance**2 / (n - 1) for variance, n in ((variance_a, n_a), (variance_b, n_b)) if variance > 0]
    return total**2 / sum(parts) if parts else np.nan
