"""Tables as papers print them: methods down, data sets across, in every cell a mean and its standard deviation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from harness.errors import HarnessError, unknown_name
from harness.results.clean import listed, with_units
from harness.results.model import LACKS, Direction, Fault
from harness.results.sheet import BLANK, Sheet, number, plain, read_sheet
from harness.system.texts import visible
from harness.tabular.numerals import without_sign

_CELL = re.compile(r"(?P<mean>[^±]+?)\s*(?:±|\+/?-|\\pm)\s*(?P<sd>[^±]+)")
_DOWN, _ACROSS = ("method", "algorithm", "model"), ("dataset", "data set", "task", "benchmark")
_OVERALL = ("average", "avg", "avg.", "mean", "rank", "mean rank", "average rank")


class Summary(NamedTuple):
    """Mean and standard deviation of n scores."""

    mean: float
    sd: float
    n: int


@dataclass(frozen=True, eq=False)
class PaperTable:
    """What a paper's table says.

    Attributes
    ----------
    name
        Of the file.
    cells
        By data set and method, in the order of the file.
    direction
        ``max`` where higher is better, or ``min``.
    baseline
        The method that the others are compared with; None for none.
    faults
        What was odd.
    """

    name: str
    cells: dict[tuple[str, str], Summary]
    direction: Direction
    baseline: str | None
    faults: tuple[Fault, ...] = ()

    @property
    def datasets(self) -> list[str]:
        """In the order of the file."""
        return list(dict.fromkeys(dataset for dataset, _ in self.cells))

    @property
    def sign(self) -> float:
        """1 where higher is better, -1 where lower is."""
        return 1.0 if self.direction == "max" else -1.0


def read_paper(
    path: Path, runs: int, baseline: str | None = None, unit: str | None = None, direction: Direction = "max"
) -> PaperTable:
    """Read a CSV file of means with their standard deviations, ``93.1 ± 0.2``, ``93.1 +- 0.2`` or ``93.1 \\pm 0.2``.

    Parameters
    ----------
    path
        The file; ``-`` is standard input. Its first column names methods and every other column is a data set; the other way
        round where the first column is called data set, task or benchmark.
    runs
        How many runs each mean is of.
    baseline
        One of the methods.
    unit
        As in `harness.results.read_results`.
    direction
        ``max`` or ``min``.

    Raises
    ------
    HarnessError
        If a cell is anything else, or could be read in two ways; the message says where.
    """
    if direction not in ("max", "min"):
        raise unknown_name("direction", direction, ("max", "min"))
    if runs < 2:
        raise HarnessError(f"--runs {runs}: wanted how many runs each mean is of, at least 2")
    sheet = read_sheet(path)
    if not any(_CELL.fullmatch(_bare(cell)) for _, cells in sheet.rows for cell in cells[1:]):
        raise HarnessError(
            f"{sheet.name}: --runs: no cell has a mean with its deviation, such as 93.1 ± 0.2; leave it out"
        )
    first = plain(sheet.header[0])
    if first and first not in (*_DOWN, *_ACROSS):
        raise HarnessError(
            f"{sheet.name}: the first column is called {sheet.header[0].strip()!r}: are its lines methods or data sets? "
            "Call it method or dataset"
        )
    faults = [*sheet.faults]
    frame = pd.DataFrame(_rows(sheet, faults), columns=["file", "line", "dataset", "method", "score", "sd", "signed"])
    if first in _ACROSS:
        frame = frame.rename(columns={"dataset": "method", "method": "dataset"})
    _refuse_doubles(frame, sheet)
    scaled = with_units(frame.assign(seed=""), {}, unit)
    factor = (scaled["score"] / frame["score"]).where(frame["score"] != 0, 1.0)
    keys = zip(frame["dataset"], frame["method"], strict=True)
    numbers = zip(scaled["score"].tolist(), (frame["sd"] * factor).tolist(), strict=True)
    cells = {key: Summary(mean, sd, runs) for key, (mean, sd) in zip(keys, numbers, strict=True)}
    methods = list(dict.fromkeys(method for _, method in cells))
    by = {plain(method): method for method in methods}
    if baseline is not None and plain(baseline) not in by:
        raise unknown_name("method", baseline, methods, "baselines")
    of_all = None if baseline is None else by[plain(baseline)]
    return PaperTable(sheet.name, cells, direction, of_all, tuple(faults))


def _rows(sheet: Sheet, faults: list[Fault]) -> Iterator[tuple[str, int, str, str, float, float, bool]]:
    """Cells with a mean and a deviation; blank ones, and columns over all data sets, become faults."""
    overall = [place for place, name in enumerate(sheet.header) if plain(name) in _OVERALL]
    if overall:
        said = ", ".join(repr(sheet.header[place].strip()) for place in overall)
        faults.append(Fault("overall", f"{sheet.name}: {said} is over all data sets and none itself; it is left out."))
    blank = []
    for line, cells in sheet.rows:
        method = visible(cells[0])
        if not method:
            raise HarnessError(f"{sheet.name}, line {line}: no name in the first column; wanted one in every line")
        for place, name in list(enumerate(sheet.header))[1:]:
            where = f"{sheet.name}, line {line}, column {name.strip()!r}"
            if place in overall:
                continue
            text = _bare(cells[place])
            if text.casefold() in BLANK:
                blank.append(f"{visible(name)}: {method} in line {line}")
                continue
            mean, sd = _mean_and_deviation(text, where)
            yield sheet.name, line, visible(name), method, mean, sd, without_sign(text)[1]
    if blank:
        faults.append(Fault("blank", f"Blank cells are left out: {listed(blank)}.", LACKS))


def _mean_and_deviation(text: str, where: str) -> tuple[float, float]:
    match = _CELL.fullmatch(text)
    if match is None:
        hint = "wanted a mean with its deviation, such as 93.1 ± 0.2, in every cell"
        if "(" in text:
            hint = "is that a deviation, or the uncertainty of the last digits? Write 93.1 ± 0.2"
        raise HarnessError(f"{where}: {text!r}: {hint}")
    mean, sd = (number(part, where) for part in (match["mean"], match["sd"]))
    signs = [without_sign(part)[1] for part in (match["mean"], match["sd"])]
    if signs == [True, False] or (signs == [False, True] and mean <= 1):
        raise HarnessError(f"{where}: {text!r}: in percent or not? Write the sign behind both, or behind none")
    if not sd >= 0:
        raise HarnessError(f"{where}: {text!r}: a deviation is at least 0")
    return mean, sd


def _bare(cell: str) -> str:
    """A cell without what LaTeX and Markdown put around numbers."""
    return visible(cell).strip("$*").strip()


def _refuse_doubles(frame: pd.DataFrame, sheet: Sheet) -> None:
    keys = frame[["dataset", "method"]].map(plain)
    twice = frame[keys.duplicated()]
    if len(twice):
        row = twice.iloc[0]
        raise HarnessError(f"{sheet.name}, line {row['line']}: {row['method']} has two cells on {row['dataset']}")
