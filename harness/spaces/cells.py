"""A cell space: one description of a cell, from which its encoding, networks, supernet, derive rule and drawing all come.

A cell is a directed acyclic graph of states. The first are its inputs; every other one, a node, is the sum of the edges into it,
and an edge is an operation. A new space is a subclass of `CellSpace`, see `harness.spaces.registry.register_cell_space`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError
from harness.spaces.base import Arch, Space
from harness.taxonomy import SearchSpace

if TYPE_CHECKING:
    from harness.training.skeletons import Skeleton

Edge = tuple[int, int, str]  # source, target, operation
Weights = NDArray[np.floating]  # of the candidates of a group, (edges, candidates)

NONE = "none"  # the candidate that is no connection
MOST_PATHS = 10_000  # sequences of operations that `CellSpace.paths` has columns for


class CellSpace(Space):
    """A search space of cells. A subclass states its attributes; its text and its encoding may be others than one choice an edge.

    Attributes
    ----------
    edges
        (source, target) states of every edge of a supernet's cell, sorted by target and then by source: the order of the
        architecture parameters.
    primitives
        Candidate operations of every edge: names in `harness.training.operations.OPERATIONS` or `own_operations`.
    inputs
        How many of the states are inputs.
    cells
        Titles of the cells of an architecture by group: each group has architecture parameters of its own. Where there are two,
        the second is the cell that halves the image.
    output
        What a cell puts out: its ``"last"`` node, or all of its nodes, ``"concat"``.
    fan_in
        How many edges into a node the derive rule keeps, none of them `none`; None: all, whatever they are.
    skeleton
        The network around the cells: a key of `harness.training.skeletons.SKELETONS`. A space may have its own, `own_skeleton`.
    pools_normalised
        Whether a pool has a batch norm behind it in the supernet, as in DARTS's.
    nested
        The largest and the smallest network, where every network is a part of the largest; None elsewhere.
    stages
        Where networks are nested: what is made elastic, one after the other, and by stage which candidates each edge may have.
    own_operations
        Operations beside the built-in ones, by name: functions from channels, stride and the maker of a batch norm to a module,
        which import torch when they are called.
    """

    kind: SearchSpace = "cell"
    edges: ClassVar[tuple[tuple[int, int], ...]]
    primitives: ClassVar[tuple[str, ...]]
    inputs: ClassVar[int] = 1
    cells: ClassVar[Mapping[str, str]] = {"cell": "cell"}
    output: ClassVar[str] = "last"
    fan_in: ClassVar[int | None] = None
    skeleton: ClassVar[str] = "nasbench201"
    pools_normalised: ClassVar[bool] = False
    own_operations: ClassVar[Mapping[str, Callable[..., Any]]] = {}
    nested: ClassVar[tuple[Arch, Arch] | None] = None
    stages: ClassVar[Mapping[str, tuple[tuple[int, ...], ...]]] = {}

    # Encoding: one choice an edge, unless a subclass knows better ----------------------------------------------------

    @cached_property
    def cardinalities(self) -> tuple[int, ...]:  # type: ignore[override]
        """Number of choices of every variable: the candidates of each edge of each cell."""
        return (len(self.primitives),) * (len(self.cells) * len(self.edges))

    def edges_of(self, arch: Sequence[int]) -> dict[str, tuple[Edge, ...]]:
        """The edges of an architecture's cells by group."""
        arch = self.validate(arch)
        parts = zip(self.cells, range(0, len(arch), len(self.edges)), strict=True)
        return {
            group: tuple(
                (source, target, self.primitives[choice])
                for (source, target), choice in zip(self.edges, arch[first : first + len(self.edges)], strict=True)
            )
            for group, first in parts
        }

    def arch_of(self, cells: Mapping[str, Iterable[Edge]]) -> Arch:
        """The architecture of such edges, sorted by target; what is not among them is `none`."""
        return tuple(chain.from_iterable(self._candidates(cells[group]) for group in self.cells))

    def parse(self, text: str) -> Arch:
        """Read ``|op~0|+|op~0|op~1|+...``: node by node the operation and the source of each edge; cells divided by ``;``."""
        parts = text.split(";")
        if len(parts) != len(self.cells):
            raise self._malformed(text, f"{len(parts)} cells instead of {len(self.cells)}")
        return tuple(chain.from_iterable(self._parse_cell(text, part) for part in parts))

    def format(self, arch: Sequence[int]) -> str:
        """Write the text that `parse` reads."""
        return ";".join(
            "+".join(
                "|" + "".join(f"{operation}~{source}|" for source, end, operation in edges if end == target)
                for target in self._rows
            )
            for edges in self.edges_of(arch).values()
        )

    def _parse_cell(self, text: str, part: str) -> Iterable[int]:
        nodes = part.strip().split("+")
        if len(nodes) != len(self._rows):
            raise self._malformed(text, f"{len(nodes)} nodes instead of {len(self._rows)}")
        for number, (node, rows) in enumerate(zip(nodes, self._rows.values(), strict=True), start=1):
            if not (node.startswith("|") and node.endswith("|") and len(node) > 1):
                raise self._malformed(text, f"node {number} is not between bars: {node!r}")
            edges = node[1:-1].split("|")
            if len(edges) != len(rows):
                raise self._malformed(text, f"node {number} has {len(edges)} edges instead of {len(rows)}")
            for edge, row in zip(edges, rows, strict=True):
                operation, _, origin = edge.rpartition("~")
                if origin != str(source := self.edges[row][0]):
                    raise self._malformed(text, f"edge {edge!r} of node {number} should end in ~{source}")
                if operation not in self.primitives:
                    known = ", ".join(self.primitives)
                    raise self._malformed(text, f"unknown operation {operation!r} (operations: {known})")
                yield self.primitives.index(operation)

    def _malformed(self, text: str, what: str) -> HarnessError:
        return HarnessError(f"space {self.name}: cannot read {text!r}: {what}")

    def own_skeleton(self) -> Skeleton | None:
        """A network around the cells that is made for this space; None: that which `skeleton` names. Torch is imported here."""
        return None

    def paths(self, codes: NDArray[np.integer]) -> NDArray[np.float64] | None:
        """Sequences of operations from the input to the output; see `Space.paths`.

        Shorter sequences first, each length in lexicographic order. A sequence that two paths have counts twice, so that a row
        adds up to the number of paths: NAS-Bench-201 has 4 and 155 columns. `none` is an operation like any other. There are no
        paths in a cell with several inputs, or whose output is not its last node, or that has edges that its encoding does not
        name; and where there are more than 10,000 sequences.
        """
        routes, count = self._routes, len(self.primitives)
        if not routes or sum(count**length for length in {len(route) for route in routes}) > MOST_PATHS:
            return None
        codes, blocks = np.asarray(codes), []
        for length in sorted({len(route) for route in routes}):
            block = np.zeros((len(codes), count**length))
            places = count ** np.arange(length)[::-1]
            for route in routes:
                if len(route) == length:
                    block[np.arange(len(codes)), codes[:, route] @ places] += 1
            blocks.append(block)
        return np.concatenate(blocks, axis=1)

    # What follows from the description -------------------------------------------------------------------------------

    @property
    def groups(self) -> dict[str, int]:
        """Names and numbers of edges of the groups of architecture parameters, one (edges, candidates) array a group."""
        return dict.fromkeys(self.cells, len(self.edges))

    @property
    def width(self) -> int:
        """How many times its channels a cell puts out."""
        return len(self._rows) if self.output == "concat" else 1

    @property
    def derived_edges(self) -> int:
        """How many edges of a cell the derive rule keeps."""
        return sum(len(rows[: self.fan_in]) for rows in self._rows.values())

    @property
    def derived_operations(self) -> tuple[str, ...]:
        """The operations that may stand on an edge that the derive rule keeps."""
        return tuple(name for name in self.primitives if self.fan_in is None or name != NONE)

    def operations(self, arch: Sequence[int]) -> dict[str, list[str]]:
        """Names of an architecture's operations by group."""
        return {group: [operation for _, _, operation in edges] for group, edges in self.edges_of(arch).items()}

    def choices(self, arch: Sequence[int]) -> dict[str, list[int]]:
        """The candidate that stands on every edge of the supernet in an architecture, by group."""
        return {group: self._candidates(edges) for group, edges in self.edges_of(arch).items()}

    def derive(self, weights: Sequence[Weights]) -> Arch:
        """The architecture that the weights of the candidates prefer, by magnitude.

        The heaviest operation of every edge; where only `fan_in` edges into a node are kept, those whose heaviest operation,
        `none` left out, weighs most: the rules of NAS-Bench-201 and of DARTS (Liu et al., ICLR 2019, section 2.4).

        Parameters
        ----------
        weights
            One array a group, (edges, candidates).
        """
        return self.arch_of({group: self._strongest(own) for group, own in zip(self.cells, weights, strict=True)})

    def _strongest(self, weights: Weights) -> Iterable[Edge]:
        columns = [self.primitives.index(name) for name in self.derived_operations]
        allowed = weights[:, columns]
        heaviest = allowed.max(axis=1)
        for target, rows in self._rows.items():
            kept = rows if self.fan_in is None else sorted(rows, key=lambda row: -heaviest[row])[: self.fan_in]
            for row in kept:
                yield self.edges[row][0], target, self.primitives[columns[int(allowed[row].argmax())]]

    def _candidates(self, edges: Iterable[Edge]) -> list[int]:
        chosen = {(source, target): operation for source, target, operation in edges}
        return [self.primitives.index(chosen.get(edge, NONE)) for edge in self.edges]

    @cached_property
    def _routes(self) -> list[list[int]]:
        """Rows of the edges along every path from the input to the output; none where the encoding is not one choice an edge."""
        if (len(self.cells), self.inputs, self.output, self.fan_in) != (1, 1, "last", None):
            return []
        ending: dict[int, list[list[int]]] = {0: [[]]}
        for row, (source, target) in enumerate(self.edges):
            ending.setdefault(target, []).extend([*route, row] for route in ending.get(source, []))
        return ending[max(ending)]

    @cached_property
    def _rows(self) -> dict[int, list[int]]:
        """Places of the edges into every node."""
        rows: dict[int, list[int]] = {}
        for row, (_, target) in enumerate(self.edges):
            rows.setdefault(target, []).append(row)
        return rows
