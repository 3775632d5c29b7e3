"""What the verbs share: the parser, options that several of them take, exit codes, printing."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from harness.cli.examples import EXAMPLES

if TYPE_CHECKING:
    import pandas as pd

OK, FAILED, USAGE, INCONCLUSIVE, INTERRUPTED = 0, 1, 2, 3, 130

Command = Callable[[argparse.Namespace], int]


class Parser(argparse.ArgumentParser):
    """An argument parser that says what is wrong in one line, without the whole usage before it."""

    def error(self, message: str) -> NoReturn:
        """Print the line and exit."""
        self.exit(USAGE, f"{self.prog}: error: {' '.join(message.split())}; see {self.prog} --help\n")


def option_group(add: Callable[[Parser], None]) -> Parser:
    """Options that several verbs take, for their ``parents``."""
    parser = Parser(add_help=False)
    add(parser)
    return parser


def _plugin(parser: Parser) -> None:
    parser.add_argument(
        "--plugin",
        action="append",
        default=[],
        metavar="FILE",
        help="Python file that registers methods, benchmarks, images or cell spaces",
    )


def _as_json(parser: Parser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON on standard output")


PLUGIN, AS_JSON = option_group(_plugin), option_group(_as_json)


def add_verb(verbs: Any, name: str, command: Command, help: str, *parents: Parser, **more: Any) -> Parser:
    """Add a verb that calls `command`; its help ends with its example."""
    texts = {"help": help, "description": help, "epilog": f"example: {EXAMPLES[name]}"} | more
    parser: Parser = verbs.add_parser(name, parents=list(parents), allow_abbrev=False, **texts)
    parser.set_defaults(command=command)
    return parser


def add_run_folder(parser: argparse.ArgumentParser) -> None:
    """The positional argument OUT."""
    parser.add_argument("run", type=Path, metavar="OUT", help="output folder of a run")


def rows_of(table: pd.DataFrame) -> Any:
    """The rows of a table for `print_result`, as plain JSON values."""
    return json.loads(table.to_json(orient="records"))


def print_result(options: argparse.Namespace, value: Any, text: str) -> None:
    """Print JSON if that was asked for, else the text, on standard output, where nothing else is printed."""
    print(json.dumps(value, indent=1) if options.json else text, file=options.stdout)
