"""Cells as graphs: every edge is there, and no two labels or nodes meet."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from harness.reporting.cell_graphs import HEIGHTS, CellGraph, cells_of, layout
from harness.spaces.cells import CellSpace
from harness.spaces.darts import DartsSpace, Genotype
from harness.spaces.nasbench201 import NASBench201Space


def some(space: CellSpace, count: int = 40) -> list[str]:
    rng = np.random.default_rng(0)
    return [space.format(space.sample(rng)) for _ in range(count)]


CELLS = [(space, text) for space in (DartsSpace(), NASBench201Space()) for text in some(space)]


def test_the_cells_of_a_genotype() -> None:
    text = some(DartsSpace())[0]
    genotype = Genotype.parse(text)
    normal, reduction = cells_of(DartsSpace(), text)
    assert (normal.title, reduction.title) == ("normal cell", "reduction cell")
    for graph, genes in ((normal, genotype.normal), (reduction, genotype.reduce)):
        assert [(operation, source) for source, _, operation in graph.edges[:8]] == list(genes)
        assert [target for _, target, _ in graph.edges[:8]] == [2, 2, 3, 3, 4, 4, 5, 5]
        assert graph.edges[8:] == tuple((node, 6, "") for node in (2, 3, 4, 5))
        assert graph.nodes == ("k−2", "k−1", "2", "3", "4", "5", "k")


def test_a_cell_of_nasbench201() -> None:
    (graph,) = cells_of(
        NASBench201Space(), "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|nor_conv_1x1~1|none~2|"
    )
    assert graph.edges == (
        (0, 1, "nor_conv_3x3"),
        (0, 2, "none"),
        (1, 2, "skip_connect"),
        (0, 3, "avg_pool_3x3"),
        (1, 3, "nor_conv_1x1"),
        (2, 3, "none"),
    )


@pytest.mark.parametrize(("space", "text"), CELLS)
def test_a_layout_has_room_for_all_and_edges_run_to_the_right(space: CellSpace, text: str) -> None:
    for graph in cells_of(space, text):
        placed = layout(graph)
        nodes = placed.stations[: len(graph.nodes)]
        assert [station.text for station in nodes] == list(graph.nodes)
        assert all(station.layer % 2 == 0 for station in nodes)
        for one, other in combinations(placed.stations, 2):
            if one.layer == other.layer:
                assert abs(one.y - other.y) >= (HEIGHTS[one.kind] + HEIGHTS[other.kind]) / 2 - 1e-9
        for (source, target, operation), stations in zip(graph.edges, placed.edges, strict=True):
            assert stations[0] is nodes[source]
            assert stations[-1] is nodes[target]
            assert [station.layer for station in stations] == list(range(stations[0].layer, stations[-1].layer + 1))
            labels = [station.text for station in stations if station.kind == "operation"]
            assert labels == ([operation] if operation else [])


def test_a_layout_is_the_same_every_time() -> None:
    graph = CellGraph("cell", ("a", "b", "c"), 1, ((0, 1, "x"), (0, 2, "y"), (1, 2, "z")))
    places = [[(station.layer, station.y) for station in layout(graph).stations] for _ in range(2)]
    assert places[0] == places[1]
