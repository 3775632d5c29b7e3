"""Verbs of the regression gate: check, baseline, compare."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.cli import screen
from harness.cli.common import AS_JSON, OK, PLUGIN, add_verb, print_result, rows_of
from harness.cli.scores import add_score_options, are_files, source_of

if TYPE_CHECKING:
    from harness.regression.baseline import Baseline


def add_verbs(verbs: Any) -> None:
    """Add them to the command line."""
    help = "did a search get worse? pass (0), regressed (1) or inconclusive (3)"
    check = add_verb(verbs, "check", _check, help, PLUGIN, AS_JSON)
    check.add_argument(
        "run", type=Path, nargs="+", metavar="OUT|FILE", help="output folder of a run; or CSV files of scores"
    )
    check.add_argument(
        "--against", type=Path, required=True, metavar="BASELINE", help="file made by nas-harness baseline"
    )
    check.add_argument("--strict", action="store_true", help="any loss is a regression, even one within the margin")
    check.add_argument("--timings", action="store_true", help="check search times relative to random search's too")
    check.add_argument(
        "--no-rerun", action="store_true", help="do not run changed cells again at all seeds of the baseline"
    )
    until = "give changed cells further seeds until every method is decided, by sequences; wants --max-seeds"
    check.add_argument("--until", choices=["decided"], help=until)
    check.add_argument("--max-seeds", type=int, metavar="N", help="seeds at most, with --until decided")
    check.add_argument("--junit", type=Path, metavar="FILE", help="write JUnit XML")
    add_score_options(check)
    check.add_argument(
        "-j",
        "--jobs",
        type=int,
        default=-1,
        metavar="N",
        help="workers for what is run again; -1, the default, is one a core",
    )

    baseline = add_verb(verbs, "baseline", _baseline, "make a baseline of one run or several", PLUGIN, AS_JSON)
    baseline.add_argument(
        "runs",
        type=Path,
        nargs="+",
        metavar="OUT|FILE",
        help="output folders of runs of one suite; or CSV files of scores",
    )
    add_score_options(baseline)
    baseline.add_argument("-o", "--output", type=Path, metavar="FILE", help="default reports/baselines/SUITE.json")

    help = "two runs side by side, cell by cell and method by method"
    compare = add_verb(verbs, "compare", _compare, help, PLUGIN, AS_JSON)
    compare.add_argument("first", type=Path, metavar="OUT_A")
    compare.add_argument("second", type=Path, metavar="OUT_B")
    compare.add_argument("--csv", type=Path, metavar="FILE", help="write the table as CSV")
    compare.add_argument("--html", type=Path, metavar="FILE", help="write a page")


def _check(options: argparse.Namespace) -> int:
    from harness.regression import baseline, outputs
    from harness.regression.check import check

    against = baseline.load(options.against)
    result = check(
        _checked(options, against),
        against,
        rerun=not options.no_rerun,
        strict=options.strict,
        timings=options.timings,
        until_decided=options.until is not None,
        max_seeds=options.max_seeds,
        jobs=options.jobs,
    )
    if options.junit:
        outputs.write_junit(result, options.junit)
    print_result(options, outputs.as_json(result), outputs.text(result))
    if outputs.on_github():
        for line in outputs.github(result):
            print(line, file=sys.stderr)
    return outputs.exit_code(result)


def _checked(options: argparse.Namespace, against: Baseline) -> Path | Baseline:
    """The folder that is checked, or the cells of CSV files."""
    source = source_of(options, options.run)
    if isinstance(source, Path):
        return source
    from harness.results.gate import cells_of_results
    from harness.results.model import Results

    assert isinstance(source, Results)
    return cells_of_results(source, " and ".join(map(str, options.run)), against.cells)


def _baseline(options: argparse.Namespace) -> int:
    from harness.regression import baseline

    if are_files(options.runs):
        from harness.results.gate import cells_of_results
        from harness.results.model import Results

        results = source_of(options, options.runs)
        assert isinstance(results, Results)
        made = cells_of_results(results, "standard-input" if str(options.runs[0]) == "-" else options.runs[0].stem)
    else:
        for run in options.runs:
            source_of(options, [run])  # refuses options of files
        made = baseline.merged([baseline.cells_of_run(run) for run in options.runs])
    path = options.output or Path("reports") / "baselines" / f"{made.name}.json"
    baseline.save(made, path)
    seeds = sorted({len(cell.seeds) for cell in made.cells.values()})
    text = f"{path}: {len(made.cells)} cells of {' or '.join(map(str, seeds))} seeds"
    print_result(options, {"baseline": str(path), "cells": len(made.cells), "seeds": seeds}, text)
    return OK


def _compare(options: argparse.Namespace) -> int:
    from harness.regression.compare import compare
    from harness.system.files import write_whole

    frame = compare(options.first, options.second)
    if options.csv:
        write_whole(options.csv, frame.to_csv(index=False).encode())
    if options.html:
        from harness.reporting.comparison import comparison_page

        write_whole(options.html, comparison_page(frame, options.first, options.second).encode())
    print_result(options, rows_of(frame), screen.frame(options.stdout, frame))
    return OK
