"""How finely scores are written: which equal ones are no surprise."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import pandas as pd

from harness.statistics._validate import FloatArray

MOST_IMAGES = 100_000  # of a test split, that are looked for
ODD = 0.1  # share of the scores of a data set that may be no share of its images, such as slips of the pen
_FLOAT32 = 2.0**-23  # relative: what is left of a number that was one of four bytes
_CHUNK = 500  # numbers of images tried at once


def steps(columns: Sequence[pd.DataFrame]) -> list[float]:
    """Return, for each method's runs on one data set, the step that its scores are multiples of.

    Parameters
    ----------
    columns
        Runs with columns ``score, unit``; of different digits, perhaps.

    Returns
    -------
    list of float
        Percentages and fractions are shares of right images: the step is that of one image among the fewest that explain the
        scores of all columns as they are written, each to its own last digit, up to a share `ODD` of them. It is no finer
        than the last digit, and just that where no number of images explains them, or for what is no accuracy.
    """
    digits = [last_digit(runs["score"].to_numpy()) for runs in columns]
    units = [{"percent": 100.0, "fraction": 1.0}.get(runs["unit"].iloc[0]) for runs in columns]
    known = [(runs["score"].to_numpy(), unit, d) for runs, unit, d in zip(columns, units, digits, strict=True) if unit]
    images = _images(known) if known else None
    return [
        digit if unit is None or images is None else max(unit / images, digit)
        for unit, digit in zip(units, digits, strict=True)
    ]


def last_digit(scores: FloatArray) -> float:
    """Return the worth of the last written digit of scores, no less than four bytes tell apart."""
    places = [-int(Decimal(repr(score)).normalize().as_tuple().exponent) for score in scores.tolist()]
    return max(10.0 ** -max(places), float(_FLOAT32 * np.abs(scores).max()))


def _images(columns: Sequence[tuple[FloatArray, float, float]]) -> int | None:
    """Return the fewest images of which nearly all scores are shares, from (scores, the whole, their last digit)."""
    shares = np.concatenate([scores / whole for scores, whole, _ in columns])
    reach = np.concatenate([np.full(len(scores), 0.5 * digit / whole) for scores, whole, digit in columns])
    reach += _FLOAT32 * np.abs(shares)
    for start in range(1, MOST_IMAGES, _CHUNK):
        counts = np.arange(start, start + _CHUNK)[:, np.newaxis]
        right = shares * counts
        explained = np.mean(np.abs(right - np.rint(right)) <= reach * counts, axis=1) >= 1.0 - ODD
        if explained.any():
            return start + int(explained.argmax())
    return None
