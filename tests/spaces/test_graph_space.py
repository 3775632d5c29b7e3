"""The space of NAS-Bench-Graph."""

from __future__ import annotations

import pytest

from harness.errors import HarnessError
from harness.spaces.nasbench_graph import LAYOUTS, OPERATIONS, OPERATIONS_PROTEINS, NASBenchGraphSpace

SPACE, PROTEINS = NASBenchGraphSpace(), NASBenchGraphSpace(OPERATIONS_PROTEINS)


@pytest.mark.parametrize(("space", "size"), [(SPACE, 59_049), (PROTEINS, 5_625)])
def test_every_encoding_round_trips(space: NASBenchGraphSpace, size: int) -> None:
    assert space.size == size
    for index in range(0, size, 7):
        assert space.index(space.parse(space.format(space.arch(index)))) == index


def test_a_text() -> None:
    assert SPACE.parse("0,1,2,3|gcn,gat,skip,fc") == (LAYOUTS.index((0, 1, 2, 3)), 1, 0, 8, 7)
    assert SPACE.format((8, 1, 0, 8, 7)) == "0,1,2,3|gcn,gat,skip,fc"


def test_a_published_key_spells_an_encoding_out() -> None:
    for arch in [(0, 0, 0, 0, 0), (8, 1, 0, 7, 2), (3, 6, 5, 4, 3)]:
        digits = int("".join(map(str, arch)))
        assert SPACE.from_hash(digits) == arch
    assert SPACE.from_hash(90_000) is None  # no tenth layout
    assert SPACE.from_hash(9) is None  # no tenth operation
    assert PROTEINS.from_hash(OPERATIONS.index("cheb")) is None  # ran out of memory on proteins


@pytest.mark.parametrize("arch", [(0, 8, 1, 8, 2), (1, 1, 1, 1, 1), (4, 0, 8, 0, 8)])
def test_the_canonical_encoding_has_the_same_published_key(arch: tuple[int, ...]) -> None:
    canonical = SPACE.canonical(arch)
    assert SPACE.published_hash(canonical) == SPACE.published_hash(arch)
    assert SPACE.canonical(canonical) == canonical


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the layout must be one of"),
        ("0,1,2,3", "the layout must be one of"),
        ("0,1,2|gcn,gat,skip,fc", "the layout must be one of"),
        ("3,2,1,0|gcn,gat,skip,fc", "the layout must be one of"),
        ("a,b,c,d|gcn,gat,skip,fc", "the layout must be one of"),
        ("0,1,2,3|gcn,gat,skip", "wanted four of gat, gcn"),
        ("0,1,2,3|gcn,gat,skip,mlp", "wanted four of gat, gcn"),
        ("0,1,2,3|gcn,gat,skip,fc,fc", "wanted four of gat, gcn"),
    ],
)
def test_malformed_texts(text: str, message: str) -> None:
    with pytest.raises(HarnessError, match="space nasbench-graph: cannot read ") as caught:
        SPACE.parse(text)
    assert message in str(caught.value)


def test_proteins_lacks_operations() -> None:
    with pytest.raises(HarnessError, match="space nasbench-graph-proteins"):
        PROTEINS.parse("0,1,2,3|gcn,gat,skip,fc")
