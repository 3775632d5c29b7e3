"""The command line: parse, call, print.

Exit codes: 0 all well; 1 some cells failed, the disk filled or a worker died (what is finished is kept), or a check found a
regression; 2 wrong usage or configuration; 3 a check is inconclusive; 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from harness.errors import HarnessError

if TYPE_CHECKING:
    import pandas as pd

    from harness.suite import Suite

OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        from harness import plugins

        plugins.load(getattr(options, "plugin", ()))
        return command(options)
    except HarnessError as error:
        from harness.records import RunError

        print(f"nas-harness: error: {' '.join(str(error).split())}", file=sys.stderr)
        return FAILED if isinstance(error, RunError) else USAGE
    except KeyboardInterrupt:
        print("nas-harness: interrupted; finished cells are kept, the same command goes on", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # `nas-harness ls benchmarks | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK


class _Parser(argparse.ArgumentParser):
    """An argument parser that says what is wrong in one line, without the whole usage before it."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: error: {' '.join(message.split())}; see {self.prog} --help\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="nas-harness", description="Fair evaluation of neural architecture search.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=_version())
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    plugin = _Parser(add_help=False)
    plugin.add_argument(
        "--plugin", action="append", default=[], metavar="FILE", help="Python file that registers methods or benchmarks"
    )
    as_json = _Parser(add_help=False)
    as_json.add_argument("--json", action="store_true", help="print JSON on standard output")
    suite = _Parser(add_help=False)
    suite.add_argument(
        "suite", nargs="?", metavar="SUITE", help="name or TOML file of a suite (see: nas-harness ls suites)"
    )
    suite.add_argument(
        "--benchmark", action="append", metavar="B", help="instead of a suite: benchmark or pattern, may be repeated"
    )
    suite.add_argument(
        "--method",
        action="append",
        metavar="M[,KEY=VALUE...]",
        help="instead of a suite: method, may be repeated; random is added",
    )
    suite.add_argument(
        "--budget", type=int, metavar="N", help="instead of a suite: evaluations of a search (default 100)"
    )
    suite.add_argument("--seeds", metavar="A:B", help="seeds, half open, e.g. 0:30")
    suite.add_argument(
        "--set",
        action="append",
        default=[],
        dest="overrides",
        metavar="KEY=VALUE",
        help="change a key of the suite, e.g. budgets.evaluations=50",
    )
    suite.add_argument("-o", "--output", type=Path, metavar="DIR", help="output folder (default reports/SUITE)")
    suite.add_argument(
        "-j", "--jobs", type=int, default=-1, metavar="N", help="workers; -1, the default, is one a core"
    )

    run = verbs.add_parser(
        "run",
        parents=[suite, plugin, as_json],
        help="run a suite, or what is missing of it, and report",
        allow_abbrev=False,
    )
    run.add_argument(
        "--backend", default="loky", metavar="NAME", help="loky (processes, the default), threading, sequential or dask"
    )
    run.add_argument("--scheduler", metavar="ADDRESS", help="address of the Dask scheduler, tcp://host:port")
    run.add_argument(
        "--one-by-one", action="store_true", help="do not advance many seeds at once (same records, slower)"
    )
    run.add_argument("--no-report", action="store_true", help="stop when the records are there")
    _volume(run)
    run.set_defaults(command=_run)

    plan = verbs.add_parser(
        "plan",
        parents=[suite, plugin, as_json],
        help="say what a run would do, and how long it would take",
        allow_abbrev=False,
    )
    plan.set_defaults(command=_plan)

    status = verbs.add_parser("status", parents=[as_json], help="say how far a run is", allow_abbrev=False)
    status.add_argument("run", type=Path, metavar="OUT", help="output folder of a run")
    status.set_defaults(command=_status)

    report = verbs.add_parser(
        "report", parents=[plugin, as_json], help="make the report of a run again", allow_abbrev=False
    )
    report.add_argument("run", type=Path, metavar="OUT", help="output folder of a run")
    report.add_argument("-o", "--output", type=Path, metavar="DIR", help="folder of the report (default OUT/report)")
    report.set_defaults(command=_report)

    check = verbs.add_parser(
        "check",
        parents=[plugin, as_json],
        help="did a search get worse? pass (0), regressed (1) or inconclusive (3)",
        allow_abbrev=False,
    )
    check.add_argument("run", type=Path, metavar="OUT", help="output folder of a run")
    check.add_argument(
        "--against", type=Path, required=True, metavar="BASELINE", help="file made by nas-harness baseline"
    )
    check.add_argument("--strict", action="store_true", help="any loss is a regression, even one within the margin")
    check.add_argument("--timings", action="store_true", help="check search times relative to random search's too")
    check.add_argument(
        "--no-rerun", action="store_true", help="do not run changed cells again at all seeds of the baseline"
    )
    check.add_argument("--junit", type=Path, metavar="FILE", help="write JUnit XML")
    check.add_argument("-j", "--jobs", type=int, default=-1, metavar="N", help="workers for what is run again")
    check.set_defaults(command=_check)

    baseline = verbs.add_parser(
        "baseline", parents=[plugin, as_json], help="make a baseline of one run or several", allow_abbrev=False
    )
    baseline.add_argument("runs", type=Path, nargs="+", metavar="OUT", help="output folders of runs of one suite")
    baseline.add_argument("-o", "--output", type=Path, metavar="FILE", help="default reports/baselines/SUITE.json")
    baseline.set_defaults(command=_baseline)

    compare = verbs.add_parser(
        "compare",
        parents=[plugin, as_json],
        help="two runs side by side, cell by cell and method by method",
        allow_abbrev=False,
    )
    compare.add_argument("first", type=Path, metavar="OUT_A")
    compare.add_argument("second", type=Path, metavar="OUT_B")
    compare.add_argument("--csv", type=Path, metavar="FILE", help="write the table as CSV")
    compare.set_defaults(command=_compare)

    _analyze_parser(verbs, [plugin, as_json])

    listing = verbs.add_parser("ls", parents=[plugin, as_json], help="list what can be named", allow_abbrev=False)
    listing.add_argument("what", choices=("benchmarks", "methods", "suites"))
    listing.set_defaults(command=_ls)

    importing = verbs.add_parser(
        "import", parents=[as_json], help="make a benchmark of a CSV or Parquet file", allow_abbrev=False
    )
    importing.add_argument("file", metavar="FILE", help="a file, looked for here and then in $NAS_HARNESS_DATA")
    importing.add_argument("--name", required=True, help="the benchmark's name from now on, e.g. nasbench201/cifar10")
    importing.add_argument("--space", required=True, help="space that the architectures' texts belong to")
    importing.add_argument("--arch", required=True, metavar="COL", help="column of the architecture's text")
    importing.add_argument(
        "--valid", required=True, metavar="COL", help="column of the validation score, which drives a search"
    )
    importing.add_argument("--test", required=True, metavar="COL", help="column of the test score, which is reported")
    importing.add_argument("--cost", metavar="COL", help="column of simulated seconds an evaluation")
    importing.add_argument(
        "--weights", metavar="COL", help="column of the measure of random architectures (default: every row once)"
    )
    importing.add_argument(
        "--extra", action="append", default=[], metavar="NAME=COL", help="further column to carry along"
    )
    importing.add_argument("--unit", help="percent, fraction, loss or none (default: told from the values)")
    importing.add_argument("--metric", default="accuracy", help="what the scores measure (default accuracy)")
    importing.add_argument("--direction", default="max", help="max if larger is better (default), or min")
    importing.add_argument("--licence", default="not stated", help="licence of the data, for the table's card")
    importing.add_argument("--replace", action="store_true", help="replace a benchmark of the same name")
    importing.set_defaults(command=_import)

    elsewhere = verbs.add_parser(
        "import-results",
        parents=[as_json],
        help="report final scores that this harness did not produce",
        allow_abbrev=False,
    )
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
    elsewhere.add_argument("--paired", action="store_true", help="equal seeds share noise: compare seed by seed")
    elsewhere.set_defaults(command=_import_results)

    doctor = verbs.add_parser(
        "doctor", parents=[plugin, as_json], help="check this installation, or a benchmark", allow_abbrev=False
    )
    doctor.add_argument("--benchmark", metavar="B", help="audit this benchmark")
    doctor.set_defaults(command=_doctor)
    return parser


