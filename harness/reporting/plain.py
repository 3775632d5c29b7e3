"""A table as plain text, for a terminal."""

from __future__ import annotations

from harness.reporting.model import TableBlock

GAP = "  "


def render_plain(table: TableBlock, width: int | None = None) -> str:
    """Return the shown columns of a table, aligned, in letters that a terminal in ASCII has.

    Parameters
    ----------
    table
        What is shown.
    width
        Letters in a line at most: the last columns that do not fit are left out, though never the first two. None: no limit.
    """
    rows = [[column.title for column in table.columns]]
    rows += [[column.show(row).replace("−", "-").replace("–", "-") for column in table.columns] for row in table.rows()]
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    shown = len(widths)
    while width is not None and shown > 2 and sum(widths[:shown]) + len(GAP) * (shown - 1) > width:
        shown -= 1
    return "\n".join(
        GAP.join(
            cell.rjust(size) if column.numeric else cell.ljust(size)
            for column, cell, size in zip(table.columns[:shown], cells, widths, strict=False)
        ).rstrip()
        for cells in rows
    )
