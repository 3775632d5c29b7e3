"""Cells as graphs: what is drawn of an architecture, laid out in layers from left to right, and drawn.

An operation is a station of its own on its edge, so that no two labels meet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path

from harness.spaces.cells import CellSpace, Edge

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEIGHTS = {"node": 1.2, "operation": 1.2, "bend": 0.6}  # room that a station takes in its layer
HALF_WIDTH, HALF_HEIGHT = 0.36, 0.3  # of a node's box
SWEEPS = 24
# Colours of edges by what their operation's name holds, the first that fits: convolutions, pools, skips, none.
COLOURS = (("conv", "#0072B2"), ("pool", "#D55E00"), ("skip", "#009E73"), ("none", "#b0b0b0"), ("", "#999999"))


@dataclass(frozen=True)
class CellGraph:
    """A cell.

    Attributes
    ----------
    title
        What it is called.
    nodes
        Name of every node; edges are between their places.
    inputs
        How many of the first nodes are inputs.
    edges
        Edges, each from an earlier to a later node; without an operation where a cell's output gathers its nodes.
    """

    title: str
    nodes: tuple[str, ...]
    inputs: int
    edges: tuple[Edge, ...]


@dataclass
class Station:
    """A node, an operation on an edge, or a bend of an edge that passes a layer."""

    kind: str
    text: str
    layer: int
    y: float = 0.0


@dataclass(frozen=True)
class Layout:
    """Where everything stands: nodes by their place, and the stations of every edge from its source to its target."""

    stations: list[Station]
    edges: list[list[Station]]

    @property
    def width(self) -> float:
        """Number of layers."""
        return 1.0 + max(station.layer for station in self.stations)

    @property
    def ends(self) -> tuple[float, float]:
        """Lowest and highest place of a station."""
        places = [station.y for station in self.stations]
        return min(places), max(places)


def cells_of(space: CellSpace, text: str) -> list[CellGraph]:
    """Return the cells of an architecture by its text, as the description of their space has them."""
    last = space.edges[-1][1]
    names = [str(state) for state in range(last + 1)]
    if space.inputs > 1:  # outputs of the cells before
        names[: space.inputs] = [f"k−{before}" for before in range(space.inputs, 0, -1)]
    gathered: list[Edge] = []
    if space.output == "concat":
        names.append("k")
        gathered = [(node, last + 1, "") for node in range(space.inputs, last + 1)]
    return [
        CellGraph(space.cells[group], tuple(names), space.inputs, (*edges, *gathered))
        for group, edges in space.edges_of(space.parse(text)).items()
    ]


def layout(graph: CellGraph) -> Layout:
    """Lay a cell out: nodes in even layers by their depth, an operation in an odd one halfway, bends in the layers between.

    Layers are put in the order of their neighbours' places, then pulled towards these as far as there is room.
    """
    depth = [0] * len(graph.nodes)
    for source, target, _ in sorted(graph.edges, key=lambda edge: edge[1]):
        depth[target] = max(depth[target], depth[source] + 1)
    nodes = [Station("node", name, 2 * level) for name, level in zip(graph.nodes, depth, strict=True)]
    edges = []
    for source, target, operation in graph.edges:
        first, last = nodes[source].layer, nodes[target].layer
        middle = (first + last) // 4 * 2 + 1 if (first + last) % 4 == 0 else (first + last) // 2
        between = [
            Station("operation" if operation and layer == middle else "bend", operation, layer)
            for layer in range(first + 1, last)
        ]
        edges.append([nodes[source], *between, nodes[target]])
    stations = [*nodes, *(station for edge in edges for station in edge[1:-1])]
    _place(stations, edges)
    return Layout(stations, edges)


def _place(stations: Sequence[Station], edges: Sequence[Sequence[Station]]) -> None:
    before: dict[int, list[Station]] = {id(station): [] for station in stations}
    after: dict[int, list[Station]] = {id(station): [] for station in stations}
    for edge in edges:
        for left, right in pairwise(edge):
            before[id(right)].append(left)
            after[id(left)].append(right)
    layers: list[list[Station]] = [[] for _ in range(1 + max(station.layer for station in stations))]
    for station in stations:
        layers[station.layer].append(station)
    for layer in layers:
        _stack(layer, [0.0] * len(layer))

    def middle(station: Station, sides: Sequence[Mapping[int, list[Station]]]) -> float:
        near = [other.y for side in sides for other in side[id(station)]]
        return sum(near) / len(near) if near else station.y

    for sweep in range(SWEEPS):
        sides, order = ((before,), layers) if sweep % 2 == 0 else ((after,), layers[::-1])
        for layer in order:
            layer.sort(key=lambda station: middle(station, sides))
            _stack(layer, [middle(station, sides) for station in layer])
    for _ in range(SWEEPS):
        for layer in layers:
            _stack(layer, [middle(station, (before, after)) for station in layer])


def _stack(layer: Sequence[Station], wanted: Sequence[float]) -> None:
    """Place a layer's stations in their order, none nearer to another than their heights allow, about where they are wanted."""
    places: list[float] = []
    for station, want in zip(layer, wanted, strict=True):
        room = (HEIGHTS[station.kind] + HEIGHTS[layer[len(places) - 1].kind]) / 2 if places else 0.0
        places.append(max(want, places[-1] + room) if places else want)
    shift = sum(want - place for want, place in zip(wanted, places, strict=True)) / max(len(layer), 1)
    for station, place in zip(layer, places, strict=True):
        station.y = place + shift