def _analyze_parser(verbs: Any, parents: list[argparse.ArgumentParser]) -> None:
    analyze = verbs.add_parser("analyze", help="a statistic of a run, a table or published curves", allow_abbrev=False)
    what = analyze.add_subparsers(title="analyses", metavar="ANALYSIS", required=True)
    csv = _Parser(add_help=False)
    csv.add_argument("--csv", type=Path, metavar="FILE", help="write the table as CSV")
    random = _Parser(add_help=False)
    random.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the random numbers (default 0)")

    def add(name: str, command: Callable[[argparse.Namespace], int], help: str, *more: Any) -> Any:
        parser = what.add_parser(name, parents=[*parents, csv, *more], help=help, allow_abbrev=False)
        parser.set_defaults(command=command)
        return parser

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

    wide = add("wide-shallow", _analyze_wide_shallow, "do wide and shallow cells converge faster? (Shu et al.)", random)
    wide.add_argument("genotypes", type=Path, metavar="GENOTYPES.json", help="genotypes of the DARTS space")
    wide.add_argument("curves", type=Path, metavar="CURVES.npz", help="accuracies (architectures, epochs)")
    wide.add_argument("--epoch", type=int, action="append", metavar="E", help="default 25, 50, 100 and 600")
    wide.add_argument("--window", type=int, default=20, metavar="W", help="epochs averaged (default 20)")
    wide.add_argument("--bootstrap", type=int, default=1000, metavar="N", help="resamples (default 1000)")


