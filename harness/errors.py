"""Errors that a user can mend: one line that says what is wrong, where, and what would be right."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class HarnessError(Exception):
    """A wrong input or an unusable file. The command line prints its one line and exits with 2."""


class RunError(HarnessError):
    """A run had to stop (the disk is full, a worker was killed): what is finished is kept. Exit code 1."""


class BudgetExhausted(HarnessError):
    """`Problem.evaluate` was called after the budget had been spent."""


def unknown_name(kind: str, name: str, valid: Iterable[str], where: str = "") -> HarnessError:
    """Say that `name` is not a valid `kind`, with the nearest valid names first and then the whole list.

    Parameters
    ----------
    kind
        What the name should have been, e.g. ``"method"``.
    name
        What was given.
    valid
        All valid names.
    where
        File or option in which it stood, put in front of the message.
    """
    names = sorted(valid)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(repr(n) for n in near)}? " if near else ""
    place = f"{where}: " if where else ""
    return HarnessError(f"{place}unknown {kind} {name!r}; {hint}valid: {', '.join(names) or 'none'}")