def plot_cell(graph: CellGraph, *, ax: Axes, placed: Layout | None = None) -> Axes:
    """Draw a cell.

    Parameters
    ----------
    graph
        The cell.
    ax
        Where to draw.
    placed
        Its layout, where it is known.
    """
    placed = placed or layout(graph)
    for (_, _, operation), stations in zip(graph.edges, placed.edges, strict=True):
        _draw_edge(ax, operation, stations)
    for place, name in enumerate(graph.nodes):
        _draw_node(ax, name, placed.stations[place], place < graph.inputs)
    low, high = placed.ends
    ax.set(xlim=(-0.6, placed.width - 0.4), ylim=(low - 0.7, high + 0.7))
    ax.set_axis_off()
    ax.set_title(graph.title)
    return ax


def _draw_edge(ax: Axes, operation: str, stations: Sequence[Station]) -> None:
    colour = next(colour for part, colour in COLOURS if part in operation)
    points = [(float(station.layer), station.y) for station in stations]
    points[0] = (points[0][0] + HALF_WIDTH, points[0][1])
    points[-1] = (points[-1][0] - HALF_WIDTH, points[-1][1])
    # Smooth through all stations, level at both ends.
    slopes = [0.0, *((d - b) / (c - a) for (a, b), (c, d) in zip(points, points[2:], strict=False)), 0.0]
    vertices, codes = [points[0]], [Path.MOVETO]
    for ((x, y), slope), ((next_x, next_y), next_slope) in pairwise(zip(points, slopes, strict=True)):
        third = (next_x - x) / 3
        vertices += [(x + third, y + slope * third), (next_x - third, next_y - next_slope * third), (next_x, next_y)]
        codes += [Path.CURVE4] * 3
    line = (0, (1.5, 1.5)) if operation == "none" else "-"
    ax.add_patch(
        FancyArrowPatch(
            path=Path(vertices, codes),
            arrowstyle="-|>",
            mutation_scale=7,
            color=colour,
            linewidth=1.1,
            linestyle=line,
            shrinkA=0,
            shrinkB=0,
        )
    )
    for station in stations:
        if station.kind == "operation":
            head, _, tail = operation.rpartition("_")
            ax.text(
                station.layer,
                station.y,
                f"{head}\n{tail}" if head else tail,
                ha="center",
                va="center",
                fontsize=6.5,
                linespacing=1.0,
                color=colour if operation != "none" else "#777777",
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
                zorder=3,
            )


def _draw_node(ax: Axes, name: str, station: Station, is_input: bool) -> None:
    ax.add_patch(
        FancyBboxPatch(
            (station.layer - HALF_WIDTH, station.y - HALF_HEIGHT),
            2 * HALF_WIDTH,
            2 * HALF_HEIGHT,
            boxstyle="round,pad=0,rounding_size=0.12",
            facecolor="#e8eef3" if is_input else "#ffffff",
            edgecolor="#333333",
            linewidth=0.9,
            zorder=4,
        )
    )
    ax.text(station.layer, station.y, name, ha="center", va="center", fontsize=7.5, zorder=5)
