"""Verbs of analysis: analyze, and import-results for scores from elsewhere."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.cli.common import AS_JSON, OK, PLUGIN, Command, Parser, add_verb, print_result
from harness.errors import HarnessError

if TYPE_CHECKING:
    import pandas as pd


def add_verbs(verbs: Any) -> None:
    """Add them to the command line."""
    analyze = verbs.add_parser("analyze", help="a statistic of a run, a table or published curves", allow_abbrev=False)
    _add_analyses(analyze)
    _add_import_results(verbs)


def _add_analyses(analyze: Parser) -> None:
    what = analyze.add_subparsers(title="analyses", metavar="ANALYSIS", required=True)
    csv = Parser(add_help=False)
    csv.add_argument("--csv", type=Path, metavar="FILE", help="write the table as CSV")
    random = Parser(add_help=False)
    random.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the random numbers (default 0)")

    def add(name: str, command: Command, help: str, *more: Parser) -> Parser:
        return add_verb(what, name, command, help, PLUGIN, AS_JSON, csv, *more)

    seeds = add("seeds", _analyze_seeds, "seeds needed to find a difference, from the variance of a run")
    seeds.add_argument("run", type=Path, metavar="OUT", help="output folder of a run")
    seeds.add_argument("--detect", type=float, required=True, metavar="RI", help="true RI to find, in percent")
    seeds.add_argument("--power", type=float, default=0.8, metavar="P", help="probability of finding it (default 0.8)")
    seeds.add_argument("--level", type=float, default=0.05, metavar="P", help="level of the test (default 0.05)")

    ranking = add("ranking", _analyze_ranking, "how far validation ranks architectures as test does", random)
    ranking.add_argument("benchmark", metavar="BENCHMARK", help="name of a benchmark")
    ranking.add_argument(
        "--top", type=int, action="append", metavar="K", help="precision among the K best (default 10 and 100)"
    )
    ranking.add_argument(
        "--training",
        action="append",
        default=[],
        metavar="NAME",
        help="column or benchmark with the test scores of one training, twice or more: adds the ceiling that noise sets "
        "and the ICC (default: the benchmarks BENCHMARK+seedS)",
    )
    ranking.add_argument("--bootstrap", type=int, default=200, metavar="N", help="resamples (default 200)")

    lottery = add(
        "lottery", _analyze_lottery, "spread of a method over its parameters against its gap to random search"
    )
    lottery.add_argument("run", type=Path, metavar="OUT", help="output folder of a run")

    pairs = add("pairs", _analyze_pairs, "all pairs of methods, on each data set and over all", random)
    pairs.add_argument("run", type=Path, metavar="OUT", help="output folder of a run")
    pairs.add_argument(
        "--rope", type=float, metavar="R", help="RI points that count as equal: adds the Bayesian signed-rank test"
    )

    help = "the Pareto front of a table; of a run, the hypervolume of each method beside random search's exact one"
    pareto = add("pareto", _analyze_pareto, help)
    pareto.add_argument("what", metavar="BENCHMARK|OUT", help="name of a benchmark, or output folder of a run")
    pareto.add_argument(
        "--minimize",
        action="append",
        default=[],
        metavar="COL",
        help="goal beside the score (default: of a run, its metrics)",
    )
    pareto.add_argument("--maximize", action="append", default=[], metavar="COL", help="goal of which more is better")
    pareto.add_argument("--score", default="valid", help="valid (default) or test")
    pareto.add_argument(
        "--reference",
        action="append",
        default=[],
        metavar="COL=VALUE",
        help="where hypervolumes begin (default: the worst value in the table)",
    )
    pareto.add_argument("--figure", type=Path, metavar="FILE", help="draw score against the first goal: .svg or .png")

    wide = add("wide-shallow", _analyze_wide_shallow, "do wide and shallow cells converge faster? (Shu et al.)", random)
    wide.add_argument("genotypes", type=Path, metavar="GENOTYPES.json", help="genotypes of the DARTS space")
    wide.add_argument("curves", type=Path, metavar="CURVES.npz", help="accuracies (architectures, epochs)")
    wide.add_argument("--epoch", type=int, action="append", metavar="E", help="default 25, 50, 100 and 600")
    wide.add_argument("--window", type=int, default=20, metavar="W", help="epochs averaged (default 20)")
    wide.add_argument("--bootstrap", type=int, default=1000, metavar="N", help="resamples (default 1000)")


def _add_import_results(verbs: Any) -> None:
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


def _analyze_seeds(options: argparse.Namespace) -> int:
    from harness.analysis import plan_seeds

    return _print_tables(options, seeds=plan_seeds(options.run, options.detect, options.power, options.level))


def _analyze_ranking(options: argparse.Namespace) -> int:
    from harness.analysis import ranking, trainings

    top = options.top or (10, 100)
    found = ranking(options.benchmark, _rng(options), top, options.bootstrap)
    noise = trainings(options.benchmark, _rng(options), options.training, options.bootstrap)
    return _print_tables(options, ranking=found, trainings=noise)


def _analyze_lottery(options: argparse.Namespace) -> int:
    from harness.analysis import lottery

    return _print_tables(options, lottery=lottery(options.run))


def _analyze_pairs(options: argparse.Namespace) -> int:
    from harness.analysis import compare_pairs

    found = compare_pairs(options.run, _rng(options), options.rope)
    tables = {"pairs": found.tests, "over_datasets": found.over_datasets, "ranks": found.ranks}
    return _print_tables(options, found.notes, **tables)


def _analyze_pareto(options: argparse.Namespace) -> int:
    from harness.analysis import pareto
    from harness.reporting.frames.pareto import Goal

    goals = [Goal(column) for column in options.minimize] + [Goal(column, True) for column in options.maximize]
    reference = {}
    for item in options.reference:
        column, _, value = item.partition("=")
        try:
            reference[column] = float(value)
        except ValueError:
            raise HarnessError(f"--reference {item}: wanted COLUMN=NUMBER") from None
    front, hypervolumes = pareto(options.what, goals, options.score, reference, options.figure)
    return _print_tables(options, front=front, hypervolume=hypervolumes)


def _analyze_wide_shallow(options: argparse.Namespace) -> int:
    from harness.analysis import EPOCHS, wide_shallow

    epochs = options.epoch or EPOCHS
    found = wide_shallow(options.genotypes, options.curves, _rng(options), epochs, options.window, options.bootstrap)
    return _print_tables(options, wide_shallow=found)


def _rng(options: argparse.Namespace) -> Any:
    import numpy as np

    if options.seed < 0:
        raise HarnessError(f"--seed {options.seed}: wanted a whole number of at least 0")
    return np.random.default_rng(options.seed)


def _print_tables(options: argparse.Namespace, notes: Sequence[str] = (), **tables: pd.DataFrame) -> int:
    """Print the tables that are not empty; the CSV file is of the first, others have their name in that of the file."""
    from harness.system.files import write_whole

    shown = {name: table for name, table in tables.items() if len(table)}
    for place, (name, table) in enumerate(shown.items() if options.csv else ()):
        path = options.csv.with_stem(f"{options.csv.stem}.{name}") if place else options.csv
        write_whole(path, table.to_csv(index=False, lineterminator="\n").encode())
    for note in notes:
        print(f"nas-harness: note: {note}", file=sys.stderr)
    value = {name: json.loads(table.to_json(orient="records")) for name, table in shown.items()} | {"notes": [*notes]}
    text = "\n\n".join(table.to_string(index=False, float_format="%.4g", na_rep="-") for table in shown.values())
    print_result(options, value, text)
    return OK


def _import_results(options: argparse.Namespace) -> int:
    from harness.results import import_results
    from harness.results.read import Columns, read_mapping

    made = import_results(
        options.files,
        options.output or Path("reports") / options.files[0].stem,
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
    table = json.loads(made.table.to_json(orient="records"))
    faults = [{"kind": fault.kind, "what": fault.what} for fault in made.faults]
    summary = {"report": str(page), "relative_improvement": table, "faults": faults}
    print_result(options, summary, "\n".join([*made.answer, f"report: {page}"]))
    return OK
