"""Numbers as people write them in tables: with a percent sign, or with a comma for the decimal point."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
# A percentage and the same thing as a fraction are a factor of 100 apart; scores of one unit, failures apart, are not.
APART = 5.0
_BETWEEN = 10.0  # half-way to 100, on a log scale
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+([eE][+-]?[0-9]+)?")
_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}")


class Numerals(NamedTuple):
    """Numbers of a column, and how they were written.

    Attributes
    ----------
    values
        (n,) numbers, NaN where a cell holds none.
    signed
        (n,) whether the cell had a percent sign.
    """

    values: NDArray[np.float64]
    signed: NDArray[np.bool_]


def numerals(column: pd.Series[Any]) -> Numerals:
    """Read a column whose cells are numbers, or texts of numbers."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column):
        return Numerals(column.to_numpy(dtype=np.float64, na_value=np.nan), np.zeros(len(column), dtype=np.bool_))
    texts = with_points(["" if missing else str(cell) for cell, missing in zip(column, column.isna(), strict=True)])
    cells = [without_sign(text) for text in texts]
    values = [float(bare) if NUMBER.fullmatch(bare) else np.nan for bare, _ in cells]
    return Numerals(np.array(values, dtype=np.float64), np.array([sign for _, sign in cells], dtype=np.bool_))


def without_sign(cell: str) -> tuple[str, bool]:
    """Return the text of a cell without blanks at its ends and a percent sign, and whether it had the sign."""
    text = cell.strip()
    bare = text.removesuffix("%").rstrip()
    return bare, bare != text


def with_points(texts: Sequence[str]) -> list[str]:
    """Return texts with points for decimal commas, where the commas of all texts together can be nothing else.

    They may be something else where a text has a point or two commas, or where all could be thousands ("1,234"); then all are
    returned as they are.
    """
    commas = [without_sign(text)[0] for text in texts if "," in text]
    is_told = (
        all(_DECIMAL_COMMA.fullmatch(text) for text in commas)
        and not all(_THOUSANDS.fullmatch(text) for text in commas)
        and not any("." in text for text in texts)
    )
    return [text.replace(",", ".") for text in texts] if is_told else list(texts)


def percent_factor(plain: NDArray[np.float64], signed: NDArray[np.float64]) -> float | None:
    """Return what numbers without a percent sign are multiplied by to be percent, like those beside them that have one.

    A number above 1 is no fraction: it lacks the sign (1). Numbers up to 1 are taken as they stand, for fractions (100), unless
    that were more than ten times what the others are: the sign may then as well be forgotten, and nothing is told (None).

    Parameters
    ----------
    plain, signed
        Scores of one kind without and with the sign.
    """
    small, large = plain[(plain > 0) & (plain <= 1)], plain[plain > 1]
    if large.size:
        return None if small.size and large.min() > APART * small.max() else 1.0
    if small.size == 0:
        return 1.0  # 0 is the same in both
    others = signed[signed > 0]
    return 100.0 if others.size and 100.0 * np.median(small) <= _BETWEEN * np.median(others) else None
