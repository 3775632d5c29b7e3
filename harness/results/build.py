"""Read, doubt, compute and write: what ``nas-harness import-results`` does."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from harness.records import RunError

# Written for the report of a run; nothing in them is of a run.
from harness.reporting.build import FORMATS, _csv, _refuse_others, _swap, _text
from harness.reporting.frames.improvement import RI_COLUMNS
from harness.reporting.html import render_html
from harness.reporting.images import draw_images
from harness.reporting.latex import render_latex
from harness.reporting.markdown import render_markdown
from harness.reporting.model import Document
from harness.results.document import make_document
from harness.results.faults import all_faults
from harness.results.improvement import relative_improvements
from harness.results.model import Fault, Results
from harness.results.read import read_results


@dataclass(frozen=True, eq=False)
class Imported:
    """Results from elsewhere that have been reported.

    Attributes
    ----------
    results
        What was read.
    table
        Relative improvements, with the columns of every such table.
    faults
        Everything odd that was found.
    answer
        What the report says first.
    folder
        Where it is.
    """

    results: Results
    table: pd.DataFrame
    faults: tuple[Fault, ...]
    answer: tuple[str, ...]
    folder: Path


def import_results(files: Sequence[Path], output: Path, **options: Any) -> Imported:
    """Report tables of final scores that this harness did not produce.

    Parameters
    ----------
    files
        CSV files.
    output
        Folder of the report. A report that is there already is replaced when the new one is whole; a folder with anything
        else in it is refused.
    **options
        As in `harness.results.read_results`.

    Returns
    -------
    Imported

    Raises
    ------
    HarnessError
        If the numbers mean nothing or the folder cannot be used; what was there before is then intact.
    """
    _refuse_others(output)
    results = read_results(files, **options)
    faults = all_faults(results)
    document = make_document(results, faults)
    write_document(document, output)
    table = relative_improvements(results)[list(RI_COLUMNS)]
    return Imported(results, table, tuple(faults), tuple(map(str, document.answer)), output)


def write_document(document: Document, target: Path) -> None:
    """Write a document in all formats, whole or not at all."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            _write(document, scratch)
            _swap(scratch, target)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    except OSError as error:
        raise RunError(f"{target}: {error.strerror or error}; what was there before is intact") from error


def _write(document: Document, folder: Path) -> None:
    kinds = tuple(kind for kind in FORMATS if kind in ("svg", "png"))
    images = {figure.name: draw_images(figure, kinds) for figure in document.figures()}
    for name in ("tables", "plots"):
        (folder / name).mkdir()
    for name, by_kind in images.items():
        for kind, content in by_kind.items():
            (folder / "plots" / f"{name}.{kind}").write_bytes(content)
    _text(folder / "index.html", render_html(document, images))
    _text(folder / "report.md", render_markdown(document, kinds[0]))
    for table in document.tables():
        _text(folder / "tables" / f"{table.name}.csv", _csv(table))
        _text(folder / "tables" / f"{table.name}.tex", render_latex(table))
