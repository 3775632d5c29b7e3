"""Verbs that make a run of others: repeat."""

from __future__ import annotations

import argparse
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
