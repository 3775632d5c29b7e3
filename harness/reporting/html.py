"""The report as one HTML file: no network, readable without JavaScript, with figures and style inside."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from harness.reporting.formats import is_missing
from harness.reporting.model import LONG_TEXT, Column, Document, FigureBlock, Prose, Row, TableBlock

_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Cell:
    """A cell as the template writes it."""

    text: str
    style: str
    sort: str
    href: str


def render_html(document: Document, images: Mapping[str, Mapping[str, bytes]]) -> str:
    """Return the page; `images` holds the SVG of every figure by name."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.tests |= {
        "prose": lambda block: isinstance(block, Prose),
        "table": lambda block: isinstance(block, TableBlock),
        "figure": lambda block: isinstance(block, FigureBlock),
    }
    return environment.get_template("report.html").render(
        document=document,
        style=Markup((_TEMPLATES / "report.css").read_text(encoding="utf-8")),
        script=Markup((_TEMPLATES / "report.js").read_text(encoding="utf-8")),
        rows=_rows,
        image=lambda block: _data_uri(images[block.name]["svg"]),
    )


def _rows(table: TableBlock) -> list[tuple[str, list[Cell]]]:
    """Return each row's anchor and cells."""
    return [
        (row[table.anchor] if table.anchor else "", [_cell(column, row) for column in table.columns])
        for row in table.rows()
    ]


def _cell(column: Column, row: Row) -> Cell:
    value: Any = row[column.key]
    shown = column.show(row)
    styles = ("number" if column.numeric else "", "long" if len(shown) > LONG_TEXT else "", column.tone(row))
    return Cell(
        text=shown,
        style=" ".join(filter(None, styles)),
        sort=repr(float(value)) if column.numeric and not is_missing(value) else "",
        href=f"#{row[column.link]}" if column.link else "",
    )


def _data_uri(svg: bytes) -> Markup:
    return Markup(f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}")
