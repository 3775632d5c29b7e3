"""Adjusted p-values of a family of tests. The family is one printed table; NaN entries are not part of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from harness.errors import HarnessError
from harness.statistics._validate import FloatArray


def holm(p_values: npt.ArrayLike) -> FloatArray:
    """Return step-down adjusted p-values (m,), which control the family-wise error: for claims.

    Holm (1979), Scandinavian Journal of Statistics 6, 65. Raises HarnessError for values outside [0, 1].
    """
    return _adjust(p_values, lambda p: np.maximum.accumulate(p * np.arange(len(p), 0, -1)))


def benjamini_hochberg(p_values: npt.ArrayLike) -> FloatArray:
    """Return step-up adjusted p-values (m,), which control the false discovery rate: for dashboards.

    Benjamini & Hochberg (1995), JRSS B 57, 289. Raises HarnessError for values outside [0, 1].
    """
    return _adjust(p_values, lambda p: np.minimum.accumulate((p * len(p) / np.arange(1, len(p) + 1))[::-1])[::-1])


def _adjust(p_values: npt.ArrayLike, step: Callable[[FloatArray], FloatArray]) -> FloatArray:
    """Apply `step` to the p-values in ascending order, NaN apart."""
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1 or np.any((p < 0) | (p > 1)):
        raise HarnessError("p-values: give one dimension of values between 0 and 1 (NaN for no test)")
    adjusted = np.full_like(p, np.nan)
    family = np.argsort(p)[: np.count_nonzero(~np.isnan(p))]  # NaN sorts last
    adjusted[family] = np.minimum(step(p[family]), 1.0)
    return adjusted
