"""Discrete networks: an architecture as it is trained on its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache, partial

import torch
from torch import Tensor, nn

from harness.errors import unknown_name
from harness.spaces import darts, nasbench201
from harness.spaces.base import Arch
from harness.spaces.darts import DartsSpace, Genotype
from harness.training import networks
from harness.training.networks import DartsNetwork, NASBench201Network, Shape, preprocess
from harness.training.operations import Zero, operation, side_by_side
from harness.training.regularisers import DropPath


class DartsCell(nn.Module):
    """A cell of a genotype: every node is the sum of its two edges."""

    def __init__(
        self,
        genotype: Genotype,
        channels_before: int,
        channels_previous: int,
        channels: int,
        reduction: bool,
        reduced: bool,
    ) -> None:
        super().__init__()
        self.preprocess_0 = preprocess(channels_before, channels, reduced, nn.BatchNorm2d)
        self.preprocess_1 = preprocess(channels_previous, channels, False, nn.BatchNorm2d)
        genes = genotype.reduce if reduction else genotype.normal
        self.concat = genotype.reduce_concat if reduction else genotype.normal_concat
        self.groups = 1  # networks in one, see `harness.training.grouped`
        self.sources = [source for _, source in genes]
        self.operations = nn.ModuleList(
            operation(name, channels, 2 if reduction and source < darts.INPUTS else 1, nn.BatchNorm2d)
            for name, source in genes
        )
        self.ends = _ends(self.operations)

    def forward(self, before: Tensor, previous: Tensor, _: object = None) -> Tensor:
        """Concatenated nodes."""
        states = [self.preprocess_0(before), self.preprocess_1(previous)]
        for first in range(0, len(self.sources), 2):
            left, right = (
                self.ends[edge](self.operations[edge](states[self.sources[edge]])) for edge in (first, first + 1)
            )
            states.append(left + right)
        return side_by_side([states[node] for node in self.concat], self.groups)


class NASBench201Cell(nn.Module):
    """A cell of NAS-Bench-201: every node is the sum of its edges from all nodes before."""

    def __init__(self, arch: Sequence[int], channels: int) -> None:
        super().__init__()
        self.operations = nn.ModuleList(
            operation(nasbench201.OPERATIONS[choice], channels, 1, nn.BatchNorm2d) for choice in arch
        )
        self.ends = _ends(self.operations)

    def forward(self, x: Tensor, _: object = None) -> Tensor:
        """The last node."""
        states = [x]
        for target in (1, 2, 3):
            total = None
            for (source, node), op, end in zip(nasbench201.EDGES, self.operations, self.ends, strict=True):
                if node == target and not isinstance(op, Zero):  # adding zeros would only take time
                    output = end(op(states[source]))
                    total = output if total is None else total + output
            states.append(torch.zeros_like(x) if total is None else total)
        return states[-1]


def _ends(operations: Iterable[nn.Module]) -> nn.ModuleList:
    """The end of every edge: all but identities may be dropped."""
    kept = (nn.Identity, Zero)
    return nn.ModuleList(nn.Identity() if isinstance(one, kept) else DropPath() for one in operations)


def _darts(arch: Arch, shape: Shape) -> nn.Module:
    return DartsNetwork(shape, partial(DartsCell, DartsSpace().decode(arch)), nn.BatchNorm2d)


def _nasbench201(arch: Arch, shape: Shape) -> nn.Module:
    return NASBench201Network(shape, partial(NASBench201Cell, arch), nn.BatchNorm2d)


_NETWORKS: Mapping[str, Callable[[Arch, Shape], nn.Module]] = {"darts": _darts, "nasbench201": _nasbench201}


def network(space: str, arch: Arch, shape: Shape) -> nn.Module:
    """The network of an architecture, with weighted batch norms that keep running statistics.

    Parameters
    ----------
    space
        ``"darts"`` or ``"nasbench201"``.
    arch
        Its encoding in that space.
    shape
        Sizes.
    """
    if space not in _NETWORKS:
        raise unknown_name("live space", space, _NETWORKS)
    return _NETWORKS[space](arch, shape)


@lru_cache(maxsize=4096)
def parameters(space: str, arch: Arch, shape: Shape) -> int:
    """Number of weights of an architecture's network."""
    with torch.device("meta"):
        return networks.parameters(network(space, arch, shape))


@lru_cache(maxsize=4096)
def multiply_adds(space: str, arch: Arch, shape: Shape) -> int:
    """Multiply-adds of an architecture's network for one image."""
    return networks.multiply_adds(lambda: network(space, arch, shape), shape.image)
