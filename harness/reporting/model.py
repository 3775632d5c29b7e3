"""What a report is made of, whatever it is rendered to: sections of prose, tables and figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from harness.reporting.panels import View

Row = Mapping[str, Any]


class Draw(Protocol):
    """How a figure is drawn: all of it, in a figure of its own, or what a view says."""

    def __call__(self, *, view: View = ...) -> Figure:
        """Return the figure."""


LONG_TEXT = 40  # characters from which a cell may be broken into lines


@dataclass(frozen=True)
class Column:
    """A column of a shown table.

    Attributes
    ----------
    key
        Column of the frame that it is sorted by.
    title
        Its head.
    show
        Text of a row's cell.
    numeric
        Whether it is aligned, and sorted, as numbers.
    help
        What the head means, for whoever points at it.
    link
        Column of the frame with the anchor that the cell links to; empty for none.
    tone
        Gives ``better``, ``worse`` or an empty text for a row: how the cell is tinted.
    """

    key: str
    title: str
    show: Callable[[Row], str]
    numeric: bool = False
    help: str = ""
    link: str = ""
    tone: Callable[[Row], str] = lambda row: ""


@dataclass(frozen=True)
class Best:
    """Which cells of a table are compared, so that the best of them can be told.

    Attributes
    ----------
    keys
        Columns whose cells are compared with each other.
    within
        Columns of the frame: only rows that agree in all of these are compared.
    sign
        Gives 1 for a row where larger is better, -1 where smaller is.
    """

    keys: Sequence[str]
    within: Sequence[str] = ()
    sign: Callable[[Row], float] = lambda row: 1.0


@dataclass(frozen=True)
class Prose:
    """Paragraphs, or the items of a list; behind them perhaps a link to another page of the report, by its name."""

    paragraphs: Sequence[str]
    listed: bool = False
    page: str = ""


@dataclass(frozen=True)
class TableBlock:
    """A frame and how it is shown.

    Attributes
    ----------
    name
        Stem of its files, and its anchor.
    caption
        One sentence: what the table holds.
    frame
        The numbers as they are, in the tables' own units; the CSV file has them all.
    columns
        What is shown of them.
    csv
        Columns of the CSV file; None for all.
    note
        How to read it.
    folded
        Whether the page opens it only on demand.
    anchor
        Column of the frame with an anchor for each row; empty for none.
    best
        Cells that are compared; of each comparison the best can be shown in bold.
    """

    name: str
    caption: str
    frame: pd.DataFrame
    columns: Sequence[Column]
    csv: Sequence[str] | None = None
    note: str = ""
    folded: bool = False
    anchor: str = ""
    best: Sequence[Best] = ()

    def rows(self) -> list[Row]:
        """Return the rows of the frame, as columns show them."""
        return [{str(key): value for key, value in row.items()} for row in self.frame.to_dict("records")]

    def best_cells(self) -> set[tuple[int, str]]:
        """Return row numbers and columns of the best cells of every comparison; equal ones are all best."""
        found: set[tuple[int, str]] = set()
        for best in self.best:
            compared: dict[tuple[Any, ...], dict[tuple[int, str], float]] = {}
            for number, row in enumerate(self.rows()):
                cells = compared.setdefault(tuple(row[key] for key in best.within), {})
                cells |= {(number, key): best.sign(row) * row[key] for key in best.keys if not pd.isna(row[key])}
            for cells in compared.values():
                found |= {cell for cell, value in cells.items() if value == max(cells.values())}
        return found

    def exported(self) -> pd.DataFrame:
        """Return the columns of the CSV file."""
        return self.frame[list(self.frame.columns if self.csv is None else self.csv)]


@dataclass(frozen=True)
class FigureBlock:
    """A figure, drawn when it is wanted.

    Attributes
    ----------
    name
        Stem of its files, and its anchor.
    caption, alt
        What it shows, below it; and for those who cannot see it.
    draw
        Draws it, or a part of it.
    picks
        What a part of it can be chosen by: ``methods``, ``benchmarks``.
    """

    name: str
    caption: str
    alt: str
    draw: Draw
    picks: Sequence[str] = ("methods", "benchmarks")


Block = Prose | TableBlock | FigureBlock


@dataclass(frozen=True)
class Section:
    """A part of the report under a heading."""

    anchor: str
    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Claim:
    """A sentence about a method, which is its subject."""

    subject: str
    statement: str

    def __str__(self) -> str:
        return f"{self.subject} {self.statement}"


@dataclass(frozen=True)
class Document:
    """The whole report: what every format is rendered from.

    Attributes
    ----------
    title, description, facts
        What it is of.
    answer
        A sentence a method, below the table that says the same in numbers.
    warnings
        What a reader of the answer must know first.
    sections
        All else.
    headline
        That table; None where there is nothing to compare.
    """

    title: str
    description: str
    facts: str
    answer: Sequence[Claim]
    warnings: Sequence[str]
    sections: Sequence[Section] = field(default_factory=tuple)
    headline: TableBlock | None = None

    def tables(self) -> list[TableBlock]:
        """Return all tables in the order of the report."""
        first = [] if self.headline is None else [self.headline]
        return first + [block for section in self.sections for block in section.blocks if isinstance(block, TableBlock)]

    def figures(self) -> list[FigureBlock]:
        """Return all figures in the order of the report."""
        return [block for section in self.sections for block in section.blocks if isinstance(block, FigureBlock)]
