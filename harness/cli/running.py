"""Verbs on runs: run, plan, status, report, protocol."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.cli import screen
from harness.cli.common import (
    AS_JSON,
    FAILED,
    INCONCLUSIVE,
    OK,
    PLUGIN,
    Parser,
    add_run_folder,
    add_verb,
    option_group,
    print_result,
    rows_of,
)
from harness.errors import HarnessError

if TYPE_CHECKING:
    from harness.claims.decided import Decided
    from harness.reporting.build import Report
    from harness.running.shards import Shard
    from harness.suites.suite import Suite


def add_verbs(verbs: Any) -> None:
    """Add them to the command line."""
    suite = option_group(_suite_options)
    run = add_verb(verbs, "run", _run, "run a suite, or what is missing of it, and report", suite, PLUGIN, AS_JSON)
    run.add_argument(
        "--backend", default="loky", metavar="NAME", help="loky (processes, the default), threading, sequential or dask"
    )
    run.add_argument("--scheduler", metavar="ADDRESS", help="address of the Dask scheduler, tcp://host:port")
    run.add_argument(
        "--one-by-one", action="store_true", help="do not advance many seeds at once (same records, slower)"
    )
    kept = run.add_mutually_exclusive_group()
    kept.add_argument(
        "--adopt",
        action="store_true",
        help="keep cells that other code has run where one seed a group, run again, gives the same result to the bit",
    )
    kept.add_argument("--fresh", action="store_true", help="run all cells, whatever is there")
    run.add_argument(
        "--shard", metavar="I/N", help="run the I-th of N parts of the suite, for `nas-harness merge`; makes no report"
    )
    run.add_argument(
        "--timeout", type=float, metavar="S", help="seconds after which a cell has failed and the others go on"
    )
    until = "add seeds, in growing batches, until each method is told from random search; wants --max-seeds"
    run.add_argument("--until", choices=["decided"], help=until)
    run.add_argument("--max-seeds", type=int, metavar="N", help="seeds at most, with --until decided")
    run.add_argument("--no-report", action="store_true", help="stop when the records are there")
    volume = run.add_mutually_exclusive_group()
    volume.add_argument("-q", "--quiet", action="store_true", help="no progress")
    volume.add_argument("-v", "--verbose", action="store_true", help="print the traceback of failed cells")

    add_verb(verbs, "plan", _plan, "say what a run would do, and how long it would take", suite, PLUGIN, AS_JSON)
    status = add_verb(verbs, "status", _status, "say how far a run is, or several shards of one", AS_JSON)
    status.add_argument("runs", type=Path, nargs="+", metavar="OUT", help="output folder of a run or shard")
    report = add_verb(verbs, "report", _report, "make the report of a run again", PLUGIN, AS_JSON)
    add_run_folder(report)
    report.add_argument("-o", "--output", type=Path, metavar="DIR", help="folder of the report (default OUT/report)")
    help = "train some architectures again: what a random draw costs here, beside the searches of a one-shot run"
    price = add_verb(verbs, "price", _price, help, PLUGIN, AS_JSON)
    add_run_folder(price)
    price.add_argument(
        "--architectures", type=int, default=20, metavar="N", help="how many, drawn at random (default 20)"
    )
    report.add_argument(
        "--format",
        metavar="KINDS",
        help="some of html, md, latex, csv, svg, png and pdf, comma-separated (default: all but png and pdf)",
    )
    report.add_argument("--partial", action="store_true", help="report what is there of a run that is not finished")
    help = "train what a live run found again under a ladder of recipes: how much is protocol, how much architecture?"
    protocol = add_verb(verbs, "protocol", _protocol, help, PLUGIN, AS_JSON)
    add_run_folder(protocol)
    protocol.add_argument(
        "-j", "--jobs", type=int, default=-1, metavar="N", help="workers; -1, the default, is one a core"
    )
    protocol.add_argument("--repeats", type=int, default=3, metavar="N", help="trainings of each (default 3)")
    protocol.add_argument("--epochs", type=int, metavar="N", help="epochs of each training (default: the run's own)")
    protocol.add_argument(
        "--method", action="append", metavar="LABEL", help="train this method's architectures (default: all methods')"
    )
    protocol.add_argument(
        "--architectures",
        type=int,
        metavar="N",
        help="at most so many of each method and seed (default: all; only random and given architectures may be several)",
    )
    protocol.add_argument("-q", "--quiet", action="store_true", help="no progress")


def _suite_options(suite: Parser) -> None:
    suite.add_argument(
        "suite",
        nargs="?",
        metavar="SUITE",
        help="name or TOML file of a suite (see: nas-harness ls suites), or output folder of a run",
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
        "--budget",
        metavar="[KIND=]N",
        help="instead of a suite: evaluations of a search (default 100), or epochs=N or simulated_s=N",
    )
    suite.add_argument("--part", metavar="dev|test", help="this part of the suite's benchmarks only")
    suite.add_argument("--seeds", metavar="A:B", help="seeds, half open, e.g. 0:30")
    suite.add_argument(
        "--set",
        action="append",
        default=[],
        dest="overrides",
        metavar="KEY=VALUE",
        help="change a key of the suite, e.g. budgets.evaluations=50",
    )
    suite.add_argument(
        "--device",
        metavar="NAME",
        help="where live benchmarks compute: cpu (default), cuda or cuda:NUMBER, as the suite's key device",
    )
    suite.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="DIR",
        help="output folder (default reports/SUITE, unless that holds another comparison)",
    )
    suite.add_argument(
        "-j", "--jobs", type=int, default=-1, metavar="N", help="workers; -1, the default, is one a core"
    )


def _suite(options: argparse.Namespace) -> Suite:
    """The suite of the command line: a file, a name, or one made on the spot."""
    from harness.running.again import read_suite
    from harness.suites.reading import spot_suite

    overrides = options.overrides + ([f"device={options.device}"] if options.device is not None else [])
    on_the_spot = {
        key: getattr(options, key) for key in ("benchmark", "method", "budget") if getattr(options, key) is not None
    }
    if options.suite is not None:
        if on_the_spot:
            raise HarnessError(
                f"--{next(iter(on_the_spot))} makes a suite on the spot; with {options.suite!r} use --set instead"
            )
        return read_suite(options.suite, overrides, options.seeds, options.plugin, options.part)
    if options.part is not None:
        raise HarnessError("--part: a suite made on the spot has no parts; name its benchmarks with --benchmark")
    if not options.benchmark or not options.method:
        raise HarnessError("wanted a suite (see: nas-harness ls suites), or both --benchmark and --method")
    return spot_suite(
        options.benchmark,
        options.method,
        100 if options.budget is None else options.budget,
        "0:100" if options.seeds is None else options.seeds,
        overrides,
    )


def _output(options: argparse.Namespace, suite: Suite, shard: Shard | None = None) -> Path:
    """The output folder: as asked, that of the run that is named, or called after the suite if that holds no other one."""
    from harness.running.again import resolved_suite
    from harness.running.planning import check_goes_on

    if options.output is not None:
        return options.output
    if shard is not None:
        return Path("reports") / f"{suite.name}.shards" / f"{shard.number}-of-{shard.count}"
    if options.suite is not None and Path(options.suite).is_dir() and resolved_suite(options.suite):
        return Path(options.suite)
    output = Path("reports") / suite.name
    check_goes_on(suite, output)
    return output


def _run(options: argparse.Namespace) -> int:
    from harness.running.runner import run_suite
    from harness.running.shards import parse_shard

    shard = None if options.shard is None else parse_shard(options.shard)
    if (options.until is None) != (options.max_seeds is None):
        raise HarnessError("--until decided and --max-seeds N go together")
    if options.until is not None and shard is not None:
        raise HarnessError("--until decided looks at all of a suite; leave out --shard")
    suite = _suite(options)
    output = _output(options, suite, shard)
    how = {
        "jobs": options.jobs,
        "backend": options.backend,
        "scheduler": options.scheduler,
        "lockstep": not options.one_by_one,
        "adopt": options.adopt,
        "fresh": options.fresh,
        "timeout": options.timeout,
        "progress": not options.quiet,
    }
    decided = None
    if options.until is None:
        result = run_suite(suite, output, shard=shard, **how)
    else:
        from harness.claims.decided import run_until_decided

        decided = run_until_decided(suite, output, options.max_seeds, **how)
        result = decided.result
    page, report = None, None
    if not options.no_report and shard is None:
        from harness.reporting import build_report

        if not options.quiet:
            print(f"{suite.name}: writing the report", file=sys.stderr)
        report = build_report(output)
        page = output / "report" / "index.html"
    failed = result.records[result.records["status"] == "failed"]
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
        "adopted": result.n_adopted,
        "failed": result.n_failed,
        "report": str(page) if page else None,
        "answer": list(report.answer) if report and decided is None else [],
    }
    if decided is not None:
        summary["decided"] = decided.as_json()
    # The report's own answer is by tests of a fixed number of seeds.
    told = "" if decided is None else f"\n\n{_comparisons(options, decided)}"
    if report is not None:
        told += f"\n{_answer(options, report) if decided is None else ''}report: {page}"
    print_result(
        options,
        summary,
        f"{suite.name}: {len(result.records)} cells{f' of shard {shard}' if shard else ''} in {output}: {result.n_run} run, "
        f"{result.n_kept} kept"
        f"{f' ({result.n_adopted} of them adopted)' if result.n_adopted else ''}, "
        f"{result.n_failed} failed" + told,
    )
    if result.n_failed:
        return FAILED
    return OK if decided is None or decided.is_decided else INCONCLUSIVE


def _comparisons(options: argparse.Namespace, decided: Decided) -> str:
    """The table of a run until decided, and how many comparisons have which verdict."""
    columns = ["benchmark", "method", "baseline", "verdict", "seeds", "unit", "estimate", "low", "high", "note"]
    return f"{screen.frame(options.stdout, decided.frame[columns])}\n\n{decided.summary}, {len(decided.seeds)} seeds"


def _plan(options: argparse.Namespace) -> int:
    from harness.running.planning import plan

    suite = _suite(options)
    found = plan(suite, _output(options, suite), options.jobs)
    lines = [f"{suite.name}: {found.cells} cells, {found.done} done, {found.missing} missing"]
    lines += [
        f"  {group.benchmark}  {group.method.label}  {group.budget.amount} {group.budget.kind}: {count} missing"
        for group, count in found.groups
    ]
    if found.older:
        lines[0] += f", {found.older} of them run by other code (run --adopt may keep those)"
    lines += [f"note: {note}" for note in found.notes]
    lines += [f"estimated time: {found.seconds:.0f} s on {found.workers} worker(s), {found.basis}"]
    print_result(options, found.as_json(), "\n".join(lines))
    return OK


def _status(options: argparse.Namespace) -> int:
    from harness.running.planning import status

    found = status(options.runs)
    lines = [f"{found['suite']}: {_said(found)}"]
    lines += [f"  {', '.join([one['folder'], *one['shards']])}: {_said(one)}" for one in found.get("folders", [])]
    if found.get("missing_shards") and len(options.runs) > 1:
        lines += [f"shards with missing cells: {', '.join(found['missing_shards'])}"]
    print_result(options, found, "\n".join(lines))
    return OK


def _said(counts: Mapping[str, Any]) -> str:
    return f"{counts['done']} of {counts['cells']} cells done, {counts['failed']} failed, {counts['missing']} missing"


def _report(options: argparse.Namespace) -> int:
    from harness.reporting import build_report

    kinds = {} if options.format is None else {"formats": [kind.strip() for kind in options.format.split(",")]}
    report = build_report(options.run, options.output, partial=options.partial, **kinds)
    for warning in report.warnings:
        print(f"nas-harness: warning: {warning}", file=sys.stderr)
    page = report.folder / "index.html" if report.folder / "index.html" in report.files else report.folder
    print_result(
        options, {"report": str(page), "answer": list(report.answer)}, f"{_answer(options, report)}report: {page}"
    )
    return OK


def _answer(options: argparse.Namespace, report: Report) -> str:
    """The table that a report opens with, between empty lines."""
    return "" if report.headline is None else f"\n{screen.block(options.stdout, report.headline)}\n\n"


def _price(options: argparse.Namespace) -> int:
    from harness.running.price import price

    found = price(options.run, options.architectures)
    lines = [
        f"{name}: a training takes {one['training_s']:.3g} processor seconds here, {one['factor']:.3g} times what its table says "
        f"(by {one['architectures']} architectures); {one['trainings']} a random draw"
        for name, one in found.items()
    ]
    print_result(options, found, "\n".join(lines))
    return OK


def _protocol(options: argparse.Namespace) -> int:
    from harness.running.ladder import climb, protocol

    climb(
        options.run,
        options.jobs,
        repeats=options.repeats,
        epochs=options.epochs,
        methods=options.method,
        architectures=options.architectures,
        progress=not options.quiet,
    )
    table = protocol(options.run)
    print_result(options, rows_of(table), screen.frame(options.stdout, table))
    return OK
