"""Discrete networks: an architecture as it is trained on its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from typing import cast

import torch
from torch import Tensor, nn

from harness.spaces.base import Arch
from harness.spaces.cells import CellSpace, Edge
from harness.spaces.registry import cell_space
from harness.training import networks
from harness.training.cells import Cell
from harness.training.networks import Place, Shape
from harness.training.operations import Zero
from harness.training.regularisers import DropPath
from harness.training.skeletons import skeleton_of


class DiscreteCell(Cell):
    """A cell of an architecture: every node is the sum of its edges.

    Parameters
    ----------
    where
        The cell space.
    cells
        The edges of the architecture's cells by group.
    place
        Where the cell stands.
    """

    def __init__(self, where: CellSpace, cells: Mapping[str, Sequence[Edge]], place: Place) -> None:
        super().__init__(where, place, nn.BatchNorm2d)
        self.edges = list(cells.values())[-1 if place.reduction else 0]
        self.operations = nn.ModuleList(self.operation(name, source) for source, _, name in self.edges)
        # The end of every edge: all but identities may be dropped.
        kept = (nn.Identity, Zero)
        self.ends = nn.ModuleList(nn.Identity() if isinstance(one, kept) else DropPath() for one in self.operations)

    def nodes(self, states: Sequence[Tensor], _: object) -> list[Tensor]:
        """Sums, node by node."""
        values, count = list(states), self.where.edges[-1][1] + 1
        for target in range(len(states), count):
            total = None
            for (source, node, _name), op, end in zip(self.edges, self.operations, self.ends, strict=True):
                if node == target and not isinstance(op, Zero):  # adding zeros would only take time
                    output = end(op(values[source]))
                    total = output if total is None else total + output
            values.append(self._zeros(states[0]) if total is None else total)
        return values[len(states) :]

    def _zeros(self, state: Tensor) -> Tensor:
        """The value of a node without edges."""
        return cast(Tensor, Zero(2 if self.place.reduction else 1)(state))


def network(space: str, arch: Arch, shape: Shape) -> nn.Module:
    """The network of an architecture, with weighted batch norms that keep running statistics.

    Parameters
    ----------
    space
        Name of a cell space.
    arch
        Its encoding in that space.
    shape
        Sizes.
    """
    return _network(cell_space(space), arch, shape)


def parameters(space: str, arch: Arch, shape: Shape) -> int:
    """Number of weights of an architecture's network."""
    return _parameters(cell_space(space), arch, shape)


def multiply_adds(space: str, arch: Arch, shape: Shape) -> int:
    """Multiply-adds of an architecture's network for one image."""
    return _multiply_adds(cell_space(space), arch, shape)


def _network(where: CellSpace, arch: Arch, shape: Shape) -> nn.Module:
    make_cell = partial(DiscreteCell, where, where.edges_of(arch))
    return skeleton_of(where).network(shape, make_cell, nn.BatchNorm2d, where.width)


# By the space itself: another plug-in's may have the same name.
@lru_cache(maxsize=4096)
def _parameters(where: CellSpace, arch: Arch, shape: Shape) -> int:
    with torch.device("meta"):
        return networks.parameters(_network(where, arch, shape))


@lru_cache(maxsize=4096)
def _multiply_adds(where: CellSpace, arch: Arch, shape: Shape) -> int:
    return networks.multiply_adds(lambda: _network(where, arch, shape), shape.image)
