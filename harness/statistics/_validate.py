"""Turn what a caller hands in into clean arrays, or say in one line what is wrong with it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from harness.errors import HarnessError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
ROUNDING = 1e-12  # relative: values closer than this are equal


def finite(what: str, values: npt.ArrayLike, ndim: int = 1) -> FloatArray:
    """Return `values` as a non-empty float array of `ndim` axes without NaN or infinity."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise HarnessError(f"{what}: not an array of numbers; give {ndim}-dimensional numeric data") from None
    if array.ndim != ndim:
        raise HarnessError(f"{what}: has {array.ndim} dimensions; give {ndim}")
    if array.size == 0:
        raise HarnessError(f"{what}: is empty; give at least one value")
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        place = ", ".join(str(i) for i in bad[0])
        raise HarnessError(f"{what}: {array[tuple(bad[0])]} at position {place}; every value must be finite")
    return array


def positive(what: str, values: npt.ArrayLike, ndim: int = 1) -> FloatArray:
    """Return `finite(what, values)`, all of them above zero."""
    array = finite(what, values, ndim)
    if array.min() <= 0:
        raise HarnessError(f"{what}: holds {array.min():g}; every value must be above 0")
    return array


def same_length(**arrays: npt.NDArray[Any]) -> int:
    """Return the common length of the named arrays."""
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise HarnessError(f"lengths differ: {listed}; give one value a row in each")
    return next(iter(lengths.values()))


def counts(what: str, values: npt.ArrayLike) -> IntArray:
    """Return `values` (a scalar or an array of any shape) as whole numbers of at least 1."""
    array = np.asarray(values)
    if not np.issubdtype(array.dtype, np.number) or not np.all(
        (array >= 1) & (array < 2**53) & (np.floor(array) == array)
    ):
        raise HarnessError(f"{what}: {array} is not a count; give whole numbers of at least 1")
    return array.astype(np.int64)


def fraction(what: str, value: float) -> float:
    """Return `value`, which must lie strictly between 0 and 1."""
    if not 0 < value < 1:
        raise HarnessError(f"{what}: {value} is out of range; give a number between 0 and 1, such as 0.95")
    return float(value)


def distinct(values: FloatArray) -> tuple[FloatArray, IntArray]:
    """Return the values that differ by more than rounding, ascending (K,), and the place of each of `values` (N,)."""
    exact, place = np.unique(values, return_inverse=True)
    new = np.append(True, np.diff(exact) > ROUNDING * np.abs(exact).max())
    return exact[new], (np.cumsum(new) - 1)[place]
