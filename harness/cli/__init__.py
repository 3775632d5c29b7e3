"""The command line: parse, call, print.

Exit codes: 0 all well; 1 some cells failed, the disk filled or a worker died (what is finished is kept), a check found a
regression, a repetition differs, or a claim is contradicted; 2 wrong usage or configuration; 3 a check is inconclusive, or a
claim undecided or skipped; 130 interrupted.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from collections.abc import Sequence

from harness.cli import analysis, completion, gate, results, running, runs, tables
from harness.cli.common import FAILED, INTERRUPTED, OK, USAGE, Command, Parser
from harness.errors import HarnessError, RunError, printable

# A full disk, a full quota, a limit on the size of files, a disk that takes nothing.
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    _hold_any_letter()
    parser = make_parser()
    options = parser.parse_args(arguments)
    command: Command = options.command
    options.stdout, options.parser = sys.stdout, parser
    try:
        from harness.system import plugins

        # What plug-ins print must not stand among results.
        with contextlib.redirect_stdout(sys.stderr):
            plugins.load(getattr(options, "plugin", ()))
            code = command(options)
            options.stdout.flush()
            return code
    except HarnessError as error:
        print(f"nas-harness: error: {' '.join(str(error).split())}", file=sys.stderr)
        return FAILED if isinstance(error, RunError) else USAGE
    except KeyboardInterrupt:
        print("nas-harness: interrupted; finished cells are kept, the same command goes on", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # `nas-harness ls benchmarks | head`
        _drop_output()
        return OK
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        place = printable(os.fsdecode(error.filename)) if error.filename else "standard output"
        print(f"nas-harness: error: {place}: {error.strerror}", file=sys.stderr)
        _drop_output()
        return FAILED


def _hold_any_letter() -> None:
    """A stream that has no such letter as λ (a pipe on Windows, a terminal in ASCII) shows its number, e.g. ``\\u03bb``."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _drop_output() -> None:
    """What nobody takes any more is not tried again when Python ends."""
    with contextlib.suppress(OSError, ValueError):  # it may be no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def make_parser() -> Parser:
    """The parser of the whole command line."""
    parser = Parser(
        prog="nas-harness", description="Fair evaluation of neural architecture search.", allow_abbrev=False
    )
    parser.add_argument("-V", "--version", action="version", version=_version())
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for part in (running, runs, gate, analysis, results, tables, completion):
        part.add_verbs(verbs)
    return parser


def _version() -> str:
    from harness.system.provenance import code_version

    return f"nas-harness {code_version()}"
