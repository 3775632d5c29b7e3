"""Where modules lie, and which of them count as the code of a search."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
from collections.abc import Set
from dataclasses import dataclass
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import harness
from harness.code.text import Import
from harness.system import plugins

_RUNNING = (
    *(
        "again",
        "columns",
        "difference",
        "equivalence",
        "export",
        "folder",
        "frames",
        "kept",
        "ladder",
        "manifest",
        "pilot",
        "planning",
        "progress",
    ),
    *("records", "repeat", "runner", "shards"),
)
# Modules of the harness that find, keep and show. What they hand to a search is in its cell's key; they do not compute it.
OUTSIDE = frozenset(
    f"harness.{name}"
    for name in (
        *("analysis", "cli", "code", "recording", "regression", "reporting", "results", "suites", "testing"),
        *(f"running.{name}" for name in _RUNNING),
        *(
            f"system.{name}"
            for name in (
                *("extras", "fan_out", "files", "folders", "journal", "limited", "plugins", "progress", "provenance"),
                *("shapes", "texts"),
            )
        ),
        *(
            "statistics.law",
            "tabular.catalogue",
            "tabular.formats",
            "tabular.frame",
            "tabular.importing",
            "tabular.law",
        ),
        *(
            "tabular.nasbench_graph",
            "tabular.recorded",
            "tabular.scores",
            "tabular.shown",
            "tabular.store",
            "tabular.synthetic",
        ),
    )
)
_LISTS = {"harness", "harness.methods"}  # packages whose own module only lists what is in them
_INSTALLED = {"site-packages", "dist-packages"}  # of packages there only the versions count


_ENDS = (f"{os.sep}__init__.py", ".py", *EXTENSION_SUFFIXES)


@dataclass(frozen=True)
class Home:
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
        if not name or self.only not in ("", first(name)):
            return None
        base = os.path.join(self.folder, *map(plugins.stem_of, name.split(".")))
        found = next((base + end for end in _ENDS if os.path.isfile(base + end)), None)
        return None if found is None else Path(found)


Place = tuple[Home, str, Path]  # a module: its home, its name there, its file
HARNESS = Home(Path(harness.__file__).parents[1], only="harness")


def first(name: str) -> str:
    """Top-level name of a module."""
    return name.partition(".")[0]


def is_library(name: str, own: Set[str] = frozenset()) -> bool:
    """Whether a module's code does not count.

    Parameters
    ----------
    name
        Its name: of the standard library, of an installed package, or of what is outside a search.
    own
        Installed packages that count all the same.
    """
    if first(name) == "harness":
        return name in _LISTS or any(f"{name}.".startswith(f"{outside}.") for outside in OUTSIDE)
    if first(name) in own or plugins.is_plugin(name):
        return False
    return first(name) in sys.stdlib_module_names or bool(_INSTALLED.intersection(_stated_file(name).parts))


def place_of(name: str) -> Place | None:
    """Where a module lies by the name under which it is imported; None if it has no file."""
    if first(name) == "harness":
        home = HARNESS
    elif plugins.is_plugin(name):
        package, _, name = name.partition(".")
        if package not in sys.modules:
            return None
        home = Home(plugins.folder_of(package), prefix=f"{package}.")
    else:
        return _place_of_imported(name)
    file = home.file(name)
    return None if file is None else (home, name, file)


def is_imported(place: Place) -> bool:
    """Whether this process has imported a module, or runs it as its main one."""
    home, name, file = place
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    return home.prefix + name in sys.modules or (main is not None and Path(main).absolute() == file)


def resolved(place: Place, imported: Import) -> tuple[str, list[Place]]:
    """Whole name of a module that another one imports, and the places of all that is run for it and whose code counts."""
    home, name, file = place
    level, module, names = imported
    if level:
        parts = name.split(".")
        parts = parts[: len(parts) - level + (file.name == "__init__.py")]
        module = ".".join([*parts, *([module] if module else [])])
    elif first(module) in sys.stdlib_module_names:
        return module, []
    wanted = [f"{module}.{one}" if module else one for one in names]
    if first(module) != "harness":  # the packages above a module are run before it
        above = module.split(".")
        wanted += [".".join(above[: depth + 1]) for depth in range(len(above))]
    else:  # those of the harness only name what is in them
        home = HARNESS
        if not names or not all(map(home.file, wanted)):
            wanted.append(module)
        wanted = [one for one in wanted if not is_library(one)]
    return module, [(home, one, found) for one in wanted if (found := home.file(one)) is not None]


def _stated_file(name: str) -> Path:
    """The file of a module that is imported, or else of the package that it would be in."""
    found = getattr(sys.modules.get(name), "__file__", None)
    if found is None and name not in sys.modules and name:
        with contextlib.suppress(ImportError, ValueError):
            found = getattr(importlib.util.find_spec(first(name)), "origin", None)
    return Path(found or "")


def _place_of_imported(name: str) -> Place | None:
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
        home = Home(folder, only=parts[0] if _INSTALLED.intersection(folder.parts) else "")
        if home.file(name) == file:
            return home, name, file
    return Home(file.parent), file.stem, file
