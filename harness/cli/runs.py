"""Verbs that make something else of a run: repeat, reproduce, merge, export."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from harness.cli.common import AS_JSON, FAILED, OK, PLUGIN, add_run_folder, add_verb, print_result


def add_verbs(verbs: Any) -> None:
    """Add them to the command line."""
    help = "run the cells of a run again: the same (0), differs (1), or cannot (2)"
    repeat = add_verb(verbs, "repeat", _repeat, help, PLUGIN, AS_JSON)
    add_run_folder(repeat)
    repeat.add_argument("-o", "--output", type=Path, metavar="NEW", help="new folder (default OUT-repeat)")
    repeat.add_argument("--seeds", metavar="A:B", help="some of the run's seeds, half open, e.g. 0:5")
    repeat.add_argument(
        "-j", "--jobs", type=int, default=-1, metavar="N", help="workers; -1, the default, is one a core"
    )
    repeat.add_argument("-q", "--quiet", action="store_true", help="no progress")

    help = "judge a suite's claims: reproduced (0), contradicted (1), undecided or skipped (3)"
    claims = add_verb(verbs, "reproduce", _reproduce, help, PLUGIN, AS_JSON)
    claims.add_argument("suite", metavar="SUITE", help="name or TOML file of a suite with [[claims]]")
    claims.add_argument(
        "--records", type=Path, nargs="+", default=[], metavar="OUT", help="judge these kept runs, and run nothing"
    )
    claims.add_argument(
        "--until",
        choices=["decided"],
        help="run further seeds until every sequential claim is decided; wants --max-seeds",
    )
    claims.add_argument("--max-seeds", type=int, metavar="N", help="seeds at most, with --until decided")
    claims.add_argument("--seeds", metavar="A:B", help="seeds instead of the suite's, half open, e.g. 0:30")
    claims.add_argument(
        "--set", action="append", default=[], dest="overrides", metavar="KEY=VALUE", help="change a key of the suite"
    )
    claims.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="DIR",
        help="folder of the run, and of the page in it (default reports/SUITE)",
    )
    claims.add_argument(
        "-j", "--jobs", type=int, default=-1, metavar="N", help="workers; -1, the default, is one a core"
    )
    claims.add_argument("-q", "--quiet", action="store_true", help="no progress")

    merge = add_verb(verbs, "merge", _merge, "make one run of the shards of a suite", AS_JSON)
    merge.add_argument("runs", type=Path, nargs="+", metavar="OUT", help="output folder of a shard, finished or not")
    merge.add_argument("-o", "--output", type=Path, required=True, metavar="ALL", help="folder of the whole run")

    export = add_verb(verbs, "export", _export, "write a run as CSV, JSON lines or files of TensorBoard", AS_JSON)
    add_run_folder(export)
    export.add_argument("--to", required=True, metavar="FORM", help="csv, json or tensorboard")
    export.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="new folder for the files")


def _repeat(options: argparse.Namespace) -> int:
    from harness.running.repeat import repeat

    found = repeat(
        options.run,
        options.output,
        seeds=options.seeds,
        plugin=options.plugin,
        jobs=options.jobs,
        progress=not options.quiet,
    )
    print_result(options, found.as_json(), str(found))
    return OK if found.is_same else FAILED


def _reproduce(options: argparse.Namespace) -> int:
    from harness.claims.reproduce import reproduce

    found = reproduce(
        options.suite,
        options.output,
        records=options.records,
        until_decided=options.until is not None,
        max_seeds=options.max_seeds,
        overrides=options.overrides,
        seeds=options.seeds,
        jobs=options.jobs,
        progress=not options.quiet,
    )
    print_result(options, found.as_json(), f"{found}\npage: {found.folder / 'index.html'}")
    return found.exit_code


def _merge(options: argparse.Namespace) -> int:
    from harness.running.merging import merge

    found = merge(options.runs, options.output)
    for note in found.notes:
        print(f"nas-harness: note: {note}", file=sys.stderr)
    missing = found.n_wanted - found.n_cells
    lines = [
        f"{found.suite}: {found.n_cells} of {found.n_wanted} cells in {found.output}, {found.n_failed} failed, {missing} missing"
    ]
    if found.missing_shards:
        lines.append(f"shards with missing cells: {', '.join(found.missing_shards)}")
    lines.append(f"next: nas-harness report {found.output}{' --partial' if missing else ''}")
    print_result(options, found.as_json(), "\n".join(lines))
    return FAILED if found.n_failed else OK


def _export(options: argparse.Namespace) -> int:
    from harness.running.export import export

    files = [str(path) for path in export(options.run, options.output, options.to)]
    print_result(options, files, f"{len(files)} files in {options.output}")
    return OK
