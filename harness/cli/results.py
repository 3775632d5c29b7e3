"""The verb import-results, for scores from elsewhere."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from harness.cli.common import AS_JSON, OK, add_verb, print_result, rows_of
from harness.cli.scores import add_score_options, say, score_options


def add_verbs(verbs: Any) -> None:
    """Add it to the command line."""
    help = "report final scores that this harness did not produce"
    elsewhere = add_verb(verbs, "import-results", _import_results, help, AS_JSON)
    elsewhere.add_argument(
        "files", type=Path, nargs="+", metavar="FILE", help="CSV files, say one a data set; - for stdin"
    )
    elsewhere.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="folder of the report (default reports/FILE)"
    )
    add_score_options(elsewhere)


def _import_results(options: argparse.Namespace) -> int:
    from harness.results import import_results

    stem = "standard-input" if str(options.files[0]) == "-" else options.files[0].stem
    output = options.output or Path("reports") / stem
    made = import_results(options.files, output, replace=options.output is not None, **score_options(options))
    say(made.faults)
    page = made.folder / "index.html"
    table = rows_of(made.table)
    faults = [{"kind": fault.kind, "what": fault.what} for fault in made.faults]
    summary = {"report": str(page), "relative_improvement": table, "faults": faults}
    print_result(options, summary, "\n".join([*made.answer, f"report: {page}"]))
    return OK
