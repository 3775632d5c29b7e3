"""The cell space of NAS-Bench-101."""

from __future__ import annotations

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.spaces.nasbench101 import EDGES, MAX_EDGES, NASBench101Space, first_of_class, pruned, wirings

SPACE = NASBench101Space()
COMPLETE = "".join("0" * (row + 1) + "1" * (6 - row) for row in range(7))


def test_it_has_as_many_computations_as_the_benchmark_lists() -> None:
    assert len(wirings()) == 13_839
    assert len(np.unique(first_of_class())) == 423_624


def test_wirings_are_pruned_and_small() -> None:
    some = np.random.default_rng(0).choice(wirings(), 300, replace=False).tolist()
    assert all(pruned(mask) == mask and 1 <= mask.bit_count() <= MAX_EDGES for mask in some)
    assert pruned(1 << EDGES.index((0, 3))) == 0


def test_text_and_encoding_agree() -> None:
    rng = np.random.default_rng(1)
    for _ in range(200):
        arch = SPACE.sample(rng)
        assert SPACE.parse(SPACE.format(arch)) == arch
        assert SPACE.canonical(SPACE.canonical(arch)) == SPACE.canonical(arch)


def test_renumbered_cells_are_one_computation() -> None:
    rng = np.random.default_rng(2)
    renumbered = 0
    for _ in range(200):
        arch = SPACE.sample(rng)
        digits, _, names = SPACE.format(arch).partition("|")
        matrix = np.array(list(digits)).reshape(7, 7)
        order = np.array([0, *rng.permutation(range(1, 6)), 6])
        moved, operations = matrix[np.ix_(order, order)], np.array(names.split(","))[order]
        if np.any(np.tril(moved == "1")):
            continue  # an edge would lead back
        renumbered += 1
        other = SPACE.parse(f"{''.join(moved.ravel())}|{','.join(operations)}")
        assert SPACE.canonical(other) == SPACE.canonical(arch)
    assert renumbered > 20


def test_neighbours_differ_by_an_operation_or_an_edge() -> None:
    arch = SPACE.sample(np.random.default_rng(3))
    near = list(SPACE.neighbours(arch))
    assert len(near) == len(set(near))
    assert arch not in near
    assert sum(other[0] == arch[0] for other in near) == 10
    masks = {int(wirings()[other[0]]) for other in near if other[0] != arch[0]}
    own = int(wirings()[arch[0]])
    assert masks
    assert masks <= {pruned(own ^ (1 << edge)) for edge in range(len(EDGES))}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0100|input,conv3x3-bn-relu", "begin with input and end with output"),
        ("010000000|input,conv,output", "unknown operation 'conv'"),
        ("0000|input,output", "the output cannot be reached"),
        ("0010|input,output", "must lead from a vertex to a later one"),
        ("01|input,output", "wanted n x n digits"),
        (f"{COMPLETE}|input{',maxpool3x3' * 5},output", "21 edges; at most 9"),
    ],
)
def test_malformed_cells_are_refused(text: str, message: str) -> None:
    with pytest.raises(HarnessError, match=message):
        SPACE.parse(text)
