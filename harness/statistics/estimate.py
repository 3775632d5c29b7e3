"""What an estimator returns, and the t interval that most of them share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.statistics._student import t_interval


@dataclass(frozen=True)
class Estimate:
    """An estimate with its interval.

    Attributes
    ----------
    estimate, low, high
        In the unit that the function states; `low` and `high` are NaN where there is no interval.
    confidence
        Level of the interval.
    method
        How the interval was formed, e.g. ``"Welch t"``.
    p_value
        Two-sided, by the test that the interval inverts; NaN where there is none.
    df
        Degrees of freedom of Student's t, where one was used.
    note
        Why something is NaN; else empty.
    """

    estimate: float
    low: float
    high: float
    confidence: float
    method: str
    p_value: float = np.nan
    df: float = np.nan
    note: str = ""


def t_estimate(
    estimate: float, error: float, df: float, confidence: float, method: str, null: float = 0.0, note: str = ""
) -> Estimate:
    """Return `estimate` with its t interval and the p-value of `null`; without either where `note` says why not."""
    low, high, p_value = t_interval(estimate - null, np.nan if note else error, df, confidence)
    return Estimate(float(estimate), low + null, high + null, confidence, method, p_value, df, note)
