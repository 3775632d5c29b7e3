"""The verb completion: what a shell needs to complete this command line."""

from __future__ import annotations

import argparse
from typing import Any

from harness.cli.common import OK, add_verb
from harness.errors import HarnessError

SHELLS = ("bash", "zsh", "tcsh")


def add_verbs(verbs: Any) -> None:
    """Add it to the command line."""
    help = "print what a shell completes this command by"
    completion = add_verb(verbs, "completion", _completion, help)
    completion.add_argument("shell", choices=SHELLS)


def _completion(options: argparse.Namespace) -> int:
    try:
        import shtab
    except ImportError as error:
        raise HarnessError(
            "completion: needs shtab, which is missing; pip install 'nas-harness[completion]'"
        ) from error
    print(shtab.complete(options.parser, options.shell), file=options.stdout)
    return OK
