"""The verb analyze: a table of the statistics that are asked for by name."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.cli import screen
from harness.cli.common import (
    AS_JSON,
    OK,
    PLUGIN,
    Command,
    Parser,
    add_verb,
    option_group,
    print_result,
    rows_of,
)
from harness.cli.scores import add_score_options, are_files, source_of
from harness.errors import HarnessError

if TYPE_CHECKING:
    import pandas as pd


class Analysis(NamedTuple):
    """A statistic that is asked for by name.

    Attributes
    ----------
    name, help
        As the command line has them.
    add_options
        Adds its arguments to a parser.
    command
        Computes and prints it.
    is_random
        Whether it draws random numbers, whose seed is then an option.
    """

    name: str
    help: str
    add_options: Callable[[Parser], None]
    command: Command
    is_random: bool = False


def add_verbs(verbs: Any) -> None:
    """Add it to the command line."""
    analyze = verbs.add_parser("analyze", help="a statistic of a run, a table or published curves", allow_abbrev=False)
    what = analyze.add_subparsers(title="analyses", metavar="ANALYSIS", required=True)
    for one in ANALYSES:
        shared = [PLUGIN, AS_JSON, _CSV, *([_SEED] if one.is_random else [])]
        one.add_options(add_verb(what, one.name, one.command, one.help, *shared))


def _add_csv(parser: Parser) -> None:
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the table as CSV")


def _add_seed(parser: Parser) -> None:
    parser.add_argument(
        "--seed",
        metavar="N|COL",
        help="seed of the random numbers (default 0); of CSV files of scores the column of seeds",
    )


def _add_source(parser: Parser, *, seed: bool = True) -> None:
    parser.add_argument(
        "source",
        type=Path,
        nargs="+",
        metavar="OUT|FILE",
        help="output folder of a run or of import-results; or CSV files of scores, - for stdin",
    )
    add_score_options(parser, seed=seed, runs=True)


_CSV, _SEED = option_group(_add_csv), option_group(_add_seed)


def _add_seeds(parser: Parser) -> None:
    _add_source(parser)
    parser.add_argument("--detect", type=float, required=True, metavar="RI", help="true RI to find, in percent")
    parser.add_argument(
        "--pair",
        nargs=2,
        metavar=("A", "B"),
        help="two methods of the run, compared seed by seed: plans their win probability, RI and rates of collapse",
    )
    parser.add_argument("--power", type=float, default=0.8, metavar="P", help="probability of finding it (default 0.8)")
    parser.add_argument("--level", type=float, default=0.05, metavar="P", help="level of the test (default 0.05)")


def _analyze_seeds(options: argparse.Namespace) -> int:
    from harness.analysis import plan_pair, plan_seeds

    source = source_of(options, options.source)
    if options.pair:
        plan = plan_pair(source, options.pair[0], options.pair[1], options.detect, options.power, options.level)
        return _print_tables(options, seeds=plan)
    return _print_tables(options, seeds=plan_seeds(source, options.detect, options.power, options.level))


def _add_ranking(parser: Parser) -> None:
    parser.add_argument(
        "benchmark", metavar="BENCHMARK|FILE", help="name of a benchmark; or a CSV file with a line an architecture"
    )
    for role, what in (("valid", "validation score"), ("score", "test score"), ("dataset", "data set")):
        parser.add_argument(f"--{role}", metavar="COL", help=f"of a CSV file: column of the {what}")
    parser.add_argument("--direction", help="of a CSV file: max if larger is better (default), or min")
    parser.add_argument(
        "--top", type=int, action="append", metavar="K", help="precision among the K best (default 10 and 100)"
    )
    parser.add_argument(
        "--training",
        action="append",
        default=[],
        metavar="NAME",
        help="column or benchmark with the test scores of one training, twice or more: adds the ceiling that noise sets "
        "and the ICC (default: the benchmarks BENCHMARK+seedS)",
    )
    parser.add_argument(
        "--column",
        action="extend",
        nargs="+",
        default=[],
        metavar="COL",
        help="instead: how far these columns or recorded scores, and the number of parameters, rank architectures as test does",
    )
    parser.add_argument("--bootstrap", type=int, default=200, metavar="N", help="resamples (default 200)")


def _analyze_ranking(options: argparse.Namespace) -> int:
    from harness.analysis import column_rankings, ranking, trainings

    if options.column:
        if options.top or options.training:
            raise HarnessError("--column has no --top and no --training: leave them out")
        found = column_rankings(options.benchmark, options.column, _rng(options), options.bootstrap)
        return _print_tables(options, columns=found)
    top = options.top or (10, 100)
    if are_files([Path(options.benchmark)]):
        if options.training:
            raise HarnessError("--training goes with a benchmark; a CSV file has one test score an architecture")
        return _print_tables(options, ranking=_rankings_of_file(options, top))
    for name in ("valid", "score", "dataset", "direction"):
        if getattr(options, name) is not None:
            raise HarnessError(f"--{name}: goes with a CSV file, and there is none {options.benchmark}")
    found = ranking(options.benchmark, _rng(options), top, options.bootstrap)
    noise = trainings(options.benchmark, _rng(options), options.training, options.bootstrap)
    return _print_tables(options, ranking=found, trainings=noise)


def _rankings_of_file(options: argparse.Namespace, top: Sequence[int]) -> pd.DataFrame:
    """A ranking for every data set of a CSV file."""
    import pandas as pd

    from harness.analysis import ranking
    from harness.results.ranked import read_ranked

    columns = options.valid, options.score, options.dataset
    parts = read_ranked(Path(options.benchmark), *columns, direction=options.direction or "max")
    found = [ranking(part, _rng(options), top, options.bootstrap) for part in parts]
    return pd.concat(found, ignore_index=True)


def _add_lottery(parser: Parser) -> None:
    _add_source(parser)
    parser.add_argument("--figure", type=Path, metavar="FILE", help="draw all settings by budget: .svg, .png or .pdf")


def _analyze_lottery(options: argparse.Namespace) -> int:
    from harness.analysis import lottery

    return _print_tables(options, lottery=lottery(source_of(options, options.source), options.figure))


def _add_pairs(parser: Parser) -> None:
    _add_source(parser, seed=False)
    parser.add_argument(
        "--rope", type=float, metavar="R", help="RI points that count as equal: adds the Bayesian signed-rank test"
    )


def _analyze_pairs(options: argparse.Namespace) -> int:
    from harness.analysis import compare_pairs

    is_seed = not are_files(options.source)  # of files --seed is a column
    found = compare_pairs(source_of(options, options.source), _rng(options, is_seed=is_seed), options.rope)
    tables = {"pairs": found.tests, "over_datasets": found.over_datasets, "ranks": found.ranks}
    return _print_tables(options, found.notes, **tables)


def _add_pareto(parser: Parser) -> None:
    parser.add_argument("what", metavar="BENCHMARK|OUT", help="name of a benchmark, or output folder of a run")
    parser.add_argument(
        "--minimize",
        action="append",
        default=[],
        metavar="COL",
        help="goal beside the score (default: of a run, its metrics)",
    )
    parser.add_argument("--maximize", action="append", default=[], metavar="COL", help="goal of which more is better")
    parser.add_argument("--score", default="valid", help="valid (default) or test")
    parser.add_argument(
        "--reference",
        action="append",
        default=[],
        metavar="COL=VALUE",
        help="where hypervolumes begin (default: the worst value in the table)",
    )
    parser.add_argument(
        "--figure", type=Path, metavar="FILE", help="draw score against the first goal: .svg, .png or .pdf"
    )


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


def _add_wide_shallow(parser: Parser) -> None:
    parser.add_argument("genotypes", type=Path, metavar="GENOTYPES.json", help="genotypes of the DARTS space")
    parser.add_argument("curves", type=Path, metavar="CURVES.npz", help="accuracies (architectures, epochs)")
    parser.add_argument("--epoch", type=int, action="append", metavar="E", help="default 25, 50, 100 and 600")
    parser.add_argument("--window", type=int, default=20, metavar="W", help="epochs averaged (default 20)")
    parser.add_argument("--bootstrap", type=int, default=1000, metavar="N", help="resamples (default 1000)")


def _analyze_wide_shallow(options: argparse.Namespace) -> int:
    from harness.analysis import EPOCHS, wide_shallow

    epochs = options.epoch or EPOCHS
    found = wide_shallow(options.genotypes, options.curves, _rng(options), epochs, options.window, options.bootstrap)
    return _print_tables(options, wide_shallow=found)


def _rng(options: argparse.Namespace, *, is_seed: bool = True) -> Any:
    """The random numbers of an analysis, of seed 0 where the option is a column."""
    import numpy as np

    seed = options.seed if is_seed and options.seed is not None else "0"
    if not seed.isdecimal():
        raise HarnessError(f"--seed {seed}: wanted a whole number of at least 0")
    return np.random.default_rng(int(seed))


def _print_tables(options: argparse.Namespace, notes: Sequence[str] = (), **tables: pd.DataFrame) -> int:
    """Print the tables that are not empty; the CSV file is of the first, others have their name in that of the file."""
    from harness.system.files import write_whole

    shown = {name: table for name, table in tables.items() if len(table)}
    for place, (name, table) in enumerate(shown.items() if options.csv else ()):
        path = options.csv.with_stem(f"{options.csv.stem}.{name}") if place else options.csv
        write_whole(path, table.to_csv(index=False, lineterminator="\n").encode())
    for note in notes:
        print(f"nas-harness: note: {note}", file=sys.stderr)
    value = {name: rows_of(table) for name, table in shown.items()} | {"notes": [*notes]}
    text = "\n\n".join(screen.frame(options.stdout, table) for table in shown.values())
    print_result(options, value, text)
    return OK


ANALYSES = (
    Analysis("seeds", "seeds needed to find a difference, from the variance of a run", _add_seeds, _analyze_seeds),
    Analysis(
        "ranking", "how far validation ranks architectures as test does", _add_ranking, _analyze_ranking, is_random=True
    ),
    Analysis(
        "lottery",
        "spread of a method over its parameters against its gap to random search",
        _add_lottery,
        _analyze_lottery,
    ),
    Analysis(
        "pairs", "all pairs of methods, on each data set and over all", _add_pairs, _analyze_pairs, is_random=True
    ),
    Analysis(
        "pareto",
        "the Pareto front of a table; of a run, the hypervolume of each method beside random search's exact one",
        _add_pareto,
        _analyze_pareto,
    ),
    Analysis(
        "wide-shallow",
        "do wide and shallow cells converge faster? (Shu et al.)",
        _add_wide_shallow,
        _analyze_wide_shallow,
        is_random=True,
    ),
)
