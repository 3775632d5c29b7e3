"""Convolutional networks of elastic depth, kernel and width: small enough that every one can be trained on its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import ClassVar

import numpy as np

from harness.spaces.base import Arch
from harness.spaces.cells import CellSpace, Edge, Weights
from harness.spaces.nasbench201 import EDGES, OPERATIONS, computation
from harness.spaces.registry import register_cell_space
from harness.taxonomy import SearchSpace

DEPTH = 3  # blocks at most
KERNELS = (1, 3, 5)
WIDTHS = (8, 12, 16)
ABSENT = "skip_connect"  # a block that is not there passes its input on


def _name(kernel: int, width: int) -> str:
    return f"block_{kernel}x{kernel}_{width}"


BLOCKS = {_name(kernel, width): (kernel, width) for kernel in KERNELS for width in WIDTHS}

_ALL = tuple(range(len(BLOCKS)))
_WIDE = tuple(place for place, (_, width) in enumerate(BLOCKS.values()) if width == WIDTHS[-1])


@register_cell_space("elastic_convnet")
class ElasticConvNet(CellSpace):
    """One to three residual blocks in a row, each with a kernel of 1, 3 or 5 and a width of 8, 12 or 16 channels.

    A network of fewer blocks has them in front: a block that is absent may stand anywhere but first in an encoding, and is moved
    behind the others. So 900 encodings are 819 computations.

    Notes
    -----
    The blocks are those of MobileNetV2 (Sandler et al., CVPR 2018), over which Once-for-All (Cai et al., ICLR 2020) searches
    depth, kernels and widths.
    """

    kind: SearchSpace = "layer-wise"
    edges = tuple((block, block + 1) for block in range(DEPTH))
    primitives = (*BLOCKS, ABSENT)
    cells: ClassVar[Mapping[str, str]] = {"network": "network"}
    nested = ((len(BLOCKS) - 1,) * DEPTH, (0, *(len(BLOCKS),) * (DEPTH - 1)))
    stages: ClassVar[Mapping[str, tuple[tuple[int, ...], ...]]] = {
        "kernel": (_WIDE,) * DEPTH,
        "depth": (_WIDE, *((*_WIDE, len(BLOCKS)),) * (DEPTH - 1)),
        "width": (_ALL, *((*_ALL, len(BLOCKS)),) * (DEPTH - 1)),
    }
    cardinalities = (len(BLOCKS), *(len(BLOCKS) + 1,) * (DEPTH - 1))  # the first block is always there

    def canonical(self, arch: Sequence[int]) -> Arch:
        """The encoding of the same network that has its blocks in front."""
        there = [choice for choice in self.validate(arch) if choice < len(BLOCKS)]
        return (*there, *(len(BLOCKS),) * (DEPTH - len(there)))

    def edges_of(self, arch: Sequence[int]) -> dict[str, tuple[Edge, ...]]:
        """The blocks in a row, absent ones last."""
        return super().edges_of(self.canonical(arch))

    def arch_of(self, cells: Mapping[str, Iterable[Edge]]) -> Arch:
        """The network of such blocks, of which at least one is there."""
        there = [choice for choice in self._candidates(cells["network"]) if choice < len(BLOCKS)]
        return (*there, *(len(BLOCKS),) * (DEPTH - len(there)))

    def derive(self, weights: Sequence[Weights]) -> Arch:
        """As every cell space, but that the first block is there."""
        (own,) = weights
        own = np.array(own)
        own[0, len(BLOCKS)] = -np.inf
        return super().derive([own])


@register_cell_space("elastic201")
class ElasticNASBench201(CellSpace):
    """The 729 cells of NAS-Bench-201 without skips and pools: their 1x1 convolutions are centres of the 3x3 ones.

    They are 321 computations, all of which a table of NAS-Bench-201's cells has, so that of every network that is cut out of an
    elastic supernet one knows what it scores alone.
    """

    edges = EDGES
    primitives = ("none", "nor_conv_1x1", "nor_conv_3x3")
    nested = ((2,) * len(EDGES), (1,) * len(EDGES))  # all `none` is not connected
    stages: ClassVar[Mapping[str, tuple[tuple[int, ...], ...]]] = {"kernel": ((0, 1, 2),) * len(EDGES)}

    def whole(self, arch: Sequence[int]) -> Arch:
        """The encoding of an architecture in NAS-Bench-201's space."""
        return tuple(OPERATIONS.index(self.primitives[choice]) for choice in self.validate(arch))

    def canonical(self, arch: Sequence[int]) -> Arch:
        """First encoding, by index, of the same computation."""
        return self.arch(_first_of_class()[computation(self.whole(arch))])


@lru_cache(maxsize=1)
def _first_of_class() -> dict[str, int]:
    space = ElasticNASBench201()
    first: dict[str, int] = {}
    for index in range(space.size):
        first.setdefault(computation(space.whole(space.arch(index))), index)
    return first
