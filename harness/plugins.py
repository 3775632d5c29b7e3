"""Plug-in files: Python files outside the package that register methods and benchmarks."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType

from harness.errors import HarnessError
from harness.import_path import library_first

PREFIX = "nas_harness_plugin_"
_LOADED: dict[str, None] = {}


class _FromSource(SourceFileLoader):
    """Compiles the file as it is now: no stale bytecode is read, and none is left beside a user's file."""

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.get_data(self.path), self.path)


def load(paths: Iterable[str | Path]) -> None:
    """Import plug-in files, each once a process; a file's imports at its top find modules that lie beside it.

    Raises
    ------
    HarnessError
        If a file is missing or raises while it is imported.
    """
    for given in paths:
        path = Path(given).resolve()
        if str(path) in _LOADED:
            continue
        if not path.is_file():
            raise HarnessError(f"--plugin {given}: no such file")
        name = f"{PREFIX}{path.stem}_{hashlib.sha256(os.fsencode(path)).hexdigest()[:8]}"
        spec = importlib.util.spec_from_file_location(name, path, loader=_FromSource(name, str(path)))
        if spec is None or spec.loader is None or path.suffix != ".py":
            raise HarnessError(f"--plugin {given}: not a Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            with _beside(path):
                spec.loader.exec_module(module)
        except HarnessError:
            del sys.modules[name]
            raise
        except (Exception, SystemExit) as error:
            del sys.modules[name]
            raise HarnessError(f"--plugin {given}: {type(error).__name__}: {error}") from error
        _LOADED[str(path)] = None


@contextmanager
def _beside(path: Path) -> Iterator[None]:
    """Inside, modules in the folder of a file can be imported, as by a script; no bytecode is left there."""
    path_before, writes_before = sys.path[:], sys.dont_write_bytecode
    sys.path[:] = library_first([str(path.parent), *path_before])
    sys.dont_write_bytecode = True
    try:
        yield
    finally:
        sys.path[:], sys.dont_write_bytecode = path_before, writes_before


def loaded() -> tuple[str, ...]:
    """Paths of all plug-in files loaded so far, for workers to load them too."""
    return tuple(_LOADED)


def is_plugin(module: str) -> bool:
    """Whether a module is a plug-in file."""
    return module.startswith(PREFIX)
