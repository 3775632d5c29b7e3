"""The report as Markdown, with links to its figures and CSV files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from harness.reporting.model import Block, Document, FigureBlock, Prose, TableBlock

_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~$])")


def render_markdown(document: Document, image_kind: str = "") -> str:
    """Return the document as Markdown; figures link to files of `image_kind` (``svg`` or ``png``), if any."""
    return "\n".join(_lines(document, image_kind)) + "\n"


def _lines(document: Document, image_kind: str) -> Iterator[str]:
    yield f"# {escape(document.title)}"
    for text in filter(None, (document.description, document.facts)):
        yield from ("", escape(text))
    if document.warnings:
        yield ""
        yield from (f"> **Warning.** {escape(text)}\n>" for text in document.warnings)
    yield from ("", "## The answer", "")
    if document.headline is not None:
        yield from (*_table(document.headline), "")
    yield from (f"- **{escape(claim.subject)}** {escape(claim.statement)}" for claim in document.answer)
    for section in document.sections:
        yield from ("", f"## {escape(section.title)}")
        for block in section.blocks:
            yield ""
            yield from _block(block, image_kind)


def _block(block: Block, image_kind: str) -> Iterator[str]:
    if isinstance(block, Prose):
        yield from (f"- {escape(text)}" if block.listed else f"{escape(text)}\n" for text in block.paragraphs)
        if block.page:
            yield f"[{block.page}]({block.page}.md)"
    elif isinstance(block, FigureBlock):
        if image_kind:
            yield from (f"![{escape(block.alt)}](plots/{block.name}.{image_kind})", "")
            yield f"*{escape(block.caption)}*"
    else:
        yield from _table(block)


def _table(table: TableBlock) -> Iterator[str]:
    yield from (f"**{escape(table.caption)}**", "")
    yield _row([escape(column.title) for column in table.columns])
    yield _row(["--:" if column.numeric else ":--" for column in table.columns])
    for row in table.rows():
        yield _row([escape(column.show(row)) for column in table.columns])
    if table.note:
        yield from ("", escape(table.note))


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def escape(text: str) -> str:
    """Return text that Markdown shows as it is, in one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))
