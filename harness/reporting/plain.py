"""A table as plain text, for a terminal."""

from __future__ import annotations

from harness.reporting.model import TableBlock

GAP = "  "


def plain_letters(text: str) -> str:
    """Return a shown cell with a hyphen for the minus sign and the dash."""
    return text.replace("−", "-").replace("–", "-")


def render_plain(table: TableBlock) -> str:
    """Return the shown columns of a table, aligned, in letters that a terminal in ASCII has."""
    rows = [[column.title for column in table.columns]]
    rows += [[plain_letters(column.show(row)) for column in table.columns] for row in table.rows()]
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    return "\n".join(
        GAP.join(
            cell.rjust(width) if column.numeric else cell.ljust(width)
            for column, cell, width in zip(table.columns, cells, widths, strict=True)
        ).rstrip()
        for cells in rows
    )
