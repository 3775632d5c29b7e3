"""Read, doubt, compute and write: what ``nas-harness import-results`` does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from harness.errors import HarnessError
from harness.reporting.model import Document
from harness.reporting.write import RESULTS, check_target, csv_text, write_document
from harness.results.document import RUNS, make_document
from harness.results.faults import all_faults
from harness.results.improvement import TABLE_COLUMNS, relative_improvements
from harness.results.kept import to_json
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
        Relative improvements, with the columns of every such table, and ``test`` and ``note``: whose p-values they are, and
        why there is none.
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


def import_results(files: Sequence[Path], output: Path, *, replace: bool = True, **options: Any) -> Imported:
    """Report tables of final scores that this harness did not produce.

    Parameters
    ----------
    files
        CSV files.
    output
        Folder of the report. A report that is there already is replaced when the new one is whole; a folder with anything
        else in it is refused.
    replace
        False: a report of other runs is refused too.
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
    check_target(output)
    results = read_results(files, **options)
    faults = all_faults(results)
    document = make_document(results, faults)
    if not replace:
        _check_same_runs(document, output)
    write_document(document, output, beside={RESULTS: to_json(results)})
    table = relative_improvements(results)[list(TABLE_COLUMNS)]
    return Imported(results, table, tuple(faults), tuple(map(str, document.answer)), output)


def _check_same_runs(document: Document, output: Path) -> None:
    """Refuse a folder that holds anything but a report of the same runs."""
    if not output.exists() or not any(output.iterdir()):
        return
    (runs,) = (table for table in document.tables() if table.name == RUNS)
    there = output / "tables" / f"{RUNS}.csv"
    if not there.is_file() or there.read_bytes() != csv_text(runs).encode():
        raise HarnessError(
            f"{output}: holds a report of other results; choose a folder with -o, or -o {output} to replace what is there"
        )
