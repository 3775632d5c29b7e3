"""Build a report beside where it is to be, and put it there when it is whole."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError, unknown_name
from harness.records import RunError
from harness.reporting.answer import answer, facts
from harness.reporting.caveats import warnings
from harness.reporting.frames.cells import timings
from harness.reporting.html import render_html
from harness.reporting.images import draw_images
from harness.reporting.latex import render_latex
from harness.reporting.markdown import render_markdown
from harness.reporting.model import Document, TableBlock
from harness.reporting.run import Run, load_run
from harness.reporting.sections import SECTIONS

FORMATS = ("html", "md", "latex", "csv", "svg", "png")
# All that a report's folder holds: anything else in it is somebody else's.
_PARTS = {"index.html", "report.md", "tables", "plots"}


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
    """

    folder: Path
    files: tuple[Path, ...]
    answer: tuple[str, ...]
    warnings: tuple[str, ...]


def build_report(run_folder: Path, output: Path | None = None, formats: Sequence[str] = FORMATS) -> Report:
    """Write the report of a finished run.

    Parameters
    ----------
    run_folder
        Output folder of a run. It and the tables that it names are all that is read.
    output
        Folder of the report, ``report`` inside the run folder by default. A report that is there already is replaced when
        the new one is whole; a folder with anything else in it is refused.
    formats
        Some of ``html, md, latex, csv, svg, png``.

    Returns
    -------
    Report

    Raises
    ------
    HarnessError
        If the run folder holds no finished run, the output folder holds something else, a format is unknown, or the disk is
        full; what was there before is then intact.
    """
    for name in formats:
        if name not in FORMATS:
            raise unknown_name("format", name, FORMATS)
    target = run_folder / "report" if output is None else output
    _refuse_others(target)
    run = load_run(run_folder)
    document = make_document(run)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            _write(document, run, scratch, formats)
            _swap(scratch, target)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    except OSError as error:
        raise RunError(f"{target}: {error.strerror or error}; what was there before is intact") from error
    files = sorted(path for path in target.rglob("*") if path.is_file())
    return Report(target, tuple(files), tuple(map(str, document.answer)), tuple(document.warnings))


def make_document(run: Run) -> Document:
    """Return what the report says, before anything is rendered."""
    return Document(
        title=f"Comparison report: {run.resolved['name']}",
        description=str(run.resolved.get("description", "")),
        facts=facts(run),
        answer=answer(run),
        warnings=warnings(run),
        sections=[section for make in SECTIONS if (section := make(run)) is not None],
    )


def _write(document: Document, run: Run, folder: Path, formats: Sequence[str]) -> None:
    kinds = tuple(kind for kind in ("svg", "png") if kind in formats)
    wanted = ("svg", *kinds) if "html" in formats and "svg" not in kinds else kinds
    images = {figure.name: draw_images(figure, wanted) for figure in document.figures()} if wanted else {}
    for name in ("tables", "plots"):
        (folder / name).mkdir()
    for name, by_kind in images.items():
        for kind in kinds:
            (folder / "plots" / f"{name}.{kind}").write_bytes(by_kind[kind])
    if "html" in formats:
        _text(folder / "index.html", render_html(document, images))
    if "md" in formats:
        _text(folder / "report.md", render_markdown(document, kinds[0] if kinds else ""))
    for table in document.tables():
        if "csv" in formats:
            _text(folder / "tables" / f"{table.name}.csv", _csv(table))
        if "latex" in formats:
            _text(folder / "tables" / f"{table.name}.tex", render_latex(table))
    if "csv" in formats:
        _text(folder / "tables" / "timings.csv", timings(run).to_csv(index=False, lineterminator="\n"))


def _csv(table: TableBlock) -> str:
    columns = list(table.frame.columns if table.csv is None else table.csv)
    return table.frame[columns].to_csv(index=False, lineterminator="\n")


def _text(path: Path, content: str) -> None:
    path.write_text(content, encoding="utf-8", newline="\n")


def _refuse_others(target: Path) -> None:
    """Refuse a folder that holds anything but a report: it is going to be replaced."""
    try:
        others = sorted(path.name for path in target.iterdir() if path.name not in _PARTS) if target.exists() else []
    except OSError as error:
        raise HarnessError(f"{target}: {error.strerror}; wanted a folder for the report") from error
    if others:
        raise HarnessError(f"{target}: holds {others[0]}, which is no part of a report; choose an empty folder")


def _swap(new: Path, target: Path) -> None:
    """Put a folder in the place of another, which stays whole until then."""
    new.chmod(0o755)
    old = new.with_name(f"{new.name}.old")
    if target.exists():
        target.rename(old)
    try:
        new.rename(target)
    except OSError:
        if old.exists():
            old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)
