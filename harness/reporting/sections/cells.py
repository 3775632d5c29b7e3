"""Where each number comes from: the cells, and those that failed."""

from __future__ import annotations

from harness.reporting.formats import NOTHING, dataset, integer, is_missing, score_text, text
from harness.reporting.frames.cells import failures, groups
from harness.reporting.model import Column, Prose, Row, Section, TableBlock
from harness.reporting.run import Run


def failed_cells(run: Run) -> Section | None:
    """Return the cells that failed; None where none did."""
    frame = run.of(failures)
    if len(frame) == 0:
        return None
    table = TableBlock(
        "failures",
        "Failed cells, with the last line of their traceback; the whole of it is in the column error of records.parquet.",
        frame,
        [
            dataset(run),
            text("method", "method"),
            integer("n_failed", "failed"),
            text("seeds", "seeds"),
            text("error", "error"),
            Column("first_cell", "first cell", lambda row: row["first_cell"][:12]),
        ],
    )
    return Section("failures", "Failures", [table])


def records(run: Run) -> Section:
    """Return the list of groups of cells to which every row of numbers links."""
    table = TableBlock(
        "groups",
        "Cells behind the numbers, one row a benchmark and method.",
        run.of(groups),
        [
            dataset(run),
            text("method", "method"),
            Column("first_cell", "first cell", lambda row: row["first_cell"][:12]),
            text("seeds", "seeds"),
            integer("n", "finished"),
            integer("n_failed", "failed"),
            *([integer("n_infeasible", "without a feasible one")] if run.constraints else []),
            integer("n_missing", "missing"),
            Column("lowest", "lowest test (seed)", lambda row: _with_seed(row, "lowest"), numeric=True),
            Column("highest", "highest test (seed)", lambda row: _with_seed(row, "highest"), numeric=True),
        ],
        anchor="anchor",
    )
    how = (
        "On the page, every number of seeds above links to its row here; in the other forms, find the row by data set and "
        "method. The cells themselves are rows of records.parquet and "
        "traces.parquet in the run folder, found by benchmark, label, budget and seed, or by their key in the column cell; "
        "the first digits of the first cell's key stand here."
    )
    return Section("records", "Records", [Prose([how]), table])


def _with_seed(row: Row, end: str) -> str:
    if is_missing(row[end]):
        return NOTHING
    return f"{score_text(row[end], row['unit'])} ({row[f'{end}_seed']})"
