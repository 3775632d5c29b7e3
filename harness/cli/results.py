"""The verb import-results, for scores from elsewhere."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from harness.cli.common import AS_JSON, OK, add_verb, print_result, rows_of


def add_verbs(verbs: Any) -> None:
    """Add it to the command line."""
    help = "report final scores that this harness did not produce"
    elsewhere = add_verb(verbs, "import-results", _import_results, help, AS_JSON)
    elsewhere.add_argument("files", type=Path, nargs="+", metavar="FILE", help="CSV files, say one a data set")
    elsewhere.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="folder of the report (default reports/FILE)"
    )
    form = elsewhere.add_mutually_exclusive_group()
    form.add_argument(
        "--long", dest="form", action="store_const", const="long", help="columns for method and score (default: told)"
    )
    form.add_argument("--wide", dest="form", action="store_const", const="wide", help="a column a method")
    for role in ("method", "dataset", "score", "seed"):
        elsewhere.add_argument(f"--{role}", metavar="COL", help=f"column of the {role}")
    elsewhere.add_argument(
        "--baseline", metavar="NAME", help="method that is the baseline of the others, or column that names baselines"
    )
    elsewhere.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="METHOD=BASELINE",
        help="a method's own baseline, or a .toml file of such lines; may be repeated",
    )
    elsewhere.add_argument("--unit", help="percent, fraction or none (default: told from the values)")
    elsewhere.add_argument("--direction", default="max", help="max if larger is better (default), or min")
    elsewhere.add_argument(
        "--architectures",
        type=int,
        metavar="N",
        help="scores of baselines are means of N random architectures (1: of one each), not results of searches",
    )
    elsewhere.add_argument("--paired", action="store_true", help="equal seeds share noise: compare seed by seed")


def _import_results(options: argparse.Namespace) -> int:
    from harness.results import import_results
    from harness.results.read import Columns, read_mapping

    made = import_results(
        options.files,
        options.output or Path("reports") / options.files[0].stem,
        replace=options.output is not None,
        columns=Columns(options.method, options.dataset, options.score, options.seed),
        form=options.form,
        baseline=options.baseline,
        mapping=read_mapping(options.map),
        unit=options.unit,
        direction=options.direction,
        paired=options.paired,
        architectures=options.architectures,
    )
    for fault in made.faults:
        print(f"nas-harness: warning: {fault}", file=sys.stderr)
    page = made.folder / "index.html"
    table = rows_of(made.table)
    faults = [{"kind": fault.kind, "what": fault.what} for fault in made.faults]
    summary = {"report": str(page), "relative_improvement": table, "faults": faults}
    print_result(options, summary, "\n".join([*made.answer, f"report: {page}"]))
    return OK
