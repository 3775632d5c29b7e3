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

    listing = verbs.add_parser("ls", parents=[plugin, as_json], help="list what can be named", allow_abbrev=False)
    listing.add_argument("what", choices=("benchmarks", "methods", "suites"))
    listing.set_defaults(command=_ls)

    importing = verbs.add_parser(
        "import",
        parents=[as_json],
        help="make benchmarks of a published file, or one of a CSV or Parquet file",
        description="A published file needs no options. Of a CSV or Parquet file, say its name, space and columns.",
        allow_abbrev=False,
    )
    importing.add_argument(
        "file", metavar="FILE", help="a file or folder, looked for here and then in $NAS_HARNESS_DATA"
    )
    importing.add_argument(
        "--training-seed", type=int, metavar="S", help="this training seed instead of the mean of all"
    )
    importing.add_argument("--replace", action="store_true", help="replace benchmarks of the same names")
    importing.add_argument("-q", "--quiet", action="store_true", help="no progress")
    importing.add_argument("--valid", metavar="COL", help="column of the validation score, which drives a search")
    importing.add_argument("--test", metavar="COL", help="column of the test score, which is reported")
    own = importing.add_argument_group("a CSV or Parquet file")
    own.add_argument("--name", help="the benchmark's name from now on, e.g. nasbench201/cifar10")
    own.add_argument("--space", help="space that the architectures' texts belong to")
    own.add_argument("--arch", metavar="COL", help="column of the architecture's text")
    own.add_argument("--cost", metavar="COL", help="column of simulated seconds an evaluation")
    own.add_argument(
        "--weights", metavar="COL", help="column of the measure of random architectures (default: every row once)"
    )
    own.add_argument("--extra", action="append", default=[], metavar="NAME=COL", help="further column to carry along")
    own.add_argument("--unit", help="percent, fraction, loss or none (default: told from the values)")
    own.add_argument("--metric", default="accuracy", help="what the scores measure (default accuracy)")
    own.add_argument("--direction", default="max", help="max if larger is better (default), or min")
    own.add_argument("--licence", default="not stated", help="licence of the data, for the table's card")
    importing.set_defaults(command=_import)

    doctor = verbs.add_parser(
        "doctor", parents=[plugin, as_json], help="check this installation, or a benchmark", allow_abbrev=False
    )
    doctor.add_argument("--benchmark", metavar="B", help="audit this benchmark")
    doctor.set_defaults(command=_doctor)
    return parser


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
    columns = {key: getattr(options, key) for key in ("name", "space", "arch", "valid", "test")}
    if not any(columns[key] for key in ("name", "space", "arch")):
        return _import_published(options)
    if missing := [f"--{key}" for key, value in columns.items() if value is None]:
        raise HarnessError(f"a table of your own needs {', '.join(missing)} too")
    if options.training_seed is not None:
        raise HarnessError("--training-seed is for published files; a table of your own names its columns")
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


def _import_published(options: argparse.Namespace) -> int:
    from harness.tabular.importing import import_published

    names = import_published(
        options.file,
        seed=options.training_seed,
        valid=options.valid,
        test=options.test,
        replace=options.replace,
        progress=not options.quiet,
    )
    from harness.tabular.store import card_of

    cards = [card_of(name) for name in names]
    lines = [
        f"{card['name']}: {card['rows']:,} architectures, {card['metric']} in {card['unit']}, "
        f"searched by {card['fidelity']['valid']}, reported by {card['fidelity']['test']}"
        for card in cards
    ]
    _print(options, cards, "\n".join(lines))
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