def _volume(parser: argparse.ArgumentParser) -> None:
    volume = parser.add_mutually_exclusive_group()
    volume.add_argument("-q", "--quiet", action="store_true", help="no progress")
    volume.add_argument("-v", "--verbose", action="store_true", help="print the traceback of failed cells")


def _version() -> str:
    from harness.provenance import code_version

    return f"nas-harness {code_version()}"


def _suite(options: argparse.Namespace) -> Suite:
    """The suite of the command line: a file, a name, or one made on the spot."""
    from harness.suite import load_suite, spot_suite

    on_the_spot = {
        key: getattr(options, key) for key in ("benchmark", "method", "budget") if getattr(options, key) is not None
    }
    if options.suite is not None:
        if on_the_spot:
            raise HarnessError(
                f"--{next(iter(on_the_spot))} makes a suite on the spot; with {options.suite!r} use --set instead"
            )
        return load_suite(options.suite, options.overrides, options.seeds)
    if not options.benchmark or not options.method:
        raise HarnessError("wanted a suite (see: nas-harness ls suites), or both --benchmark and --method")
    return spot_suite(
        options.benchmark,
        options.method,
        100 if options.budget is None else options.budget,
        "0:100" if options.seeds is None else options.seeds,
        options.overrides,
    )


def _output(options: argparse.Namespace, suite: Suite) -> Path:
    return options.output if options.output is not None else Path("reports") / suite.name


def _run(options: argparse.Namespace) -> int:
    from harness.runner import run_suite

    suite = _suite(options)
    output = _output(options, suite)
    result = run_suite(
        suite,
        output,
        jobs=options.jobs,
        backend=options.backend,
        scheduler=options.scheduler,
        lockstep=not options.one_by_one,
        progress=not options.quiet,
    )
    page = None
    if not options.no_report:
        from harness.reporting import build_report

        build_report(output)
        page = output / "report" / "index.html"
    failed = result.records[result.records["status"] != "ok"]
    for record in failed.itertuples():
        last = str(record.error).strip().splitlines()[-1]
        print(f"nas-harness: failed: {record.benchmark} {record.label} seed {record.seed}: {last}", file=sys.stderr)
        if options.verbose:
            print(record.error, file=sys.stderr)
    summary = {
        "suite": suite.name,
        "output": str(output),
        "cells": len(result.records),
        "run": result.n_run,
        "kept": result.n_kept,
        "failed": result.n_failed,
        "report": str(page) if page else None,
    }
    _print(
        options,
        summary,
        f"{suite.name}: {len(result.records)} cells in {output}: {result.n_run} run, {result.n_kept} kept, "
        f"{result.n_failed} failed" + (f"\nreport: {page}" if page else ""),
    )
    return FAILED if result.n_failed else OK


def _plan(options: argparse.Namespace) -> int:
    from harness.planning import plan

    suite = _suite(options)
    found = plan(suite, _output(options, suite), options.jobs)
    lines = [f"{suite.name}: {found.cells} cells, {found.done} done, {found.missing} missing"]
    lines += [
        f"  {group.benchmark}  {group.method.label}  {group.budget.amount} {group.budget.kind}: {count} missing"
        for group, count in found.groups
    ]
    lines += [f"estimated time: {found.seconds:.0f} s on {found.workers} worker(s), {found.basis}"]
    _print(options, found.as_json(), "\n".join(lines))
    return OK


def _status(options: argparse.Namespace) -> int:
    from harness.planning import status

    found = status(options.run)
    _print(
        options,
        found,
        f"{found['suite']}: {found['done']} of {found['cells']} cells done, {found['failed']} failed, {found['missing']} missing",
    )
    return OK


def _report(options: argparse.Namespace) -> int:
    from harness.reporting import build_report

    build_report(options.run, options.output)
    page = (options.output or options.run / "report") / "index.html"
    _print(options, {"report": str(page)}, f"report: {page}")
    return OK


def _check(options: argparse.Namespace) -> int:
    from harness.regression import baseline, outputs
    from harness.regression.check import check

    result = check(
        options.run,
        baseline.load(options.against),
        rerun=not options.no_rerun,
        strict=options.strict,
        timings=options.timings,
        jobs=options.jobs,
    )
    if options.junit:
        outputs.write_junit(result, options.junit)
    _print(options, outputs.as_json(result), outputs.text(result))
    if outputs.on_github():
        for line in outputs.github(result):
            print(line, file=sys.stderr)
    return outputs.exit_code(result)


