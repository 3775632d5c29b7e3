"""What code a search is computed by: the syntax trees of all modules that it imports, and one digest of them.

Import statements are followed in the text of the modules, wherever they stand, so that the answer is the same in every process,
whatever else it has imported. What is followed is the harness, plug-ins and a user's own modules with what lies beside them; of
installed packages the versions are kept (see `harness.provenance`). A class of an interactive session counts with its source and
with all that it names there.

The trees are those of the code that runs here: a module is read when it is first looked at, and again once it is imported anew.
"""

from __future__ import annotations

import ast
import contextlib
import dis
import hashlib
import inspect
import json
import linecache
import os
import sys
import time
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import harness
from harness import plugins
from harness.errors import HarnessError, RunError
from harness.files import write_whole

# Modules of the harness that find, keep and show. What they hand to a search is in its cell's key; they do not compute it.
OUTSIDE = frozenset(
    f"harness.{name}"
    for name in (
        *("analysis", "catalogue", "cli", "code_digest", "doctor", "fan_out", "files", "journal", "kept", "ladder"),
        *("listing", "pareto", "planning", "plugins", "progress", "provenance", "published", "recording", "records"),
        *("regression", "reporting", "results", "runner", "suite", "testing"),
        *("tabular.catalogue", "tabular.formats", "tabular.frame", "tabular.importing", "tabular.nasbench_graph"),
        *("statistics.law", "tabular.recorded", "tabular.store", "tabular.synthetic"),
    )
)
_LISTS = {"harness", "harness.methods"}  # packages whose own module only lists what is in them
ON_TABLES, LIVE = "harness.execution.tables", "harness.execution.live"  # what runs a cell
# Of installed packages only the versions count.
_INSTALLED = {"site-packages", "dist-packages"}
MAX_TEXTS = 4000  # modules whose reading is kept
_PLAIN = (bool, int, float, complex, str, bytes, type(None))


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


@dataclass(frozen=True)
class _Home:
    """A folder from which modules import each other.

    Attributes
    ----------
    folder
        Where they lie.
    prefix
        What stands before their names where they are imported: of plug-ins, their package and a dot.
    only
        The one package that counts; empty if all do.
    """

    folder: Path
    prefix: str = ""
    only: str = ""

    def file(self, name: str) -> Path | None:
        """The file of a module by its name here, None if there is none."""
        if not name or self.only not in ("", name.partition(".")[0]):
            return None
        base = self.folder.joinpath(*(part.replace("%2e", ".") for part in name.split(".")))
        files = (base / "__init__.py", *(base.with_name(base.name + suffix) for suffix in (".py", *EXTENSION_SUFFIXES)))
        return next((path for path in files if path.is_file()), None)


_HARNESS = _Home(Path(harness.__file__).parents[1], only="harness")
_Place = tuple[_Home, str, Path]  # a module: its home, its name there, its file


