"""Sizes of derived cells, as MiLeNAS counts them. No torch here: reports read them too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def convolutions(operations: Sequence[str]) -> int:
    """How many operations are convolutions: MiLeNAS's size of a cell."""
    return sum("conv" in name for name in operations)


def skips(operations: Sequence[str]) -> int:
    """How many operations pass their input on: a cell of skips only has collapsed."""
    return operations.count("skip_connect")


def best_by_size(rows: Iterable[Mapping[str, Any]]) -> dict[tuple[int, ...], Mapping[str, Any]]:
    """MiLeNAS's model-size-based search: of every size of the derived cells, the epoch of best validation accuracy.

    Parameters
    ----------
    rows
        Rows of epochs, see `harness.live.search.Search.run`. The size is the tuple of their ``convolutions_*``.
    """
    best: dict[tuple[int, ...], Mapping[str, Any]] = {}
    for row in rows:
        size = tuple(int(value) for name, value in row.items() if name.startswith("convolutions_"))
        if size not in best or row["valid_accuracy"] > best[size]["valid_accuracy"]:
            best[size] = row
    return best
