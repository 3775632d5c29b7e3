"""Where two runs of the same cells differ, bit by bit; what says how they were made, and times, apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.running.columns import EPOCH_TIME_COLUMNS, TIME_COLUMNS
from harness.running.frames import Frames
from harness.running.records import is_missing

if TYPE_CHECKING:
    import pandas as pd

# What a record says of its making rather than of its result; the traceback of a failure names paths.
MAKING = ("suite", "label", "method_version", "code_version", "code_digest", "adopted_from", "git_commit", "git_dirty")
_LEFT_OUT = {"records": ("cell", "error", *MAKING, *TIME_COLUMNS), "epochs": ("cell", *EPOCH_TIME_COLUMNS)}


@dataclass(frozen=True)
class Difference:
    """How two runs of the same cells differ.

    Attributes
    ----------
    places
        Numbers of the cells that differ, ascending.
    first
        Where the first of them differs: a text a column of its record, and the first row of its trace or epochs.
    """

    places: tuple[int, ...]
    first: tuple[str, ...]


def difference(there: Frames, here: Frames) -> Difference | None:
    """Compare the cells of two runs in their order, whatever their keys are; None if all are equal to the bit.

    Parameters
    ----------
    there, here
        Frames with the same number of cells, in the same order.
    """
    n_cells = len(there.records)
    unequal = np.zeros(n_cells, dtype=bool)
    for name in ("records", "traces", "epochs", "evaluations"):
        unequal |= _unequal_cells(there, here, name)
    places = np.flatnonzero(unequal)
    if not places.size:
        return None
    return Difference(tuple(places.tolist()), tuple(_shown(there, here, int(places[0]))))


def _unequal_cells(there: Frames, here: Frames, name: str) -> NDArray[np.bool_]:
    """Return which cells differ in the rows of one frame: (cells,)."""
    n_cells = len(there.records)
    (one, owner), (other, other_owner) = (_rows(side, name) for side in (there, here))
    counts, other_counts = (np.bincount(who, minlength=n_cells) for who in (owner, other_owner))
    unequal = counts != other_counts
    one, other = one[~unequal[owner]], other[~unequal[other_owner]]
    owner = owner[~unequal[owner]]
    for column in one.columns.union(other.columns, sort=False):
        unequal[owner[_differ(one, other, column)]] = True
    return unequal


def _rows(side: Frames, name: str) -> tuple[pd.DataFrame, NDArray[np.intp]]:
    """Return the rows of a frame that are compared, by cell, and the number of the cell of each."""
    import pandas as pd

    frame: pd.DataFrame = getattr(side, name)
    owner = pd.Index(side.records["cell"]).get_indexer(pd.Index(frame["cell"]))
    left_out = [column for column in _LEFT_OUT.get(name, ("cell",)) if column in frame.columns]
    return frame.drop(columns=left_out), owner


def _differ(one: pd.DataFrame, other: pd.DataFrame, column: str) -> NDArray[np.bool_]:
    """Return in which rows a column differs: (rows,); what is missing equals what is missing."""
    values = [side[column] if column in side.columns else None for side in (one, other)]
    if not len(one):
        return np.zeros(0, dtype=bool)
    if values[0] is None or values[1] is None:
        there = values[0] if values[1] is None else values[1]
        assert there is not None
        return there.notna().to_numpy(dtype=bool)
    if all(value.dtype == object for value in values if value is not None):
        pairs = zip(*values, strict=True)
        return np.fromiter((not _same(a, b) for a, b in pairs), dtype=bool, count=len(one))
    a, b = (value.to_numpy() for value in values if value is not None)
    found: NDArray[np.bool_] = (a != b) & ~((a != a) & (b != b))
    return found


def _same(one: Any, other: Any) -> bool:
    """Whether two texts or nested lists of numbers are the same; what is missing is."""
    if hasattr(one, "__len__") and hasattr(other, "__len__") and not isinstance(one, str):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other) or (is_missing(one) and is_missing(other))


def _shown(there: Frames, here: Frames, place: int) -> list[str]:
    """Say where a cell differs."""
    sides = [side.of_cells([side.records["cell"].iloc[place]]) for side in (there, here)]
    texts = []
    for name, what in (
        ("records", ""),
        ("traces", "trace, row"),
        ("epochs", "epochs, row"),
        ("evaluations", "evaluations"),
    ):
        one, other = (_rows(side, name)[0] for side in sides)
        if len(one) != len(other):
            texts.append(f"{what} {len(one)} rows there, {len(other)} here".replace(", row", ""))
            continue
        rows = [(row, column) for column in one.columns for row in np.flatnonzero(_differ(one, other, column))]
        if not what:
            texts += [_pair(column, one[column].iloc[row], other[column].iloc[row]) for row, column in rows]
        elif rows:
            row = min(row for row, _ in rows)
            column = next(column for at, column in rows if at == row)
            texts.append(f"{what} {row + 1}: {_pair(column, one[column].iloc[row], other[column].iloc[row])}")
    return texts


def _pair(column: str, there: Any, here: Any) -> str:
    if any(hasattr(value, "__len__") and not isinstance(value, str) for value in (there, here)):
        return column
    by = f" ({here - there:+.3g})" if not isinstance(there, str) and not isinstance(here, str) and here == here else ""
    return f"{column} {there} there, {here} here{by}"
