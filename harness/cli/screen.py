"""Tables as they are shown: plain and aligned in pipes and files, drawn and coloured by `rich` on a terminal."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    import pandas as pd

    from harness.reporting.model import TableBlock

_LONGEST = 16  # letters of a word that is not broken
_BETWEEN = 3  # columns of a terminal between two of a table
STYLES = {"better": "green", "worse": "red"}


def is_terminal(stream: TextIO) -> bool:
    """Whether someone looks at a stream who can see more than letters."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def listed(stream: TextIO, titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A list of texts with a line of titles, columns wrapped on a terminal."""
    if is_terminal(stream):
        return _drawn(stream, titles, rows)
    table = [titles, *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join(
        "  ".join(f"{text:<{width}}" for text, width in zip(line, widths, strict=True)).rstrip() for line in table
    )


def frame(stream: TextIO, table: pd.DataFrame) -> str:
    """A frame of numbers and texts."""
    plain = table.to_string(index=False, float_format="%.4g", na_rep="-")
    if not is_terminal(stream):
        return plain
    shown = [[_shown(value) for value in row] for row in table.itertuples(index=False)]
    numeric = [name for name, kind in table.dtypes.items() if kind.kind in "iuf"]
    return _drawn(stream, list(map(str, table)), shown, [str(name) for name in numeric])


def block(stream: TextIO, table: TableBlock) -> str:
    """A table of a report."""
    from harness.reporting.plain import plain_letters, render_plain

    if not is_terminal(stream):
        return render_plain(table)
    rows = [
        [_styled(plain_letters(column.show(row)), column.tone(row)) for column in table.columns] for row in table.rows()
    ]
    titles = [column.title for column in table.columns]
    return _drawn(stream, titles, rows, [column.title for column in table.columns if column.numeric], markup=True)


def facts(stream: TextIO, values: Mapping[str, str]) -> str:
    """Names and what is known of each, a line or more a name."""
    if is_terminal(stream):
        return _drawn(stream, (), list(values.items()))
    width = max(map(len, values))
    return "\n".join(f"{key:<{width}}  {value}" for key, value in values.items())


def _shown(value: object) -> str:
    if isinstance(value, float):
        return "-" if value != value else f"{value:.4g}"
    return "-" if value is None else str(value)


def _styled(text: str, tone: str) -> str:
    from rich.markup import escape

    return f"[{STYLES[tone]}]{escape(text)}[/]" if tone else escape(text)


def _drawn(
    stream: TextIO,
    titles: Sequence[str],
    rows: Sequence[Sequence[str]],
    numeric: Sequence[str] = (),
    *,
    markup: bool = False,
) -> str:
    """Draw a table as wide as the terminal; without colours where NO_COLOR is set, which `rich` heeds."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(file=stream)
    if titles and _needs(titles, rows) > console.width:
        return "\n\n".join(_drawn(stream, (), list(zip(titles, row, strict=True)), markup=markup) for row in rows)
    table = Table(box=SIMPLE_HEAD, show_header=bool(titles), pad_edge=False, header_style="bold")
    for title in titles or ("", ""):
        table.add_column(escape(title), justify="right" if title in numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(row if markup else map(escape, row)))
    with console.capture() as captured:
        console.print(table)
    return captured.get().strip("\n")


def _needs(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """Columns that a terminal needs for a table whose titles and numbers are whole; a narrower one is shown row by row."""
    words = [[title, *(row[place] for row in rows)] for place, title in enumerate(titles)]
    widths = [max(min(len(word), _LONGEST) for text in column for word in text.split() or [""]) for column in words]
    return sum(widths) + _BETWEEN * len(widths)
