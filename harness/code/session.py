"""Code of an interactive session: classes and functions that stand in no file, with their source where it can be had."""

from __future__ import annotations

import ast
import dis
import inspect
import linecache
import os
import sys
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any

_PLAIN = (bool, int, float, complex, str, bytes, type(None))


def is_of_session(cls: type) -> bool:
    """Whether a class was defined in an interactive session, or by `exec`: not in the file of its module."""
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    if file is None:
        return True
    places = {function.__code__.co_filename for function in _functions(cls)}
    return any(place != file and not os.path.isfile(place) for place in places)


def definition(thing: type | FunctionType) -> ast.stmt | None:
    """Syntax tree of a class or function of a session, None if its source cannot be had.

    IPython, and the prompt of Python from 3.13 on, leave what was typed where tracebacks find it.
    """
    function = thing if isinstance(thing, FunctionType) else next(_functions(thing), None)
    if function is None:
        return None
    try:
        tree = ast.parse("".join(linecache.getlines(function.__code__.co_filename)))
    except SyntaxError:
        return None
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = [node for node in tree.body if isinstance(node, kinds) and node.name == thing.__qualname__]
    return found[-1] if found else None


def global_names(node: ast.stmt) -> set[str]:
    """Names that a definition looks up outside itself."""
    todo, names = [compile(ast.Module([node], type_ignores=[]), "<session>", "exec")], set()
    while todo:
        code = todo.pop()
        names |= {step.argval for step in dis.get_instructions(code) if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
        todo += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return names


def is_plain(value: Any) -> bool:
    """Whether a value is told by how it prints."""
    if type(value) is dict:
        return all(is_plain(part) for pair in value.items() for part in pair)
    return type(value) in _PLAIN or (type(value) in (tuple, list) and all(map(is_plain, value)))


def _functions(cls: type) -> Iterator[FunctionType]:
    """The functions that a class itself defines, those apart that `dataclass` writes."""
    for name, value in vars(cls).items():
        found = inspect.unwrap(getattr(value, "fget", None) or getattr(value, "__func__", value))
        if isinstance(found, FunctionType) and found.__module__ == cls.__module__:
            is_written = found.__code__.co_filename == "<string>" and name.startswith("__")
            if not (is_written and "__dataclass_fields__" in vars(cls)):
                yield found
