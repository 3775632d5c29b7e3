"""Writing a document: beside where it is to be, and put there when it is whole."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.errors import HarnessError, RunError, unknown_name
from harness.reporting.html import render_html
from harness.reporting.images import KINDS, draw_images
from harness.reporting.latex import render_latex
from harness.reporting.markdown import render_markdown
from harness.reporting.model import Document, TableBlock

FORMATS = ("html", "md", "latex", "csv", *KINDS)
USUAL = ("html", "md", "latex", "csv", "svg")  # rasters and PDF take as long again, and are made when they are wanted
# All that a report's folder holds: anything else in it is somebody else's.
RESULTS = "results.json"  # of a report on results from elsewhere: what it was made from
CLAIMS = "claims.json"  # of a page of verdicts: the same for programs
_PARTS = {"index.html", "report.md", "seconds.html", "seconds.md", "tables", "plots", RESULTS, CLAIMS}


def check_target(target: Path, formats: Sequence[str] = USUAL) -> None:
    """Refuse an unknown format, and a folder that holds anything but a report: it is going to be replaced."""
    for name in formats:
        if name not in FORMATS:
            raise unknown_name("format", name, FORMATS)
    try:
        others = sorted(path.name for path in target.iterdir() if path.name not in _PARTS) if target.exists() else []
    except OSError as error:
        raise HarnessError(f"{target}: {error.strerror}; wanted a folder for the report") from error
    if others:
        raise HarnessError(f"{target}: holds {others[0]}, which is no part of a report; choose an empty folder")


def write_document(
    document: Document,
    target: Path,
    formats: Sequence[str] = USUAL,
    beside: Mapping[str, str] | None = None,
    pages: Mapping[str, Document] | None = None,
) -> None:
    """Write a document, whole or not at all; a report that is there already is replaced when the new one is whole.

    Parameters
    ----------
    document
        What is written.
    target
        Its folder, see `check_target`.
    formats
        Some of `FORMATS`.
    beside
        Further files: contents by their paths in the folder.
    pages
        Further documents in the same folder, each a page of its own, by name.

    Raises
    ------
    RunError
        If the disk is full or the folder cannot be written; what was there before is then intact.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            for name in ("tables", "plots"):
                (scratch / name).mkdir()
            _write(document, scratch, formats, "index.html", "report.md")
            for name, page in (pages or {}).items():
                _write(page, scratch, formats, f"{name}.html", f"{name}.md")
            for name, content in (beside or {}).items():
                _text(scratch / name, content)
            _swap(scratch, target)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    except OSError as error:
        raise RunError(f"{target}: {error.strerror or error}; what was there before is intact") from error


def _write(document: Document, folder: Path, formats: Sequence[str], html: str, markdown: str) -> None:
    kinds = tuple(kind for kind in KINDS if kind in formats)
    wanted = ("svg", *kinds) if "html" in formats and "svg" not in kinds else kinds
    images = {figure.name: draw_images(figure, wanted) for figure in document.figures()} if wanted else {}
    for name, by_kind in images.items():
        for kind in kinds:
            (folder / "plots" / f"{name}.{kind}").write_bytes(by_kind[kind])
    if "html" in formats:
        _text(folder / html, render_html(document, images))
    if "md" in formats:
        _text(folder / markdown, render_markdown(document, kinds[0] if kinds else ""))
    for table in document.tables():
        if "csv" in formats:
            _text(folder / "tables" / f"{table.name}.csv", csv_text(table))
        if "latex" in formats:
            _text(folder / "tables" / f"{table.name}.tex", render_latex(table))


def csv_text(table: TableBlock) -> str:
    """Return what a table's CSV file holds."""
    return table.exported().to_csv(index=False, lineterminator="\n")


def _text(path: Path, content: str) -> None:
    path.write_text(content, encoding="utf-8", newline="\n")


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
