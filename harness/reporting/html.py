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
from harness.reporting.model import Column, Document, FigureBlock, Prose, Row, TableBlock

_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Cell:
    """A cell as the template writes it."""

    text: str
    numeric: bool
    sort: str
    href: str
    tone: str


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
    return Cell(
        text=column.show(row).replace("-", "−") if column.numeric else column.show(row),
        numeric=column.numeric,
        sort=repr(float(value)) if column.numeric and not is_missing(value) else "",
        href=f"#{row[column.link]}" if column.link else "",
        tone=column.tone(row) if column.tone else "",
    )


def _data_uri(svg: bytes) -> Markup:
    return Markup(f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}")