@dataclass(frozen=True)
class _Text:
    """What is read in a module's text: the hash of its tree, and its imports as level, module and names."""

    tree: str
    imports: tuple[tuple[int, str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True)
class _Module:
    """A module as it was when it was looked at, for the import that its specification belongs to."""

    spec: object
    tree: str
    targets: tuple[_Place, ...]
    packages: frozenset[str]


_SEEN: dict[tuple[str, Path], _Module] = {}


def code_of(method: type, benchmark: Any) -> Code:
    """The code of the searches of a method on a benchmark.

    Parameters
    ----------
    method
        The method's class.
    benchmark
        A table or a live benchmark.

    Raises
    ------
    HarnessError
        If a file of the harness was edited after this process imported it, so that nobody can tell what it runs.
    """
    from harness.tabular.table import Table

    classes = (method, type(benchmark), type(benchmark.space))
    search = _Search(frozenset(_first(cls.__module__) for cls in classes))
    search.add_module(ON_TABLES if isinstance(benchmark, Table) else LIVE)
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
    own = frozenset({_first(method.__module__)})
    if own == {"harness"} or _is_of_session(method):
        return
    place = _place(method.__module__, own)
    if place is not None:
        home, name, file = place
        _SEEN.pop((home.prefix + name, file), None)  # what it was when a file of this name was registered before
        search = _Search(own, within=home)
        search.places.append(place)
        search.code()


def differing(code: Code) -> list[str]:
    """Return the modules of which this process has other code; one that is sent to it, not imported, is no question."""
    found = []
    for name, tree in code.trees.items():
        if name.startswith("harness.") or plugins.is_plugin(name) or name in sys.modules:
            try:
                place = _place(name, frozenset({_first(name)}))
                is_same = place is not None and _look(*place).tree == tree
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

    def __init__(self, own: Set[str] = frozenset(), within: _Home | None = None) -> None:
        self.own = own
        self.within = within
        self.places: list[_Place] = []
        self.trees: dict[str, str] = {}
        self.is_whole = True

    def add(self, cls: type) -> None:
        """Begin at a class."""
        if not _is_library(cls.__module__, self.own) and _is_of_session(cls):
            self._add_of_session(cls)
        else:
            self.add_module(cls.__module__)

    def add_module(self, name: str) -> None:
        """Begin at a module."""
        if _is_library(name, self.own):
            return
        place = _place(name, self.own)
        if place is None:
            self.is_whole = False
        else:
            self.places.append(place)

    def _add_of_session(self, cls: type) -> None:
        """Begin at a class of an interactive session, with all that it names there: classes, functions and plain values."""
        todo: list[Any] = [cls]
        while todo:
            thing = todo.pop()
            name = f"session: {thing.__qualname__}"
            if name in self.trees:
                continue
            definition = _definition(thing)
            if definition is None:
                self.is_whole = False
                return
            self.trees[name] = _tree_hash(definition)
            there = vars(sys.modules[thing.__module__])
            for word in sorted(_global_names(definition) & there.keys()):
                value = there[word]
                if isinstance(value, ModuleType):
                    self.add_module(value.__name__)
                elif not isinstance(value, type | FunctionType):
                    self.is_whole = self.is_whole and _is_plain(value)
                    self.trees[f"session: {word}"] = hashlib.sha256(repr(value).encode()).hexdigest()
                elif value.__module__ == thing.__module__:
                    todo.append(value)
                else:
                    self.add_module(value.__module__)

    def code(self) -> Code:
        """All that is found."""
        packages: set[str] = set()
        while self.places:
            home, name, file = self.places.pop()
            if home.prefix + name not in self.trees:
                module = _look(home, name, file)
                self.trees[home.prefix + name] = module.tree
                packages |= module.packages
                self.places += [target for target in module.targets if self.within in (None, target[0])]
        _cache.save()
        return Code(self.trees, frozenset(packages), self.is_whole)


def _first(name: str) -> str:
    return name.partition(".")[0]


def _is_library(name: str, own: Set[str]) -> bool:
    """Whether a module is none whose code counts: of the standard library, of an installed package, or outside a search."""
    first = _first(name)
    if first == "harness":
        return name in _LISTS or any(f"{name}.".startswith(f"{outside}.") for outside in OUTSIDE)
    file = getattr(sys.modules.get(name), "__file__", None) or ""
    installed = bool(_INSTALLED.intersection(Path(file).parts))
    return first not in own and (first in sys.stdlib_module_names or installed)


def _place(name: str, own: Set[str]) -> _Place | None:
    """Where a module lies, None if it has no file."""
    if _first(name) == "harness":
        home = _HARNESS
    elif plugins.is_plugin(name):
        package, _, name = name.partition(".")
        if package not in sys.modules:
            return None
        home = _Home(plugins.folder_of(package), prefix=f"{package}.")
    else:
        return _place_of_loaded(name)
    file = home.file(name)
    return None if file is None else (home, name, file)


def _place_of_loaded(name: str) -> _Place | None:
    module = sys.modules.get(name)
    stated = getattr(module, "__file__", None)
    if stated is None:
        return None
    file = Path(stated).absolute()
    # The main module of `python -m package.module` has its own name in its specification; that of a script has none.
    if name == "__main__":
        name = getattr(getattr(module, "__spec__", None), "name", file.stem)
    parts = name.split(".")
    levels = len(parts) - (file.name != "__init__.py")
    if levels < len(file.parents):
        folder = file.parents[levels]
        home = _Home(folder, only=parts[0] if _INSTALLED.intersection(folder.parts) else "")
        if home.file(name) == file:
            return home, name, file
    return _Home(file.parent), file.stem, file


def _look(home: _Home, name: str, file: Path) -> _Module:
    """A module as it runs in this process, or would if it were imported now."""
    key, module = (home.prefix + name, file), sys.modules.get(home.prefix + name)
    spec = getattr(module, "__spec__", None)
    known = _SEEN.get(key)
    if known is not None and known.spec is spec:
        return known
    try:
        content = getattr(getattr(spec, "loader", None), "content", b"") or file.read_bytes()
        edited = file.stat().st_mtime
    except OSError as error:
        raise HarnessError(
            f"{file}: {error.strerror}, but its code is running here; start this process again"
        ) from error
    # A time that is still to come is that of another clock.
    if home is _HARNESS and module is not None and harness.IMPORTED_AT < edited <= time.time():
        raise HarnessError(f"{file} was edited after this process had imported it; start this process again")
    text = _cache.text(content) if file.suffix == ".py" else _Text(hashlib.sha256(content).hexdigest())
    targets: dict[str, _Place] = {}
    packages = set()
    for imported in text.imports:
        base, found = _resolved(home, name, file.name == "__init__.py", *imported)
        first = _first(base)
        if found:
            targets |= found
        elif first and first != "harness" and first not in sys.stdlib_module_names:
            packages.add(first)
    _SEEN[key] = looked = _Module(spec, text.tree, tuple(targets.values()), frozenset(packages))
    return looked


def _resolved(
    home: _Home, name: str, is_package: bool, level: int, module: str, names: tuple[str, ...]
) -> tuple[str, dict[str, _Place]]:
    """The whole name of a module that is imported, and which modules come with it, as far as their code counts."""
    if level:
        parts = name.split(".")
        parts = parts[: len(parts) - level + is_package]
        module = ".".join([*parts, *([module] if module else [])])
    first = _first(module)
    if first in sys.stdlib_module_names and not level:
        return module, {}
    wanted = {one: f"{module}.{one}" if module else one for one in names}
    if first != "harness":
        # The packages above a module are run before it.
        above = module.split(".")
        every = [*(".".join(above[: depth + 1]) for depth in range(len(above))), *wanted.values()]
    else:  # those of the harness only name what is in them
        home = _HARNESS
        every = [*wanted.values()]
        if not names or not all(map(home.file, every)):
            every.append(module)
        every = [one for one in every if not _is_library(one, frozenset())]
    return module, {home.prefix + one: (home, one, file) for one in every if (file := home.file(one)) is not None}


class _Cache:
    """What was read in modules, by the hash of their content: it is kept in the cache folder, since reading takes time."""

    def __init__(self) -> None:
        self._texts: dict[str, _Text] | None = None
        self._is_new = False

    @property
    def _path(self) -> Path:
        from harness.tabular.store import cache_folder

        return cache_folder() / f"code-v1-{sys.version_info.major}.{sys.version_info.minor}.json"

    def text(self, content: bytes) -> _Text:
        """What is to be read in a module of this content."""
        if self._texts is None:
            self._texts = self._load()
        key = hashlib.sha256(content).hexdigest()
        if key not in self._texts:
            self._texts[key] = _read(content)
            self._is_new = True
        return self._texts[key]

    def _load(self) -> dict[str, _Text]:
        try:
            stored = json.loads(self._path.read_bytes())
            return {
                key: _Text(tree, tuple((level, module, tuple(names)) for level, module, names in imports))
                for key, (tree, imports) in stored.items()
            }
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def save(self) -> None:
        """Keep what is new, if the folder can be written; without it all is read again."""
        if self._is_new and self._texts is not None:
            self._is_new = False
            stored = self._load()
            known = (stored if len(stored) < MAX_TEXTS else {}) | self._texts
            with contextlib.suppress(RunError):
                write_whole(
                    self._path,
                    json.dumps({key: [text.tree, text.imports] for key, text in known.items()}).encode(),
                )


_cache = _Cache()


def _read(content: bytes) -> _Text:
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # a module that is imported late, if at all
        return _Text(hashlib.sha256(content).hexdigest())
    return _Text(_tree_hash(tree), tuple(dict.fromkeys(_imports(tree))))


def _tree_hash(tree: ast.AST) -> str:
    """SHA-256 of a syntax tree without docstrings and places; what is empty is left out, as younger Pythons have more of it."""
    digest = hashlib.sha256()
    todo: list[Any] = [tree]
    while todo:
        item = todo.pop()
        if isinstance(item, ast.AST):
            fields = [(name, value) for name, value in ast.iter_fields(item) if value is not None and value != []]
            digest.update(f"{type(item).__name__} {len(fields)}\n".encode())
            for name, value in fields:
                is_documented = (
                    name == "body" and isinstance(item, _DOCUMENTED) and ast.get_docstring(item, False) is not None
                )
                todo += (value[1:] if is_documented else value, name)
        elif isinstance(item, list):
            digest.update(f"list {len(item)}\n".encode())
            todo += item
        else:
            digest.update(f"{item!r}\n".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def _imports(tree: ast.AST) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """Import statements wherever they stand, but for those that only type checkers see."""
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


def _functions(cls: type) -> Iterator[FunctionType]:
    """The functions that a class itself defines, those apart that `dataclass` writes."""
    for name, value in vars(cls).items():
        found = inspect.unwrap(getattr(value, "fget", None) or getattr(value, "__func__", value))
        if isinstance(found, FunctionType) and found.__module__ == cls.__module__:
            written = found.__code__.co_filename == "<string>" and name.startswith("__")
            if not (written and "__dataclass_fields__" in vars(cls)):
                yield found


def _is_of_session(cls: type) -> bool:
    """Whether a class was defined in an interactive session, or by `exec`: not in the file of its module."""
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    if file is None:
        return True
    places = {function.__code__.co_filename for function in _functions(cls)}
    return any(place != file and not os.path.isfile(place) for place in places)


def _definition(thing: type | FunctionType) -> ast.stmt | None:
    """Syntax tree of a class or function of an interactive session; None if its source is not known."""
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


def _global_names(definition: ast.stmt) -> set[str]:
    """Names that a definition looks up outside itself."""
    module = ast.Module([definition], type_ignores=[])
    todo, names = [compile(module, "<session>", "exec")], set()
    while todo:
        code = todo.pop()
        names |= {step.argval for step in dis.get_instructions(code) if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
        todo += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return names


def _is_plain(value: Any) -> bool:
    """Whether a value is told by how it prints."""
    if isinstance(value, dict):
        return all(_is_plain(part) for pair in value.items() for part in pair)
    return type(value) in _PLAIN or (type(value) in (tuple, list) and all(map(_is_plain, value)))
