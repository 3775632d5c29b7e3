"""What a report is made of, whatever it is rendered to: sections of prose, tables and figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Row = Mapping[str, Any]
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
    """

    name: str
    caption: str
    frame: pd.DataFrame
    columns: Sequence[Column]
    csv: Sequence[str] | None = None
    note: str = ""
    folded: bool = False
    anchor: str = ""

    def rows(self) -> list[Row]:
        """Return the rows of the frame, as columns show them."""
        return [{str(key): value for key, value in row.items()} for row in self.frame.to_dict("records")]


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
        Draws it.
    """

    name: str
    caption: str
    alt: str
    draw: Callable[[], Figure]


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
    """The whole report: what every format is rendered from."""

    title: str
    description: str
    facts: str
    answer: Sequence[Claim]
    warnings: Sequence[str]
    sections: Sequence[Section] = field(default_factory=tuple)

    def tables(self) -> list[TableBlock]:
        """Return all tables in the order of the report."""
        return [block for section in self.sections for block in section.blocks if isinstance(block, TableBlock)]

    def figures(self) -> list[FigureBlock]:
        """Return all figures in the order of the report."""
        return [block for section in self.sections for block in section.blocks if isinstance(block, FigureBlock)]
