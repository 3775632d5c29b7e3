"""What is read in the text of a module: the hash of its syntax tree, and its import statements."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import RunError
from harness.system.files import write_whole
from harness.system.folders import cache_folder

MAX_TEXTS = 4000  # modules whose reading is kept
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)

Import = tuple[int, str, tuple[str, ...]]  # dots in front, module, and the names that are taken from it


@dataclass(frozen=True)
class Text:
    """What is read in a module's text.

    Attributes
    ----------
    tree
        SHA-256 of its syntax tree, without comments, docstrings and places.
    imports
        Its import statements, wherever they stand, but for those that only type checkers see.
    """

    tree: str
    imports: tuple[Import, ...] = ()


class Texts:
    """Texts of modules by the hash of their content, kept in the cache folder, since reading takes time."""

    def __init__(self) -> None:
        self._texts: dict[str, Text] | None = None
        self._is_new = False

    @property
    def _path(self) -> Path:
        return cache_folder() / f"code-v1-{sys.version_info.major}.{sys.version_info.minor}.json"

    def of(self, content: bytes) -> Text:
        """What is to be read in a module of this content."""
        if self._texts is None:
            self._texts = self._load()
        key = hashlib.sha256(content).hexdigest()
        if key not in self._texts:
            self._texts[key] = read(content)
            self._is_new = True
        return self._texts[key]

    def _load(self) -> dict[str, Text]:
        try:
            return {
                key: Text(tree, tuple((level, module, tuple(names)) for level, module, names in imports))
                for key, (tree, imports) in json.loads(self._path.read_bytes()).items()
            }
        except (OSError, ValueError, TypeError, AttributeError):  # not there, or damaged
            return {}

    def save(self) -> None:
        """Keep what is new; where the folder cannot be written all is read again the next time."""
        if self._is_new and self._texts is not None:
            self._is_new = False
            stored = self._load()
            known = (stored if len(stored) < MAX_TEXTS else {}) | self._texts
            content = json.dumps({key: [text.tree, text.imports] for key, text in known.items()})
            with contextlib.suppress(RunError, OSError):
                write_whole(self._path, content.encode())


def read(content: bytes) -> Text:
    """Read the content of a Python file. One that no Python reads counts with its bytes: it may never be imported."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Text(hashlib.sha256(content).hexdigest())
    return Text(tree_hash(tree), tuple(dict.fromkeys(imports_in(tree))))


def tree_hash(tree: ast.AST) -> str:
    """SHA-256 of a syntax tree without docstrings and places; what is empty is left out, as younger Pythons have more of it."""
    digest = hashlib.sha256()
    todo: list[Any] = [tree]
    while todo:
        item = todo.pop()
        if isinstance(item, ast.AST):
            fields = [(name, value) for name, value in ast.iter_fields(item) if value is not None and value != []]
            digest.update(f"{type(item).__name__} {len(fields)}\n".encode())
            has_docstring = isinstance(item, _DOCUMENTED) and ast.get_docstring(item, clean=False) is not None
            for name, value in fields:
                todo += (value[1:] if has_docstring and name == "body" else value, name)
        elif isinstance(item, list):
            digest.update(f"list {len(item)}\n".encode())
            todo += item
        else:
            digest.update(f"{item!r}\n".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def imports_in(tree: ast.AST) -> Iterator[Import]:
    """Import statements in a syntax tree, but for those that only type checkers see."""
    todo = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Import):
            yield from ((0, alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.level, node.module or "", tuple(alias.name for alias in node.names)
        elif isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            todo += node.orelse
        elif not isinstance(node, ast.expr):
            todo += ast.iter_child_nodes(node)
