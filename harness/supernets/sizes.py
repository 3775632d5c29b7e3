"""Sizes of derived cells, as MiLeNAS counts them, and the early stop by them. No torch here: reports read them too."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from harness.errors import HarnessError, unknown_name
from harness.spaces import darts, nasbench201

# Of every group of a derived cell: its edges, and the operations that may stand there.
_DERIVED: Mapping[str, Mapping[str, tuple[int, Sequence[str]]]] = {
    "darts": dict.fromkeys(("normal", "reduce"), (2 * darts.NODES, darts.OPERATIONS)),
    "nasbench201": {"cell": (len(nasbench201.EDGES), nasbench201.OPERATIONS)},
}


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
        size = _size(row)
        if size not in best or row["valid_accuracy"] > best[size]["valid_accuracy"]:
            best[size] = row
    return best


def is_within(row: Mapping[str, Any], expected: Sequence[int] | None) -> bool:
    """Whether the cells derived after an epoch have at most the expected numbers of convolutions; an epoch may derive none.

    Parameters
    ----------
    row
        Of the epoch.
    expected
        One number a group; None: none is expected.
    """
    if expected is None or "arch" not in row:
        return False
    return all(size <= most for size, most in zip(_size(row), expected, strict=True))


def reached(
    rows: Sequence[Mapping[str, Any]], row: Mapping[str, Any], expected: Sequence[int] | None
) -> dict[str, int]:
    """``size_reached`` of the epoch after `rows`: the number (from 1) of the first one within the expected size; or nothing."""
    if rows and "size_reached" in rows[-1]:
        return {"size_reached": rows[-1]["size_reached"]}
    return {"size_reached": len(rows) + 1} if is_within(row, expected) else {}


class EarlyStop(NamedTuple):
    """What the early stop did in a search.

    Attributes
    ----------
    reached
        Number of the first epoch (from 1) whose derived cells had at most the expected size; None if there was none.
    epochs, epochs_saved
        Epochs that were done, and those of the budget that were not.
    seconds_saved
        What the latter would have taken, at the mean of the former.
    """

    reached: int | None
    epochs: int
    epochs_saved: int
    seconds_saved: float


def early_stop(rows: Sequence[Mapping[str, Any]]) -> EarlyStop | None:
    """What the early stop did; None where a search states nothing of it.

    Parameters
    ----------
    rows
        Of all epochs of one search, in order, as dictionaries; what is missing may be absent or NaN.
    """
    last = rows[-1] if rows else {}
    if _missing(last.get("epochs_saved")):
        return None
    first = None if _missing(last.get("size_reached")) else int(last["size_reached"])
    saved = int(last["epochs_saved"])
    spent = math.fsum(row[f"{name}seconds"] for row in rows for name in ("", "evaluation_", "tracking_"))
    return EarlyStop(first, len(rows), saved, saved * spent / len(rows))


def chance_of_size(space: str, expected: Sequence[int]) -> float:
    """Share of random architectures that have at most the expected size: how often a search would be small by chance.

    They are derived from random architecture parameters: which operation is the strongest of an edge is uniform then, so that the
    convolutions of a group are binomial, and groups are independent.

    Parameters
    ----------
    space
        Name of a cell space with a supernet.
    expected
        Greatest number of convolutions, one a group.

    Raises
    ------
    HarnessError
        If the space is unknown or has another number of groups.
    """
    if space not in _DERIVED:
        raise unknown_name("live space", space, _DERIVED)
    groups = _DERIVED[space]
    if len(expected) != len(groups):
        raise HarnessError(f"expected size: wanted one number for each of {', '.join(groups)}, not {list(expected)}")
    share = Fraction(1)
    for (edges, operations), most in zip(groups.values(), expected, strict=True):
        some, all_ = convolutions(operations), len(operations)
        ways = (math.comb(edges, k) * some**k * (all_ - some) ** (edges - k) for k in range(min(most, edges) + 1))
        share *= Fraction(sum(ways), all_**edges)
    return float(share)


def _size(row: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(int(value) for name, value in row.items() if name.startswith("convolutions_"))


def _missing(value: Any) -> bool:
    return value is None or math.isnan(value)
