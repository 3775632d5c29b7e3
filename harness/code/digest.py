"""What code a search is computed by: the syntax trees of all modules that it imports, and one digest of them.

Import statements are followed in the text of the modules, wherever they stand, so that the answer is the same in every process,
whatever else it has imported. What is followed is the harness, plug-ins and a user's own modules with what lies beside them; of
installed packages the versions are kept (see `harness.system.provenance`). A class of an interactive session counts with its
source and with all that it names there.

The trees are those of the code that runs here: a module is read when it is first looked at, and again once it is imported anew.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import harness
from harness.code.places import HARNESS, Home, Place, first, is_imported, is_library, place_of, resolved
from harness.code.session import definition, global_names, is_of_session, is_plain
from harness.code.text import Text, Texts, imports_in, tree_hash
from harness.errors import HarnessError
from harness.system import plugins

SUPERNETS = "supernets"


@dataclass(frozen=True)
class Code:
    """The code of a search.

    Attributes
    ----------
    trees
        SHA-256 of the syntax tree of each module, by the name under which it is imported.
    packages
        Top-level names of all other modules that they import, those of the standard library apart.
    is_whole
        Whether all of it has a source.
    """

    trees: Mapping[str, str]
    packages: frozenset[str] = frozenset()
    is_whole: bool = True

    @property
    def digest(self) -> str:
        """SHA-256 of the trees; empty if some code has no source, so that nobody can tell whether it changed."""
        # The name of a plug-in's package tells where it lies, which does not matter.
        shown = sorted((plugins.shown(name), tree) for name, tree in self.trees.items())
        return hashlib.sha256(json.dumps(shown).encode()).hexdigest() if self.is_whole else ""


def code_of(method: type, benchmark: Any, runner: str, *, on_table: bool) -> Code:
    """The code of the searches of a method on a benchmark.

    Parameters
    ----------
    method
        The method's class.
    benchmark
        A table or a live benchmark.
    runner
        The module that runs a cell there.
    on_table
        Whether it is a table, so that nothing of a supernet is run.

    Raises
    ------
    HarnessError
        If a file of the harness was edited after this process imported it, so that nobody can tell what it runs.
    """
    classes = (method, type(benchmark), type(benchmark.space))
    search = _Search(frozenset(first(cls.__module__) for cls in classes), on_table=on_table)
    search.add_module(runner)
    for cls in classes:
        for base in cls.__mro__:
            search.add(base)
    return search.code()


def packages_of(module: str) -> frozenset[str]:
    """Top-level names of the packages that a module of the harness, and all that it imports, imports."""
    search = _Search()
    search.add_module(module)
    return search.code().packages


def see(method: type) -> None:
    """Note the code of a method outside the harness when it is registered: it may be edited before it is first run."""
    if first(method.__module__) == "harness" or is_of_session(method):
        return
    place = place_of(method.__module__)
    if place is not None:
        home, name, file = place
        _SEEN.pop((home.prefix + name, file), None)  # what it was when it was registered before
        search = _Search(within=home)
        search.places.append(place)
        search.code()


def differing(code: Code) -> list[str]:
    """Return the modules of which this process has other code; one that is sent to it, not imported, is no question."""
    found = []
    for name, tree in code.trees.items():
        if first(name) == "harness" or plugins.is_plugin(name) or name in sys.modules:
            try:
                place = place_of(name)
                is_same = place is not None and _look(place).tree == tree
            except HarnessError:
                is_same = False
            if not is_same:
                found.append(name)
    return found


class _Search:
    """A search through import statements.

    Parameters
    ----------
    own
        Installed packages that count as a user's own.
    within
        The only home in which it goes on; None for all.
    """

    def __init__(self, own: Set[str] = frozenset(), within: Home | None = None, *, on_table: bool = False) -> None:
        self.own = own
        self.on_table = on_table  # nothing is trained there: what a method imports for supernets alone does not count
        self.within = within
        self.places: list[Place] = []
        self.trees: dict[str, str] = {}
        self.packages: set[str] = set()
        self.is_whole = True

    def add(self, cls: type) -> None:
        """Begin at a class."""
        if not is_library(cls.__module__, self.own) and is_of_session(cls):
            self._add_of_session(cls)
        else:
            self.add_module(cls.__module__)

    def add_module(self, name: str) -> None:
        """Begin at a module."""
        if is_library(name, self.own):
            self._add_package(name)
            return
        place = place_of(name)
        if place is None:
            self.is_whole = False
        else:
            self.places.append(place)

    def _add_package(self, name: str) -> None:
        if first(name) not in ("", "harness") and first(name) not in sys.stdlib_module_names:
            self.packages.add(first(name))

    def _add_of_session(self, cls: type) -> None:
        """Begin at a class of an interactive session, with all that it names there: classes, functions and plain values."""
        todo: list[Any] = [cls]
        while todo:
            thing = todo.pop()
            name = f"session: {thing.__qualname__}"
            if name in self.trees:
                continue
            node = definition(thing)
            if node is None:
                self.is_whole = False
                return
            self.trees[name] = tree_hash(node)
            for _, module, _ in imports_in(node):
                self.add_module(module)
            there = vars(sys.modules[thing.__module__])
            for word in sorted(global_names(node) & there.keys()):
                value = there[word]
                if isinstance(value, ModuleType):
                    self.add_module(value.__name__)
                elif not isinstance(value, type | FunctionType):
                    self.is_whole = self.is_whole and is_plain(value)
                    self.trees[f"session: {word}"] = hashlib.sha256(repr(value).encode()).hexdigest()
                elif value.__module__ == thing.__module__:
                    todo.append(value)
                else:
                    self.add_module(value.__module__)

    def code(self) -> Code:
        """All that is found."""
        while self.places:
            home, name, file = self.places.pop()
            if self.on_table and home is HARNESS and f"{name}.".startswith((f"{SUPERNETS}.", f"harness.{SUPERNETS}.")):
                continue
            if home.prefix + name not in self.trees:
                module = _look((home, name, file))
                self.trees[home.prefix + name] = module.tree
                self.packages |= module.packages
                self.places += [target for target in module.targets if self.within in (None, target[0])]
        _TEXTS.save()
        return Code(self.trees, frozenset(self.packages), self.is_whole)


@dataclass(frozen=True)
class _Module:
    """A module as it was when it was looked at, for the import that its specification belongs to."""

    spec: object
    content: bytes  # its hash
    tree: str
    targets: tuple[Place, ...]
    packages: frozenset[str]


_TEXTS = Texts()
_SEEN: dict[tuple[str, Path], _Module] = {}


def _look(place: Place) -> _Module:
    """A module as it runs in this process, or would if it were imported now."""
    home, name, file = place
    key = (home.prefix + name, file)
    spec = getattr(sys.modules.get(home.prefix + name), "__spec__", None)
    known = _SEEN.get(key)
    if known is not None and known.spec is spec and is_imported(place):
        return known
    try:
        content = getattr(getattr(spec, "loader", None), "content", b"") or file.read_bytes()
        edited = file.stat().st_mtime
    except OSError as error:
        raise HarnessError(
            f"{file}: {error.strerror}, but its code is wanted here; start this process again"
        ) from error
    # A time that is still to come is that of another clock.
    if home is HARNESS and is_imported(place) and harness.IMPORTED_AT < edited <= time.time():
        raise HarnessError(f"{file} was edited after this process had imported it; start this process again")
    digest = hashlib.sha256(content).digest()
    if known is not None and known.spec is spec and known.content == digest:
        return known
    text = _TEXTS.of(content) if file.suffix == ".py" else Text(hashlib.sha256(content).hexdigest())
    targets: list[Place] = []
    packages = set()
    for imported in text.imports:
        whole_name, found = resolved(place, imported)
        targets += found
        if not found and first(whole_name) not in ("", "harness", *sys.stdlib_module_names):
            packages.add(first(whole_name))
    _SEEN[key] = looked = _Module(spec, digest, text.tree, tuple(targets), frozenset(packages))
    return looked
