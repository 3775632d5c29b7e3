"""Supernets: networks whose every cell edge is a mixed operation. Architecture parameters are apart from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn

from harness.errors import unknown_name
from harness.spaces import darts, nasbench201
from harness.spaces.base import Arch, Space
from harness.spaces.darts import DartsSpace
from harness.spaces.nasbench201 import NASBench201Space
from harness.supernets import derive
from harness.supernets.mixed import Fan, FusedFan
from harness.supernets.mixture import Mixture
from harness.training.networks import DartsNetwork, NASBench201Network, Shape, Stages, preprocess
from harness.training.operations import Norm, batch_statistics, normalised, operation, running_statistics

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
        Makes the candidate operations of an edge from its source, and from what its channels are divided by (`divisor`).
    fan
        The form of the mixed operation.
    """

    def __init__(
        self,
        edges: Sequence[tuple[int, int]],
        inputs: int,
        candidates: Callable[..., Sequence[nn.Module]],
        fan: MakeFan,
    ) -> None:
        super().__init__()
        sources = sorted({source for source, _ in edges})
        self._rows = [[row for row, edge in enumerate(edges) if edge[0] == source] for source in sources]
        self._targets = [target for _, target in edges]
        self._states = max(self._targets) + 1
        self.fans = nn.ModuleList(
            fan(partial(candidates, source), len(rows)) for source, rows in zip(sources, self._rows, strict=True)
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
        for source, (fan, rows) in enumerate(zip(self.fans, self._rows, strict=True)):
            for row, output in zip(rows, fan(states[source], mixture.of(rows)), strict=True):
                target = self._targets[row]
                present = states[target]
                states[target] = output if present is None else present + output
        return cast(list[Tensor], states[len(inputs) :])


class MixedDartsCell(nn.Module):
    """A cell of the DARTS supernet."""

    def __init__(
        self,
        fan: MakeFan,
        norm: Norm,
        channels_before: int,
        channels_previous: int,
        channels: int,
        reduction: bool,
        reduced: bool,
    ) -> None:
        super().__init__()
        self.preprocess_0 = preprocess(channels_before, channels, reduced, norm)
        self.preprocess_1 = preprocess(channels_previous, channels, False, norm)

        def candidates(source: int, divisor: int = 1) -> list[nn.Module]:
            stride = 2 if reduction and source < darts.INPUTS else 1
            return [normalised(name, channels // divisor, stride, norm) for name in darts.PRIMITIVES]

        self.graph = MixedGraph(darts.EDGES, darts.INPUTS, candidates, fan)

    def forward(self, before: Tensor, previous: Tensor, mixture: Mixture) -> Tensor:
        """Concatenated nodes."""
        return torch.cat(self.graph([self.preprocess_0(before), self.preprocess_1(previous)], mixture), dim=1)


class MixedNASBench201Cell(nn.Module):
    """A cell of the NAS-Bench-201 supernet."""

    def __init__(self, fan: MakeFan, norm: Norm, channels: int) -> None:
        super().__init__()

        def candidates(source: int, divisor: int = 1) -> list[nn.Module]:
            return [operation(name, channels // divisor, 1, norm) for name in nasbench201.OPERATIONS]

        self.graph = MixedGraph(nasbench201.EDGES, 1, candidates, fan)

    def forward(self, x: Tensor, mixture: Mixture) -> Tensor:
        """The last node."""
        return cast(Tensor, self.graph([x], mixture)[-1])


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


def _darts(shape: Shape, norm: BatchNorm) -> nn.Module:
    return DartsNetwork(shape, partial(MixedDartsCell, norm.fan, norm.inside), norm.outside)


def _nasbench201(shape: Shape, norm: BatchNorm) -> nn.Module:
    return NASBench201Network(shape, partial(MixedNASBench201Cell, norm.fan, norm.inside), norm.outside)


@dataclass(frozen=True)
class Searchable:
    """A cell space as a supernet searches it.

    Attributes
    ----------
    name
        Its name.
    space
        Its encoding.
    primitives
        Candidate operations of every edge.
    groups
        Names and numbers of edges of the groups of architecture parameters, one (edges, candidates) array a group.
    edges
        (source, target) states of the edges of every group, in the order of the architecture parameters.
    inputs
        How many edges into a node an architecture keeps, on none of which the first candidate, `none`, can stand; None: all of
        them, with any candidate.
    operations
        Names of an architecture's operations by group.
    choices
        The candidate that stands on every edge of the supernet in an architecture, by group.
    shape
        Makes the size of a network.
    make
        Makes the supernet.
    rule
        The rule that derives an architecture, unless a search is given another.
    """

    name: str
    space: Space
    primitives: tuple[str, ...]
    groups: Mapping[str, int]
    edges: Sequence[tuple[int, int]]
    inputs: int | None
    operations: Callable[[Arch], Mapping[str, Sequence[str]]]
    choices: Callable[[Arch], Mapping[str, Sequence[int]]]
    shape: type[Shape]
    make: Callable[[Shape, BatchNorm], nn.Module]
    rule: derive.Rule


def _darts_operations(arch: Arch) -> Mapping[str, Sequence[str]]:
    genotype = DartsSpace().decode(arch)
    return {"normal": [name for name, _ in genotype.normal], "reduce": [name for name, _ in genotype.reduce]}


def _darts_choices(arch: Arch) -> Mapping[str, Sequence[int]]:
    genotype = DartsSpace().decode(arch)
    found = {}
    for group, genes in (("normal", genotype.normal), ("reduce", genotype.reduce)):
        targets = [node for node in darts.CONCAT for _ in range(2)]
        chosen = {(source, target): name for (name, source), target in zip(genes, targets, strict=True)}
        found[group] = [darts.PRIMITIVES.index(chosen.get(edge, "none")) for edge in darts.EDGES]
    return found


SEARCHABLE: Mapping[str, Searchable] = {
    "darts": Searchable(
        name="darts",
        space=DartsSpace(),
        primitives=darts.PRIMITIVES,
        groups={"normal": len(darts.EDGES), "reduce": len(darts.EDGES)},
        edges=darts.EDGES,
        inputs=2,
        operations=_darts_operations,
        choices=_darts_choices,
        shape=Shape,
        make=_darts,
        rule=derive.strongest_inputs,
    ),
    "nasbench201": Searchable(
        name="nasbench201",
        space=NASBench201Space(),
        primitives=nasbench201.OPERATIONS,
        groups={"cell": len(nasbench201.EDGES)},
        edges=nasbench201.EDGES,
        inputs=None,
        operations=lambda arch: {"cell": [nasbench201.OPERATIONS[choice] for choice in arch]},
        choices=lambda arch: {"cell": arch},
        shape=Stages,
        make=_nasbench201,
        rule=derive.strongest_operations,
    ),
}


def searchable(name: str) -> Searchable:
    """A cell space by name."""
    if name not in SEARCHABLE:
        raise unknown_name("live space", name, SEARCHABLE)
    return SEARCHABLE[name]
