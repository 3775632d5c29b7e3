"""Errors that a user can mend: one line that says what is wrong, where, and what would be right."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any


class HarnessError(Exception):
    """A wrong input or an unusable file. The command line prints its one line and exits with 2."""


class RunError(HarnessError):
    """A run had to stop (the disk is full, a worker was killed): what is finished is kept. Exit code 1."""


class BudgetExhausted(HarnessError):
    """`Problem.evaluate` was called after the budget had been spent."""


def first_line(error: Exception) -> str:
    """First line of what an exception says, or its type where it says nothing."""
    return (str(error) or type(error).__name__).splitlines()[0]


def reason_of(error: Exception) -> str:
    """As `first_line`; of a `KeyError`, which says nothing but the key, that there is no such key."""
    return f"no {error}" if isinstance(error, KeyError) else first_line(error)


def differences(there: Mapping[str, Any], here: Mapping[str, Any], where: str = "") -> list[str]:
    """Say in which values two nested mappings differ, a text each, by dotted key; `where` stands before the keys."""
    found: list[str] = []
    for key in sorted({*there, *here}):
        old, new = there.get(key), here.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            found += differences(old, new, f"{where}{key}.")
        elif old != new or (key in there) != (key in here):
            texts = [repr(side[key]) if key in side else "nothing" for side in (there, here)]
            found.append(f"{where}{key} {texts[0]} there, {texts[1]} here")
    return found


def printable(text: str) -> str:
    """A text that any file takes: bytes of a file's name that are not UTF-8 are spelled out."""
    return text.encode("utf-8", "backslashreplace").decode()


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
    # Of a name such as nasbench-graph/cora people write the end.
    ends = [valid for valid in names if valid.rpartition("/")[2] == name or valid.endswith(f"-{name}")]
    near = ends[:3] or difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(repr(n) for n in near)}? " if near else ""
    place = f"{where}: " if where else ""
    return HarnessError(f"{place}unknown {kind} {name!r}; {hint}valid: {', '.join(names) or 'none'}")
