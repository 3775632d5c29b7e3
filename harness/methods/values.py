"""Whether a value is one that a parameter's type hint takes."""

from __future__ import annotations

import contextlib
import types
import typing
from typing import Any

from harness.errors import HarnessError


def checked(where: str, value: Any, hint: Any) -> Any:
    """The value as a parameter of this type hint takes it: lists and tuples entry by entry, whole numbers for floats too.

    Raises
    ------
    HarnessError
        If it is of another type; the message begins with `where`.
    """
    origin, kinds = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        for kind in sorted(kinds, key=lambda kind: type(value) is not kind):
            with contextlib.suppress(HarnessError):
                return checked(where, value, kind)
    elif origin is typing.Literal:
        if value in kinds and type(value) in map(type, kinds):
            return value
    elif origin in (list, tuple):
        if isinstance(value, list | tuple):
            every = kinds[:1] * len(value) if origin is list or kinds[1:] == (...,) else kinds
            if len(every) == len(value):
                entries = enumerate(zip(value, every, strict=True), start=1)
                return origin(checked(f"{where}, entry {place}", *pair) for place, pair in entries)
    elif hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    else:
        kind = origin or hint
        # bool is an int to Python, but `population = true` is a mistake.
        if (
            hint is Any
            or not isinstance(kind, type)
            or (isinstance(value, kind) and (kind is bool or not isinstance(value, bool)))
        ):
            return value
    raise HarnessError(f"{where}: wanted {_named(hint)}, not {value!r}")


def _named(hint: Any) -> str:
    origin, kinds = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(map(_named, kinds))
    if origin is typing.Literal:
        return " or ".join(map(repr, kinds))
    if hint is type(None):
        return "None"
    return hint.__name__ if not kinds or Any in kinds else str(hint).replace("typing.", "")
