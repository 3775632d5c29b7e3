"""Plug-in files: Python files outside the package that register methods and benchmarks.

A plug-in's folder is a package of its own, and what lies beside the file is imported from there: two plug-ins whose helper
modules share a name get each their own, and none gets in the way of an installed package or of the standard library.
"""

from __future__ import annotations

import builtins
import hashlib
import importlib
import importlib.util
import os
import sys
import threading
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from functools import partial
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from harness.errors import HarnessError
from harness.system.import_path import library_first_here

PREFIX = "nas_harness_plugin_"
_DOT = "%2e"  # stands for a dot of a file's name in that of a module
_LOADED: dict[str, None] = {}
_LOCK = threading.RLock()
_REGISTRIES: list[Callable[[Container[str]], None]] = []


class _FromSource(SourceFileLoader):
    """Runs the file as it is now: no stale bytecode is read, and none is left beside a user's file.

    Import statements in it look beside it first.

    Attributes
    ----------
    content
        What was run.
    """

    content: bytes = b""

    def get_code(self, fullname: str) -> CodeType:
        self.content = self.get_data(self.path)
        return self.source_to_code(self.content, self.path)

    def exec_module(self, module: ModuleType) -> None:
        own = partial(_import, module.__name__.partition(".")[0])
        vars(module)["__builtins__"] = vars(builtins) | {"__import__": own}
        super().exec_module(module)


class _Finder(MetaPathFinder):
    """Finds modules in the packages of plug-ins."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is None or not is_plugin(fullname):
            return None
        spec = PathFinder.find_spec(fullname, path)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _FromSource(fullname, spec.loader.path)
        return spec


sys.meta_path.insert(0, _Finder())


def load(paths: Iterable[str | Path]) -> None:
    """Import plug-in files, each once a process, and again once it or a module that it imported from beside it was edited.

    Import statements anywhere in a file find modules that lie beside it, as in a script.

    Raises
    ------
    HarnessError
        If a file is missing or raises while it is imported.
    """
    with _LOCK, library_first_here():
        given = {Path(path).resolve(): path for path in paths}
        for folder in dict.fromkeys(path.parent for path in given):
            if _is_edited(package := _package(folder)):
                again = [path for path in map(Path, _LOADED) if path.parent == folder and path not in given]
                given |= {path: path for path in again}
                _forget(package)
        for path, stated in given.items():
            if str(path) not in _LOADED:
                _load(path, stated)
                _LOADED[str(path)] = None


def _load(path: Path, stated: str | Path) -> None:
    importlib.invalidate_caches()  # a module may just have been put beside it
    if not path.is_file():
        raise HarnessError(f"--plugin {stated}: no such file")
    if path.suffix != ".py":
        raise HarnessError(f"--plugin {stated}: not a Python file")
    package = _package(path.parent)
    if package not in sys.modules:
        home = ModuleType(package)
        home.__path__ = [str(path.parent)]
        sys.modules[package] = home
    name = _module_of(path)
    if name in sys.modules:  # another plug-in has imported it
        return
    loader = _FromSource(name, str(path))
    module = importlib.util.module_from_spec(ModuleSpec(name, loader, origin=str(path)))
    module.__file__ = str(path)
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except HarnessError:
        _forget(name)
        raise
    except (Exception, SystemExit) as error:
        _forget(name)
        raise HarnessError(f"--plugin {stated}: {type(error).__name__}: {error}") from error


def _package(folder: Path) -> str:
    """Name of the package that a folder of plug-ins is."""
    return PREFIX + hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]


def _module_of(path: Path) -> str:
    """Name under which a plug-in file is imported."""
    return f"{_package(path.parent)}.{path.stem.replace('.', _DOT)}"


def _import(
    package: str,
    name: str,
    globals: Mapping[str, Any] | None = None,
    locals: Mapping[str, Any] | None = None,
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> ModuleType:
    """Stand in for ``__import__`` in the modules of a package: what lies beside them is of the package."""
    first = name.partition(".")[0]
    if level == 0 and _is_beside(package, first):
        found = builtins.__import__(f"{package}.{name}", globals, locals, fromlist or (), 0)
        return found if fromlist else getattr(found, first)
    return builtins.__import__(name, globals, locals, fromlist or (), level)


def _is_beside(package: str, first: str) -> bool:
    """Whether a plug-in means a module beside it: neither the harness nor the standard library; a mere folder comes last."""
    if first == "harness" or first in sys.stdlib_module_names:
        return False
    if f"{package}.{first}" in sys.modules:
        return True
    spec = PathFinder.find_spec(f"{package}.{first}", sys.modules[package].__path__)
    return spec is not None and (spec.origin is not None or importlib.util.find_spec(first) is None)


def _is_edited(package: str) -> bool:
    """Whether the files of a package are no longer what was run of them."""
    for module in _modules(package).values():
        loader = getattr(module, "__loader__", None)
        if isinstance(loader, _FromSource):
            try:
                if Path(loader.path).read_bytes() != loader.content:
                    return True
            except OSError:
                return True
    return False


def _modules(name: str) -> dict[str, ModuleType]:
    """Return a module of this name and those below it, as far as they are imported."""
    return {key: module for key, module in list(sys.modules.items()) if f"{key}.".startswith(f"{name}.")}


def _forget(name: str) -> None:
    """Unload a module and those below it, and what they have registered."""
    modules = _modules(name)
    for key, module in modules.items():
        del sys.modules[key]
        _LOADED.pop(getattr(module, "__file__", None) or "", None)
    for forget in _REGISTRIES:
        forget(modules)


def on_forget(forget: Callable[[Container[str]], None]) -> None:
    """Have a registry forget what modules have registered once they are unloaded, to be imported anew."""
    _REGISTRIES.append(forget)


def loaded() -> tuple[str, ...]:
    """Paths of all plug-in files loaded so far, for workers to load them too."""
    return tuple(_LOADED)


def unload(path: str | Path) -> None:
    """Forget a plug-in file and what it registered, if it is loaded: another one takes its place."""
    whole = Path(path).resolve()
    if str(whole) in _LOADED:
        _forget(_module_of(whole))


def sources() -> dict[Path, bytes]:
    """What was run of each plug-in file, and of what was imported from beside it, by path."""
    loaders = (getattr(module, "__loader__", None) for name, module in list(sys.modules.items()) if is_plugin(name))
    return {Path(loader.path): loader.content for loader in loaders if isinstance(loader, _FromSource)}


def is_plugin(module: str) -> bool:
    """Whether a module is a plug-in file, or was imported from beside one."""
    return module.startswith(PREFIX)


def shown(module: str) -> str:
    """Name of a module as a user knows it: that of a plug-in without the package that it is in."""
    return module.partition(".")[2] if is_plugin(module) else module


def stem_of(part: str) -> str:
    """What the file of a module is called, by the last part of the module's name."""
    return part.replace(_DOT, ".")


def folder_of(module: str) -> Path:
    """The folder of a plug-in's module."""
    return Path(sys.modules[module.partition(".")[0]].__path__[0])
