"""Values of TOML files, checked by msgspec against a class whose fields say what they may be.

msgspec, and not pydantic: it is imported in a fifth of the time (0.04 s of processor time against 0.2), and its errors name one
place each.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, TypeVar

import msgspec
from msgspec import Meta

from harness.errors import HarnessError, unknown_name

T = TypeVar("T")
Texts = str | list[str]  # one text stands for a list of it
DIALECT = "https://json-schema.org/draft/2020-12/schema"
_PLACE = re.compile(r"\$\.(\w+)")


def says(text: str, description: str = "", **more: Any) -> Meta:
    """Return what a field of a shape states beside its type.

    Parameters
    ----------
    text
        What a message says behind the name of the field where its value is wrong, e.g. ``": wanted a list of texts"``.
    description
        A line for editors.
    **more
        As `msgspec.Meta` takes them.
    """
    return Meta(description=description or None, extra={"says": text}, **more)


def shaped(
    shape: type[T],
    values: Mapping[str, Any],
    where: str = "",
    called: Callable[[str], str] = str,
    *,
    exact: bool = True,
) -> T:
    """Return an object of a shape, a `msgspec.Struct` or a dataclass, made of a table's values.

    Parameters
    ----------
    shape
        What the table holds.
    values
        Its values.
    where
        What messages begin with, e.g. the file.
    called
        What a message calls the field of a key.
    exact
        Whether keys that the shape does not have are refused; else they are left out.

    Raises
    ------
    HarnessError
        If a key is unknown or missing, or a value is not what its field says.
    """
    fields = _fields(shape)  # type: ignore[arg-type]
    place = f"{where}: " if where else ""
    for key in values if exact else ():
        if key not in fields:
            raise unknown_name("key", key, fields, where)
    for key, field in fields.items():
        if field.required and key not in values:
            raise HarnessError(f"{place}{called(key)} is missing")
    try:
        return msgspec.convert(values, shape)
    except msgspec.ValidationError as error:
        found = _PLACE.search(str(error))
        if found is None:
            raise HarnessError(f"{place}{error}") from error
        key = found[1]
        raise HarnessError(f"{place}{called(key)}{_said(fields[key].type)}, not {values[key]!r}") from error


@lru_cache(maxsize=32)
def _fields(shape: type) -> Mapping[str, msgspec.inspect.Field]:
    """Fields of a shape by their keys."""
    return {field.encode_name: field for field in msgspec.inspect.type_info(shape).fields}  # type: ignore[attr-defined]


def json_schema(title: str, shape: type, *parts: type) -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of a shape; fields may refer to `parts` as ``#/$defs/NAME``."""
    _, found = msgspec.json.schema_components([shape, *parts], ref_template="#/$defs/{name}")
    for part in found.values():
        if "description" in part:
            part["description"] = part["description"].split("\n\n")[0]
    root = found.pop(shape.__name__)
    return {"$schema": DIALECT, **root, "title": title, "$defs": dict(sorted(found.items()))}


def _said(kind: msgspec.inspect.Type) -> str:
    """What a message says of a field of this kind."""
    if isinstance(kind, msgspec.inspect.Metadata) and kind.extra:
        return str(kind.extra["says"])
    return f" wants {type(kind).__name__.removesuffix('Type').lower()}"
