"""Benchmarks by name: the packaged ones, those that a user has imported, and those of plug-ins."""

from __future__ import annotations

from collections.abc import Callable, Container
from functools import lru_cache
from importlib.metadata import entry_points

from harness.errors import HarnessError, unknown_name
from harness.spaces.base import CategoricalSpace, Space
from harness.spaces.named import make_space
from harness.system import plugins
from harness.tabular import nasbench_graph, recorded, store, synthetic
from harness.tabular.table import Table
from harness.taxonomy import KINDS

SUPERNETS = ("live/", "one-shot/", "elastic/")  # what the names of benchmarks that have a supernet begin with
LONGEST_NAME = 200  # bytes: what every file system takes
_REGISTRY: dict[str, Callable[[], Table]] = {}


def register_benchmark(name: str) -> Callable[[Callable[[], Table]], Callable[[], Table]]:
    """Decorator: make the table that a function returns known by name. It is called once a process, when first wanted."""

    def register(load: Callable[[], Table]) -> Callable[[], Table]:
        if name in packaged_names() or name.startswith(SUPERNETS):
            raise HarnessError(f"{name!r} is a packaged benchmark; register {load.__module__} under another name")
        known = _REGISTRY.get(name)
        if known is not None and (known.__module__, known.__qualname__) != (load.__module__, load.__qualname__):
            raise HarnessError(f"benchmark {name!r} is registered twice: {known.__module__} and {load.__module__}")
        _REGISTRY[name] = load
        load_table.cache_clear()  # it may be another loader than before
        return load

    return register


def _forget(modules: Container[str]) -> None:
    """Forget the benchmarks that these modules have registered: they are to be imported anew."""
    for name in [name for name, load in _REGISTRY.items() if load.__module__ in modules]:
        del _REGISTRY[name]
    load_table.cache_clear()


plugins.on_forget(_forget)


def registered_loader(name: str) -> Callable[[], Table] | None:
    """The loader that was registered under a name in this process, None for packaged and stored benchmarks."""
    return _REGISTRY.get(name)


def packaged_names() -> list[str]:
    """Names that are known on every machine."""
    graphs = [f"{nasbench_graph.FAMILY}/{dataset}" for dataset in nasbench_graph.DATASETS]
    return [*graphs, *recorded.shipped_files(".parquet"), synthetic.NAME]


def benchmark_names() -> list[str]:
    """Sorted names of all benchmarks that can be loaded here."""
    _load_entry_points()
    return sorted({*packaged_names(), *_REGISTRY, *store.stored_names()})


@lru_cache(maxsize=64)
def load_table(name: str) -> Table:
    """Load a benchmark by name.

    Parameters
    ----------
    name
        A name that ``nas-harness ls benchmarks`` lists, e.g. ``"nasbench-graph/cora"``.

    Returns
    -------
    Table
        With ``.space``, ``.valid``, ``.test`` and ``.weights`` (float arrays over rows, in the table's own unit) and
        ``.architectures`` (the encoding of every row). Its arrays are memory-mapped and read-only.

    Raises
    ------
    HarnessError
        If the name is unknown (the nearest names are given), or a stored table is damaged.
    """
    _load_entry_points()
    if name in _REGISTRY:
        return loaded(name, _REGISTRY[name])
    if name == synthetic.NAME:
        return synthetic.convert()
    family, _, dataset = name.partition("/")
    if family == nasbench_graph.FAMILY and dataset in nasbench_graph.DATASETS:
        return _converted(name, dataset)
    if name in recorded.shipped_files(".parquet"):
        return recorded.load(name)
    if store.is_stored(name):
        return store.load(name, stored_space(name))
    raise unknown_name("benchmark", name, benchmark_names())


def loaded(name: str, load: Callable[[], Table]) -> Table:
    """What a registered loader returns, once it has been looked at.

    Raises
    ------
    HarnessError
        If it raises, or returns anything but a table of that name, with a score in every row.
    """
    try:
        table = load()
    except HarnessError:
        raise
    except (Exception, SystemExit) as error:
        raise HarnessError(
            f"benchmark {name!r}: its loader {load.__qualname__} raised {type(error).__name__}: {error}"
        ) from error
    if not isinstance(table, Table) or table.name != name:
        found = f"a table called {table.name!r}" if isinstance(table, Table) else repr(table)
        raise HarnessError(f"benchmark {name!r}: its loader {load.__qualname__} returned {found}, not its table")
    if not hasattr(table.space, "kind"):
        raise HarnessError(
            f"benchmark {name!r}: space {type(table.space).__name__} states no kind; add one of {', '.join(KINDS)} to the class"
        )
    table.check_scores()
    return table


def save_benchmark(table: Table) -> None:
    """Put a table into the store, so that it is known by name from now on.

    Raises
    ------
    HarnessError
        If the name belongs to a packaged benchmark or is not usable as one.
    """
    check_name(table.name)
    store.save(table)
    load_table.cache_clear()


def check_name(name: str) -> None:
    """Refuse a name under which no table can be stored: one that belongs to others, that is in the way, or no file can have."""
    if name in packaged_names() or name.startswith((f"{nasbench_graph.FAMILY}/", *SUPERNETS)):
        raise HarnessError(f"benchmark name {name!r} belongs to a packaged benchmark; choose another")
    parts = name.split("/")
    if any(not part or part.startswith(".") or not all(c.isalnum() or c in "-_.+@" for c in part) for part in parts):
        raise HarnessError(f"benchmark name {name!r}: wanted letters, digits and -_.+@ in parts divided by /")
    if len(name.encode()) > LONGEST_NAME:
        raise HarnessError(f"benchmark name {name[:40]!r}... has {len(name)} characters; wanted at most {LONGEST_NAME}")
    for other in store.stored_names():
        if other.startswith(f"{name}/") or name.startswith(f"{other}/"):
            raise HarnessError(f"benchmark name {name!r} is in the way of benchmark {other!r}; choose another")


def _converted(name: str, dataset: str) -> Table:
    """A packaged table from the store; converted first, or again if what is there is damaged or of another release."""
    if store.is_stored(name):
        try:
            table = store.load(name, nasbench_graph.space_of(dataset))
            if table.source.get("package") == nasbench_graph.package():
                table.verify()  # small, and damage can be mended here
                return table
        except HarnessError:
            pass  # a packaged table can always be rebuilt from its package
    store.save(nasbench_graph.convert(dataset))
    return store.load(name, nasbench_graph.space_of(dataset))


def stored_space(name: str) -> Space:
    """The space of a stored table, from its card."""
    described = store.card_of(name)["space"]
    try:
        if "variables" not in described:
            return make_space(described["name"])
        return CategoricalSpace(described["name"], {key: tuple(choices) for key, choices in described["variables"]})
    except (HarnessError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise HarnessError(
            f"table {name}: its card names no space that is known here; load the plug-in that registers it, or import it again"
        ) from error


@lru_cache(maxsize=1)  # looking through the installed packages takes milliseconds
def _load_entry_points() -> None:
    for point in entry_points(group="nas_harness.benchmarks"):
        if point.name not in _REGISTRY:
            point.load()