def _baseline(options: argparse.Namespace) -> int:
    from harness.regression import baseline

    made = baseline.merged([baseline.cells_of_run(run) for run in options.runs])
    path = options.output or Path("reports") / "baselines" / f"{made.name}.json"
    baseline.save(made, path)
    seeds = sorted({len(cell.seeds) for cell in made.cells.values()})
    text = f"{path}: {len(made.cells)} cells of {' or '.join(map(str, seeds))} seeds"
    _print(options, {"baseline": str(path), "cells": len(made.cells), "seeds": seeds}, text)
    return OK


def _compare(options: argparse.Namespace) -> int:
    from harness.regression.compare import compare

    frame = compare(options.first, options.second)
    if options.csv:
        from harness.records import write_whole

        write_whole(options.csv, frame.to_csv(index=False).encode())
    _print(options, json.loads(frame.to_json(orient="records")), frame.to_string(index=False, float_format="%.4g"))
    return OK


def _ls(options: argparse.Namespace) -> int:
    from harness.listing import describe

    rows = describe(options.what)
    width = max((len(row["name"]) for row in rows), default=0)
    _print(options, rows, "\n".join(f"{row['name']:<{width}}  {row['about']}".rstrip() for row in rows))
    return OK


def _import(options: argparse.Namespace) -> int:
    from harness.tabular.frame import import_file

    extra = {}
    for item in options.extra:
        key, separator, column = item.partition("=")
        if not separator:
            raise HarnessError(f"--extra {item}: wanted NAME=COLUMN")
        extra[key] = column
    table = import_file(
        options.file,
        options.name,
        options.space,
        replace=options.replace,
        licence=options.licence,
        arch=options.arch,
        valid=options.valid,
        test=options.test,
        cost=options.cost,
        weights=options.weights,
        extra=extra,
        unit=options.unit,
        metric=options.metric,
        direction=options.direction,
    )
    _print(
        options,
        table.describe() | {"sha256": table.sha256},
        f"{table.name}: {len(table):,} architectures, {table.metric} in {table.unit}; "
        f"{options.valid} drives a search, {options.test} is reported",
    )
    return OK


def _analyze_seeds(options: argparse.Namespace) -> int:
    from harness.analysis import plan_seeds

    return _print_tables(options, seeds=plan_seeds(options.run, options.detect, options.power, options.level))


def _analyze_ranking(options: argparse.Namespace) -> int:
    from harness.analysis import ranking

    top = options.top or (10, 100)
    return _print_tables(options, ranking=ranking(options.benchmark, _rng(options), top, options.bootstrap))


def _analyze_lottery(options: argparse.Namespace) -> int:
    from harness.analysis import lottery

    return _print_tables(options, lottery=lottery(options.run))


def _analyze_pairs(options: argparse.Namespace) -> int:
    from harness.analysis import compare_pairs

    found = compare_pairs(options.run, _rng(options), options.rope)
    tables = {"pairs": found.tests, "over_datasets": found.over_datasets, "ranks": found.ranks}
    return _print_tables(options, found.notes, **tables)


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
    from harness.records import write_whole

    shown = {name: table for name, table in tables.items() if len(table)}
    for place, (name, table) in enumerate(shown.items() if options.csv else ()):
        path = options.csv.with_stem(f"{options.csv.stem}.{name}") if place else options.csv
        write_whole(path, table.to_csv(index=False, lineterminator="\n").encode())
    for note in notes:
        print(f"nas-harness: note: {note}", file=sys.stderr)
    value = {name: json.loads(table.to_json(orient="records")) for name, table in shown.items()} | {"notes": [*notes]}
    text = "\n\n".join(table.to_string(index=False, float_format="%.4g", na_rep="-") for table in shown.values())
    _print(options, value, text)
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
    )
    for fault in made.faults:
        print(f"nas-harness: warning: {fault}", file=sys.stderr)
    page = made.folder / "index.html"
    table = json.loads(made.table.to_json(orient="records"))
    faults = [{"kind": fault.kind, "what": fault.what} for fault in made.faults]
    summary = {"report": str(page), "relative_improvement": table, "faults": faults}
    _print(options, summary, "\n".join([*made.answer, f"report: {page}"]))
    return OK


def _doctor(options: argparse.Namespace) -> int:
    from harness.doctor import check_benchmark_table, check_installation

    findings = check_benchmark_table(options.benchmark) if options.benchmark else check_installation()
    _print(options, [finding.as_json() for finding in findings], "\n".join(str(finding) for finding in findings))
    return FAILED if any(finding.verdict == "bad" for finding in findings) else OK


def _print(options: argparse.Namespace, value: Any, text: str) -> None:
    print(json.dumps(value, indent=1) if options.json else text)


if __name__ == "__main__":
    sys.exit(main())
