"""The report of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError
from harness.reporting.answer import answer, facts
from harness.reporting.caveats import warnings
from harness.reporting.frames.cells import timings
from harness.reporting.frames.curves import anytime
from harness.reporting.frames.robust import profiles
from harness.reporting.frames.seconds import worth_in_seconds
from harness.reporting.images import KINDS
from harness.reporting.model import Document, TableBlock
from harness.reporting.run import Run, load_run
from harness.reporting.sections import SECTIONS
from harness.reporting.sections.headline import at_first_sight
from harness.reporting.sections.seconds import PAGE, seconds_answer, worth_its_seconds
from harness.reporting.write import USUAL, check_target, csv_text, write_document

# Files of a report that may differ between two runs of the same suite on the same code and data.
TIME_FILES = (
    "tables/timings.csv",
    *(f"{PAGE}.{kind}" for kind in ("html", "md")),
    *(f"tables/{PAGE}.{kind}" for kind in ("csv", "tex")),
    *(f"plots/{PAGE}.{kind}" for kind in KINDS),
)


@dataclass(frozen=True)
class Report:
    """A report that has been written.

    Attributes
    ----------
    folder
        Where it is.
    files
        All its files, sorted.
    answer, warnings
        What it says first.
    headline
        The table that it opens with; None where there is nothing to compare.
    """

    folder: Path
    files: tuple[Path, ...]
    answer: tuple[str, ...]
    warnings: tuple[str, ...]
    headline: TableBlock | None


def build_report(
    run_folder: Path, output: Path | None = None, formats: Sequence[str] = USUAL, *, partial: bool = False
) -> Report:
    """Write the report of a run.

    Parameters
    ----------
    run_folder
        Output folder of a run. It and the tables that it names are all that is read.
    output
        Folder of the report, ``report`` inside the run folder by default. A report that is there already is replaced when
        the new one is whole; a folder with anything else in it is refused.
    formats
        Some of ``html, md, latex, csv, svg, png, pdf``; all but the last two by default.
    partial
        Whether cells may be missing; the report says so first.

    Returns
    -------
    Report

    Raises
    ------
    HarnessError
        If the run folder holds no run, or cells of it are missing that need not be there, the output folder holds something
        else, a format is unknown, or the disk is full; what was there before is then intact.
    """
    target = run_folder / "report" if output is None else output
    check_target(target, formats)
    run = load_run(run_folder, partial=partial)
    if run.n_missing and not partial:
        raise HarnessError(
            f"{run_folder}: {run.n_missing} of {run.n_missing + len(run.cells)} cells are missing; run the suite again or merge "
            "all shards, or report what is there with --partial"
        )
    document = make_document(run)
    csv = {f"tables/{table.name}.csv": csv_text(table) for table in beside(run)} if "csv" in formats else {}
    write_document(document, target, formats, csv, _pages(run))
    files = sorted(path for path in target.rglob("*") if path.is_file())
    said = tuple(map(str, document.answer)), tuple(document.warnings)
    return Report(target, tuple(files), *said, document.headline)


def beside(run: Run) -> list[TableBlock]:
    """Return frames that stand beside the document, in files of their own.

    Times, since nothing else in a report differs between equal runs; and curves, which are too long for it.
    """
    found = [
        TableBlock("timings", "What the cells took, in seconds and MB; differs from run to run.", timings(run), []),
        TableBlock(
            "anytime", "Curves of mean incumbent test scores, with simultaneous 95 % bands.", run.of(anytime), []
        ),
        TableBlock("profile", "Performance profiles, with simultaneous 95 % bands.", run.of(profiles), []),
    ]
    return [table for table in found if len(table.frame)]


def _pages(run: Run) -> dict[str, Document]:
    """Return the pages beside the report: of seconds, where methods compute something beside their evaluations."""
    if len(run.of(worth_in_seconds)) == 0:
        return {}
    title = f"Seconds of fitting: {run.resolved['name']}"
    return {PAGE: Document(title, "", facts(run), seconds_answer(run), [], [worth_its_seconds(run)])}


def make_document(run: Run) -> Document:
    """Return what the report says, before anything is rendered."""
    return Document(
        title=f"Comparison report: {run.resolved['name']}",
        description=str(run.resolved.get("description", "")),
        facts=facts(run),
        answer=answer(run),
        warnings=warnings(run),
        headline=at_first_sight(run),
        sections=[section for make in SECTIONS if (section := make(run)) is not None],
    )
