"""The cell space of NAS-Bench-201."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.spaces.nasbench201 import EDGES, OPERATIONS, NASBench201Space
from harness.spaces.registry import cell_space

SPACE = NASBench201Space()
TEXT = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"


def test_every_cell_round_trips() -> None:
    texts = [SPACE.format(SPACE.arch(index)) for index in range(SPACE.size)]
    assert len(set(texts)) == SPACE.size == 15_625
    assert [SPACE.index(SPACE.parse(text)) for text in texts] == list(range(SPACE.size))


def test_a_published_text() -> None:
    # The first cell of the published table, in the published order of operations.
    assert SPACE.parse(TEXT) == (4, 2, 1, 2, 1, 1)
    assert SPACE.format((4, 2, 1, 2, 1, 1)) == TEXT


def test_6466_cells_are_unique_as_computations() -> None:
    canonical = {SPACE.canonical(SPACE.arch(index)) for index in range(SPACE.size)}
    assert len(canonical) == 6_466
    assert all(SPACE.canonical(arch) == arch for arch in canonical)


def test_cells_that_a_pooled_zero_makes_equal() -> None:
    none = OPERATIONS.index("none")
    dead_end = [none] * len(EDGES)
    alive = list(dead_end)
    alive[EDGES.index((0, 1))] = OPERATIONS.index("nor_conv_3x3")  # node 1 feeds nothing
    assert SPACE.canonical(alive) == SPACE.canonical(dead_end)
    alive[EDGES.index((1, 3))] = OPERATIONS.index("skip_connect")
    assert SPACE.canonical(alive) != SPACE.canonical(dead_end)


def test_neighbours() -> None:
    assert len(list(SPACE.neighbours((0,) * 6))) == 6 * 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "1 nodes instead of 3"),
        (TEXT.replace("+", " "), "1 nodes instead of 3"),
        (TEXT + "+|none~0|", "4 nodes instead of 3"),
        (TEXT.replace("avg_pool_3x3", "max_pool_3x3"), "unknown operation 'max_pool_3x3'"),
        (TEXT.replace("skip_connect~2", "skip_connect~1"), "should end in ~2"),
        (TEXT.replace("|skip_connect~2", ""), "node 3 has 2 edges instead of 3"),
        (TEXT[:-1], "node 3 is not between bars"),
        (TEXT.replace("|avg_pool_3x3~0|", "|"), "node 1 is not between bars"),
        (TEXT.replace("~0", ""), "should end in ~0"),
        ("None", "1 nodes"),
    ],
)
def test_malformed_texts(text: str, message: str) -> None:
    with pytest.raises(HarnessError, match="space nasbench201: cannot read ") as caught:
        SPACE.parse(text)
    assert message in str(caught.value)


def test_paths_are_the_sequences_of_operations() -> None:
    """155 columns, and the four paths of a cell, told from the text of its edges."""
    space = NASBench201Space()
    codes = space.codes(np.arange(space.size))
    features = space.paths(codes)
    assert features is not None
    assert features.shape == (15625, 5 + 25 + 125)
    assert (features.sum(axis=1) == 4).all()
    columns = [route for length in (1, 2, 3) for route in itertools.product(OPERATIONS, repeat=length)]
    for arch, row in zip(codes[::61].tolist(), features[::61], strict=True):
        edge = {(source, target): operation for source, target, operation in space.edges_of(arch)["cell"]}
        walks = [(0, 3), (0, 1, 3), (0, 2, 3), (0, 1, 2, 3)]
        walked = Counter(tuple(edge[step] for step in itertools.pairwise(walk)) for walk in walks)
        assert {columns[place]: int(row[place]) for place in np.flatnonzero(row)} == walked


def test_paths_want_one_choice_an_edge() -> None:
    darts = cell_space("darts")
    assert darts.paths(np.zeros((1, len(darts.cardinalities)), dtype=int)) is None
