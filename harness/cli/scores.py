"""Options of the verbs that take CSV files of final scores in the place of a run."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.cli.common import Parser
from harness.errors import HarnessError

if TYPE_CHECKING:
    from harness.results.model import Fault, Results
    from harness.results.paper import PaperTable

_COLUMNS = ("method", "dataset", "score", "setting")
_OTHERS = ("form", "baseline", "map", "unit", "direction", "paired", "architectures")


def add_score_options(parser: Parser, *, seed: bool = True, runs: bool = False) -> None:
    """Say how a CSV file of scores is read; `seed`: with a column of seeds, `runs`: as a paper's table, too."""
    form = parser.add_mutually_exclusive_group()
    form.add_argument(
        "--long", dest="form", action="store_const", const="long", help="columns for method and score (default: told)"
    )
    form.add_argument("--wide", dest="form", action="store_const", const="wide", help="a column a method")
    for role in _COLUMNS[:3]:
        parser.add_argument(f"--{role}", metavar="COL", help=f"column of the {role}")
    if seed:
        parser.add_argument("--seed", metavar="COL", help="column of the seed")
    parser.add_argument("--setting", metavar="COL", help="column of a method's setting: each is a method of its own")
    parser.add_argument(
        "--baseline", metavar="NAME", help="method that is the baseline of the others, or column that names baselines"
    )
    parser.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="METHOD=BASELINE",
        help="a method's own baseline, or a .toml file of such lines; may be repeated",
    )
    parser.add_argument("--unit", help="percent, fraction or none (default: told from the values)")
    parser.add_argument("--direction", help="max if larger is better (default), or min")
    parser.add_argument(
        "--architectures",
        type=int,
        metavar="N",
        help="scores of baselines are means of N random architectures (1: of one each), not results of searches",
    )
    if runs:
        parser.add_argument(
            "--runs",
            dest="runs_of_a_mean",
            type=int,
            metavar="N",
            help="cells are a paper's: mean ± deviation of N runs",
        )
    parser.add_argument("--paired", action="store_true", help="equal seeds share noise: compare seed by seed")


def score_options(options: argparse.Namespace) -> dict[str, Any]:
    """What `harness.results.read_results` takes, from the options of `add_score_options`."""
    from harness.results.read import Columns, read_mapping

    return {
        "columns": Columns(options.method, options.dataset, options.score, options.seed, options.setting),
        "form": options.form,
        "baseline": options.baseline,
        "mapping": read_mapping(options.map),
        "unit": options.unit,
        "direction": options.direction or "max",
        "paired": options.paired,
        "architectures": options.architectures,
    }


def source_of(options: argparse.Namespace, paths: list[Path]) -> Path | Results | PaperTable:
    """The folder that is named, or the results of the CSV files, whose faults are said on standard error.

    Raises
    ------
    HarnessError
        If a folder stands among files, or has an option that only files have.
    """
    if not are_files(paths):
        if len(paths) > 1:
            raise HarnessError(f"{paths[1]}: one output folder, or CSV files; not both, nor several folders")
        for name in (*_COLUMNS, *_OTHERS, "runs_of_a_mean"):
            if getattr(options, name, None) not in (None, False, []):
                what = "is a folder" if paths[0].is_dir() else "is not there"
                raise HarnessError(f"{_typed(options, name)} goes with CSV files, and {paths[0]} {what}")
        return paths[0]
    if getattr(options, "runs_of_a_mean", None) is not None:
        return _paper(options, paths)
    from harness.results.faults import all_faults
    from harness.results.read import read_results

    results = read_results(paths, **score_options(options), alone=True)
    say(all_faults(results) if results.baselines else results.faults)
    return results


def _paper(options: argparse.Namespace, paths: list[Path]) -> PaperTable:
    """The paper's table of the one file."""
    from harness.results.paper import read_paper

    if len(paths) > 1:
        raise HarnessError(f"--runs: a paper's table is one file, not {len(paths)}")
    for name in (*_COLUMNS, "form", "map", "paired", "architectures"):
        if getattr(options, name) not in (None, False, []):
            raise HarnessError(
                f"{_typed(options, name)} does not go with --runs: a paper's table has methods down and data sets across"
            )
    table = read_paper(paths[0], options.runs_of_a_mean, options.baseline, options.unit, options.direction or "max")
    say(table.faults)
    return table


def _typed(options: argparse.Namespace, name: str) -> str:
    """The option as a user types it."""
    return "--" + {"form": str(getattr(options, "form", None)), "runs_of_a_mean": "runs"}.get(name, name)


def are_files(paths: list[Path]) -> bool:
    """Whether these are files of scores, and not output folders; ``-`` is standard input."""
    return all(str(path) == "-" or path.is_file() for path in paths)


def say(faults: Any) -> None:
    """Print what is odd about files."""
    fault: Fault
    for fault in faults:
        print(f"nas-harness: warning: {fault}", file=sys.stderr)
