"""Cell spaces by name: the built-in ones and those of plug-ins. No torch here, so that naming one costs nothing."""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Callable, Container, Mapping
from functools import cache, lru_cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import TypeVar

import harness.spaces
from harness.code.digest import see
from harness.errors import HarnessError, unknown_name
from harness.spaces.cells import NONE, CellSpace
from harness.system import plugins

# How many cells before it a cell reads, by the name of the network around it; see `harness.training.skeletons`.
READS = {"darts": 2, "nasbench201": 1}
OUTPUTS = ("concat", "last")
S = TypeVar("S", bound=type[CellSpace])
_REGISTRY: dict[str, CellSpace] = {}


def register_cell_space(name: str) -> Callable[[S], S]:
    """Class decorator: make a `harness.spaces.cells.CellSpace` known by name, and so ``live/<name>-<data set>`` a benchmark.

    Raises
    ------
    HarnessError
        If the name is not usable or belongs to another class, or the class does not describe a cell space: its edges do not form
        a cell, say.
    """

    def register(cls: S) -> S:
        where = f"cell space {name!r}: class {cls.__name__}"
        if not isinstance(name, str) or not re.fullmatch(r"\w+", name):  # what stands behind a dash is a data set
            raise HarnessError(f"{where}: wanted a name of letters, digits and _, not {name!r}")
        if not issubclass(cls, CellSpace):
            raise HarnessError(f"{where} is none; subclass CellSpace")
        known = type(_REGISTRY[name]) if name in _REGISTRY else cls
        if (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
            raise HarnessError(f"cell space {name!r} is registered twice: {known.__module__} and {cls.__module__}")
        cls.name = name
        space = cls()
        _check(space, where)
        _REGISTRY[name] = space
        see(cls)
        return cls

    return register


def cell_space_names() -> list[str]:
    """Sorted names of all cell spaces: built-in ones, those of entry points, and those of loaded plug-in files."""
    _load_all()
    return sorted(_REGISTRY)


def cell_space(name: str) -> CellSpace:
    """A cell space by name.

    Raises
    ------
    HarnessError
        If the name is unknown, with the nearest ones, or the encoding of the space does not fit its edges and primitives.
    """
    _load_all()
    if name not in _REGISTRY:
        raise unknown_name("cell space", name, _REGISTRY)
    _check_encoding(_REGISTRY[name])
    return _REGISTRY[name]


def _forget(modules: Container[str]) -> None:
    """Forget the cell spaces that these modules have registered: they are to be imported anew."""
    for name in [name for name, space in _REGISTRY.items() if type(space).__module__ in modules]:
        del _REGISTRY[name]


plugins.on_forget(_forget)


def spaces_elsewhere() -> dict[str, type[CellSpace]]:
    """Classes that a worker would not know: registered neither in the package nor in a plug-in file."""
    return {
        name: type(space)
        for name, space in _REGISTRY.items()
        if not (type(space).__module__.startswith("harness.") or plugins.is_plugin(type(space).__module__))
    }


def register_spaces(classes: Mapping[str, type[CellSpace]]) -> None:
    """Called in a worker: make known what `spaces_elsewhere` gave in the process that started it."""
    for name, cls in classes.items():
        if type(_REGISTRY.get(name)) is not cls:
            register_cell_space(name)(cls)


@lru_cache(maxsize=1)  # looking through the installed packages takes milliseconds
def _load_all() -> None:
    for module in pkgutil.iter_modules(harness.spaces.__path__):
        import_module(f"harness.spaces.{module.name}")
    for point in entry_points(group="nas_harness.cell_spaces"):
        if point.name not in _REGISTRY:
            point.load()


def _check(space: CellSpace, where: str) -> None:
    """Refuse a description that is no cell space.

    Parameters
    ----------
    space
        The space.
    where
        Put in front of the message.

    Raises
    ------
    HarnessError
        If something is missing, the edges do not form a cell, or its text does not read back.
    """
    for name in ("edges", "primitives"):
        if not getattr(space, name, ()):
            raise HarnessError(f"{where}: it has no {name}; a CellSpace states edges and primitives")
    _check_edges(space, where)
    if len(set(space.primitives)) < len(space.primitives) or set(space.primitives) <= {NONE}:
        raise HarnessError(f"{where}: primitives: wanted different operations, not only none: {space.primitives}")
    if space.fan_in is not None and (space.fan_in < 1 or NONE not in space.primitives):
        raise HarnessError(f"{where}: fan_in {space.fan_in}: wanted at least 1, and none among the primitives")
    if space.output not in OUTPUTS:
        raise HarnessError(f"{where}: {unknown_name('output', space.output, OUTPUTS)}")
    if not 1 <= len(space.cells) <= 2 or not all(group.isidentifier() for group in space.cells):
        raise HarnessError(f"{where}: cells: wanted the titles of one or two cells by name, not {dict(space.cells)}")
    if type(space).own_skeleton is CellSpace.own_skeleton:
        _check_skeleton(space, where)


def _check_skeleton(space: CellSpace, where: str) -> None:
    if space.skeleton not in READS:
        raise HarnessError(f"{where}: {unknown_name('skeleton', space.skeleton, READS)}")
    network = f"the network {space.skeleton}"
    if space.inputs != (reads := READS[space.skeleton]):
        raise HarnessError(f"{where}: inputs: a cell in {network} has {reads}, not {space.inputs}")
    if space.skeleton == "nasbench201" and space.width > 1:
        raise HarnessError(f"{where}: output: a cell in {network} keeps its channels; write 'last'")
    if space.skeleton == "nasbench201" and len(space.cells) > 1:
        raise HarnessError(f"{where}: cells: {network} has no cell that halves the image; state one")


def _check_edges(space: CellSpace, where: str) -> None:
    wrong = f"{where}: the edges do not form a cell: "
    for edge in space.edges:
        if len(edge) != 2 or not (0 <= edge[0] < edge[1] and edge[1] >= space.inputs):
            raise HarnessError(f"{wrong}{edge} does not run from an earlier state to a later one that is no input")
    in_order = sorted(set(space.edges), key=lambda edge: edge[::-1])
    if list(space.edges) != in_order:
        raise HarnessError(f"{wrong}wanted each once, sorted by target and then by source: {tuple(in_order)}")
    last = space.edges[-1][1]
    sources, targets = ({edge[end] for edge in space.edges} for end in (0, 1))
    if dangling := sorted({*range(space.inputs, last + 1)} - targets):
        raise HarnessError(f"{wrong}none runs into state {dangling[0]}")
    read = sources | ({last} if space.output == "last" else targets)
    if unread := sorted({*range(last + 1)} - read):
        raise HarnessError(f"{wrong}none leaves state {unread[0]}")


@cache
def _check_encoding(space: CellSpace) -> None:
    """As `_check`, of the methods that a class may have of its own: what they call may stand below it in its file."""
    where = f"cell space {space.name!r}"
    for edges in space.edges_of(first := (0,) * len(space.cardinalities)).values():
        if wrong := [edge for edge in edges if edge[:2] not in space.edges or edge[2] not in space.primitives]:
            raise HarnessError(
                f"{where}: edges_of gives {wrong[0]}, which the space's edges and primitives do not hold"
            )
        if len(edges) < len(space.edges) and NONE not in space.primitives:
            raise HarnessError(
                f"{where}: primitives: an architecture leaves edges out, so that none must be among them"
            )
    if space.parse(text := space.format(first)) != first:
        raise HarnessError(f"{where}: its text {text!r} reads back as {space.parse(text)}, not {first}")
