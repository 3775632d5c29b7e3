"""What can be reached from an object: how the kit looks for test values."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import numpy as np


def reachable(start: object) -> Iterator[object]:
    """Every object that can be reached from `start` by references, classes, modules and functions left out."""
    seen: set[int] = set()
    stack = [start]
    while stack:
        item = stack.pop()
        if id(item) in seen or isinstance(item, type | type(gc) | type(reachable)):
            continue
        seen.add(id(item))
        yield item
        stack.extend(gc.get_referents(item))
        if isinstance(item, memoryview):  # what a view is of is not among its referents
            stack.append(item.obj)
        if isinstance(item, np.ndarray) and item.base is not None:
            stack.append(item.base)
