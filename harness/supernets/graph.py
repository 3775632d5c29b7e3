"""Supernets: networks whose every cell edge is a mixed operation. Architecture parameters are apart from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn

from harness.spaces.cells import CellSpace
from harness.supernets.mixed import Fan, FusedFan
from harness.supernets.mixture import Mixture
from harness.training.cells import Cell
from harness.training.networks import Place, Shape
from harness.training.operations import Norm, batch_statistics, normalised, running_statistics
from harness.training.skeletons import skeleton_of

# From what makes the candidates of an edge, and the number of edges; candidates take a share of the channels as `divisor`.
MakeFan = Callable[[Callable[..., Sequence[nn.Module]], int], nn.Module]


class MixedGraph(nn.Module):
    """The nodes of a cell: each is the sum of the mixed edges from all states before it.

    Parameters
    ----------
    edges
        (source, target) states of every edge, in the order of the architecture parameters.
    inputs
        Number of states that are the cell's inputs.
    candidates
        Makes the candidate operations of an edge from its source.
    fan
        The form of the mixed operation.
    """

    def __init__(
        self,
        edges: Sequence[tuple[int, int]],
        inputs: int,
        candidates: Callable[[int], Sequence[nn.Module]],
        fan: MakeFan,
    ) -> None:
        super().__init__()
        self._sources = sorted({source for source, _ in edges})
        self._rows = [[row for row, edge in enumerate(edges) if edge[0] == source] for source in self._sources]
        self._targets = [target for _, target in edges]
        self._states = max(self._targets) + 1
        # How each edge is added to those of its node before it; see `harness.supernets.recall`.
        self.sums: Sequence[Callable[[Tensor, Tensor], Tensor]] = [torch.add] * len(edges)
        self.fans = nn.ModuleList(
            fan(partial(candidates, source), len(rows)) for source, rows in zip(self._sources, self._rows, strict=True)
        )

    def forward(self, inputs: Sequence[Tensor], mixture: Mixture) -> list[Tensor]:
        """Outputs of all nodes, (n, channels, height, width) each.

        Parameters
        ----------
        inputs
            The input states, (n, channels, height, width) each.
        mixture
            Of the cell's edges.
        """
        states: list[Tensor | None] = [*inputs, *[None] * (self._states - len(inputs))]
        for source, fan, rows in zip(self._sources, self.fans, self._rows, strict=True):
            for row, output in zip(rows, fan(states[source], mixture.of(rows)), strict=True):
                target = self._targets[row]
                present = states[target]
                states[target] = output if present is None else self.sums[row](present, output)
        return cast(list[Tensor], states[len(inputs) :])


@dataclass(frozen=True)
class BatchNorm:
    """A policy for the batch norm of a supernet.

    ``"batch"``: batch statistics in every pass. ``"running"``: running statistics as in the published codes; every pass in
    training mode moves them, so that levels with more passes have them better warmed.

    Attributes
    ----------
    inside
        Batch norm of the cells.
    outside
        Batch norm of stem and halvings, with weights of its own.
    fan
        The form of the mixed operation that can do it.
    """

    inside: Norm
    outside: Norm
    fan: MakeFan


BATCH_NORMS: Mapping[str, BatchNorm] = {
    "batch": BatchNorm(batch_statistics, partial(nn.BatchNorm2d, track_running_stats=False), FusedFan),
    "running": BatchNorm(running_statistics, nn.BatchNorm2d, Fan),
}


class MixedCell(Cell):
    """A cell of a supernet.

    Parameters
    ----------
    where, place
        The cell space, and where the cell stands.
    norm
        The policy for batch norms.
    """

    def __init__(self, where: CellSpace, norm: BatchNorm, place: Place) -> None:
        super().__init__(where, place, norm.inside)
        self.graph = MixedGraph(where.edges, where.inputs, self._candidates, norm.fan)

    def _candidates(self, source: int, divisor: int = 1) -> list[nn.Module]:
        made = [self.operation(name, source, divisor) for name in self.where.primitives]
        if not self.where.pools_normalised:
            return made
        return [normalised(module, self.place.channels // divisor, self.norm) for module in made]

    def nodes(self, states: Sequence[Tensor], mixture: Mixture) -> list[Tensor]:
        """All of the graph's."""
        return cast(list[Tensor], self.graph(states, mixture))


def mixed_network(where: CellSpace, shape: Shape, norm: BatchNorm) -> nn.Module:
    """The supernet of a space, with any initial weights; ``network(images, *mixtures)`` gives logits (n, classes).

    Parameters
    ----------
    where, shape
        The cell space, and the sizes.
    norm
        The policy for batch norms.
    """
    return skeleton_of(where).network(shape, partial(MixedCell, where, norm), norm.outside, where.width)
