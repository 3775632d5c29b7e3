"""Verbs on benchmarks and on the installation: ls, import, doctor."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from harness.cli.common import AS_JSON, FAILED, OK, PLUGIN, add_verb, print_result
from harness.errors import HarnessError

if TYPE_CHECKING:
    from harness.tabular.table import Table


def add_verbs(verbs: Any) -> None:
    """Add them to the command line."""
    listing = add_verb(verbs, "ls", _ls, "list what can be named", PLUGIN, AS_JSON)
    listing.add_argument("what", choices=("benchmarks", "methods", "suites", "published"))

    importing = add_verb(
        verbs,
        "import",
        _import,
        "make benchmarks of a published file, or one of a CSV or Parquet file",
        AS_JSON,
        description="A published file needs no options. Of a CSV or Parquet file, say its name, space and columns.",
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

    doctor = add_verb(verbs, "doctor", _doctor, "check this installation, or a benchmark", PLUGIN, AS_JSON)
    doctor.add_argument("--benchmark", metavar="B", help="audit this benchmark")


def _ls(options: argparse.Namespace) -> int:
    from harness.listing import describe

    rows = describe(options.what)
    keys = list(rows[0]) if rows else []
    table = [[key.replace("_", " ") for key in keys], *([row[key] or "-" for key in keys] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = ["  ".join(f"{text:<{width}}" for text, width in zip(line, widths, strict=True)).rstrip() for line in table]
    print_result(options, rows, "\n".join(lines))
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
    _warn_of_leaks(table)
    print_result(
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
    from harness.tabular.catalogue import load_benchmark
    from harness.tabular.store import card_of

    for name in names:
        _warn_of_leaks(load_benchmark(name))
    cards = [card_of(name) for name in names]
    lines = [
        f"{card['name']}: {card['rows']:,} architectures, {card['metric']} in {card['unit']}, "
        f"searched by {card['fidelity']['valid']}, reported by {card['fidelity']['test']}"
        for card in cards
    ]
    print_result(options, cards, "\n".join(lines))
    return OK


def _warn_of_leaks(table: Table) -> None:
    from harness.doctor import leaks

    for finding in leaks(table):
        if finding.verdict == "bad":
            print(f"nas-harness: warning: {table.name}: {finding.what}", file=sys.stderr)


def _doctor(options: argparse.Namespace) -> int:
    from harness.doctor import check_benchmark_table, check_installation

    findings = check_benchmark_table(options.benchmark) if options.benchmark else check_installation()
    print_result(options, [finding.as_json() for finding in findings], "\n".join(str(finding) for finding in findings))
    return FAILED if any(finding.verdict == "bad" for finding in findings) else OK
