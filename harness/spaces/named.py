"""The spaces of tables by name: built-in ones, and cell spaces that are small enough."""

from __future__ import annotations

from collections.abc import Callable

from harness.errors import unknown_name
from harness.spaces.base import Space
from harness.spaces.digits import macro_space, nats_size_space
from harness.spaces.nasbench101 import NASBench101Space
from harness.spaces.nasbench201 import NASBench201Space
from harness.spaces.nasbench_graph import OPERATIONS_PROTEINS, NASBenchGraphSpace
from harness.spaces.registry import cell_space, cell_space_names

LARGEST = 10**7  # encodings of a cell space that a table has an index of

SPACES: dict[str, Callable[[], Space]] = {
    "nasbench101": NASBench101Space,
    "nasbench201": NASBench201Space,
    "nasbench-graph": NASBenchGraphSpace,
    "nasbench-graph-proteins": lambda: NASBenchGraphSpace(OPERATIONS_PROTEINS),
    "nats-size": nats_size_space,
    "nas-bench-macro": macro_space,
}


def table_space_names() -> list[str]:
    """Sorted names of the spaces that a table can have."""
    return sorted({*SPACES, *(name for name in cell_space_names() if cell_space(name).size <= LARGEST)})


def make_space(name: str) -> Space:
    """A space that a table can have, by name; an unknown name is an error with the nearest ones."""
    if name in SPACES:
        return SPACES[name]()
    if name not in table_space_names():
        raise unknown_name("space", name, table_space_names())
    return cell_space(name)
