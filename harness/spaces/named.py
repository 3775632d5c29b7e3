"""The built-in spaces of tables, by name."""

from __future__ import annotations

from collections.abc import Callable

from harness.errors import unknown_name
from harness.spaces.base import Space
from harness.spaces.digits import macro_space, nats_size_space
from harness.spaces.nasbench101 import NASBench101Space
from harness.spaces.nasbench201 import NASBench201Space
from harness.spaces.nasbench_graph import OPERATIONS_PROTEINS, NASBenchGraphSpace

SPACES: dict[str, Callable[[], Space]] = {
    "nasbench101": NASBench101Space,
    "nasbench201": NASBench201Space,
    "nasbench-graph": NASBenchGraphSpace,
    "nasbench-graph-proteins": lambda: NASBenchGraphSpace(OPERATIONS_PROTEINS),
    "nats-size": nats_size_space,
    "nas-bench-macro": macro_space,
}


def make_space(name: str) -> Space:
    """A built-in space by name."""
    if name not in SPACES:
        raise unknown_name("space", name, SPACES)
    return SPACES[name]()
