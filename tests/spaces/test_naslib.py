"""Architectures in NASLib's forms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.spaces.darts import DartsSpace
from harness.spaces.nasbench201 import NASBench201Space
from harness.spaces.naslib import from_compact, from_op_indices, to_compact, to_op_indices

# By NASLib's names and edges: (1, 2) Identity, (1, 3) Zero, (1, 4) 3x3, (2, 3) 1x1, (2, 4) pool, (3, 4) 3x3.
KNOWN = (0, 1, 2, 3, 4, 2)
TEXT = "|skip_connect~0|+|none~0|nor_conv_1x1~1|+|nor_conv_3x3~0|avg_pool_3x3~1|nor_conv_3x3~2|"
# DARTS's second-order cells (Liu et al. 2019, figures 4 and 5), and their pairs by NASLib's list, which begins with max_pool_3x3.
DARTS = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 1), "
    "('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), "
    "('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0), ('skip_connect', 2), "
    "('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=[2, 3, 4, 5])"
)
NORMAL = ((0, 3), (1, 3), (0, 3), (1, 3), (1, 3), (0, 2), (0, 2), (2, 5))
REDUCE = ((0, 0), (1, 0), (2, 2), (1, 0), (0, 0), (2, 2), (2, 2), (1, 0))


def test_a_cell_by_hand() -> None:
    space = NASBench201Space()
    assert space.format(from_op_indices(KNOWN)) == TEXT
    assert to_op_indices(space.parse(TEXT)) == KNOWN


def test_darts_by_hand() -> None:
    space = DartsSpace()
    assert from_compact((NORMAL, REDUCE)) == space.parse(DARTS)
    assert from_compact([list(map(list, NORMAL)), list(map(list, REDUCE))]) == space.parse(DARTS)
    # A node is the sum of its two edges: their order is not part of the architecture.
    found = to_compact(space.parse(DARTS))
    for theirs, ours in zip((NORMAL, REDUCE), found, strict=True):
        pairs = [(sorted(cell[place : place + 2]) for place in range(0, 8, 2)) for cell in (theirs, ours)]
        assert list(pairs[0]) == list(pairs[1])


@given(st.integers(0, 5**6 - 1))
def test_there_and_back(index: int) -> None:
    arch = NASBench201Space().arch(index)
    assert from_op_indices(to_op_indices(arch)) == arch


@given(st.data())
def test_darts_there_and_back(data: st.DataObject) -> None:
    arch = tuple(data.draw(st.integers(0, size - 1)) for size in DartsSpace().cardinalities)
    assert from_compact(to_compact(arch)) == arch


@pytest.mark.parametrize(
    ("indices", "message"),
    [((0, 1, 2), "wanted 6 operations, not 3"), ((0, 1, 2, 3, 4, 5), r"operation 5 is none of 0\.\.4 \(skip_connect")],
)
def test_what_is_no_cell(indices: tuple[int, ...], message: str) -> None:
    with pytest.raises(HarnessError, match=message):
        from_op_indices(indices)


@pytest.mark.parametrize(
    ("compact", "message"),
    [
        ((NORMAL,), "wanted a normal and a reduction cell, not 1"),
        ((NORMAL, REDUCE[:7]), "wanted 8 pairs"),
        ((NORMAL, (*REDUCE[:7], (1, 7))), "compact: operation 7 is none of"),
        ((NORMAL, (*REDUCE[:7], (6, 0))), r"node 5 has no input 6; wanted one of 0\.\.4"),
    ],
)
def test_what_is_no_darts_architecture(compact: object, message: str) -> None:
    with pytest.raises(HarnessError, match=message):
        from_compact(compact)  # type: ignore[arg-type]
