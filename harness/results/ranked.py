"""Architectures with a validation and a test score each, from a CSV file, for statistics of ranking."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.errors import HarnessError, unknown_name
from harness.results.model import Direction
from harness.results.sheet import Sheet, number, read_sheet
from harness.statistics._validate import FloatArray
from harness.system.texts import visible
from harness.tabular.numerals import with_points
from harness.tabular.usual import usual_score


@dataclass(frozen=True, eq=False)
class RankedScores:
    """Scores of architectures.

    Attributes
    ----------
    name
        Of the file, with the data set where it has several.
    valid, test
        (N,) scores.
    direction
        ``max`` where higher scores are better, or ``min``.
    """

    name: str
    valid: FloatArray
    test: FloatArray
    direction: Direction = "max"


def read_ranked(
    path: Path,
    valid: str | None = None,
    score: str | None = None,
    dataset: str | None = None,
    direction: Direction = "max",
) -> list[RankedScores]:
    """Read a CSV file with a line an architecture, of every data set apart.

    Parameters
    ----------
    path
        The file; ``-`` is standard input.
    valid, score, dataset
        Columns of the validation score, the test score, and of data sets; the first two are told from usual names if None.
    direction
        ``max`` or ``min``.

    Raises
    ------
    HarnessError
        If a column is missing, a cell is no number or blank, or a data set has fewer than two lines.
    """
    if direction not in ("max", "min"):
        raise unknown_name("direction", direction, ("max", "min"))
    sheet = read_sheet(path)
    columns = [_column(sheet, role, stated) for role, stated in (("valid", valid), ("score", score))]
    scores = np.column_stack([_numbers(sheet, place) for place in columns])
    groups = np.array([""] * len(sheet.rows), dtype=object)
    if dataset is not None:
        place = sheet.place(dataset)
        groups = np.array([visible(cells[place]) for _, cells in sheet.rows], dtype=object)
    found = []
    for group in dict.fromkeys(groups.tolist()):
        own = scores[groups == group]
        name = group or sheet.stem
        if len(own) < 2:
            raise HarnessError(f"{sheet.name}: {name}: {len(own)} architecture makes no ranking; wanted at least 2")
        found.append(RankedScores(name, own[:, 0], own[:, 1], direction))
    return found


def _column(sheet: Sheet, role: str, stated: str | None) -> int:
    if stated is not None:
        return sheet.place(stated)
    usual = {"valid": "validation", "score": "test"}[role]
    return sheet.header.index(usual_score(sheet.header, usual, f"--{role}", sheet.name))


def _numbers(sheet: Sheet, place: int) -> FloatArray:
    column = sheet.header[place].strip()
    written = with_points([visible(cells[place]) for _, cells in sheet.rows])
    values = [
        number(cell, f"{sheet.name}, line {line}, column {column!r}")
        for (line, _), cell in zip(sheet.rows, written, strict=True)
    ]
    if blank := [line for (line, _), value in zip(sheet.rows, values, strict=True) if np.isnan(value)]:
        raise HarnessError(
            f"{sheet.name}, line {blank[0]}: column {column!r} is blank; wanted both scores of every line"
        )
    return np.array(values)
