"""What torch's convolutions are computed with here, and whether a network of this project meets the fault of oneDNN in them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn

from harness.spaces.registry import cell_space, cell_space_names
from harness.supernets.graph import BATCH_NORMS
from harness.supernets.mixture import Softmax
from harness.supernets.net import initial_alphas, initial_network
from harness.training import discrete, regularisers
from harness.training.convolution import guard
from harness.training.grouped import grouped
from harness.training.networks import DartsNetwork, Shape, build
from harness.training.skeletons import shape_of, skeleton_of

Make = Callable[[], nn.Module]

# Enough images and channels that torch hands the convolution to oneDNN, which says at its first call what it uses.
_PROBE = "import torch; torch.nn.functional.conv2d(torch.ones(8, 8, 8, 8), torch.ones(8, 8, 3, 3))"
_ISA = "onednn_verbose,v1,info,cpu,isa:"


def instruction_set() -> str:
    """Instruction set of oneDNN, as it says itself in a process of its own, e.g. ``"Intel AVX2"``; empty if it says none.

    ``ONEDNN_MAX_CPU_ISA`` caps it, and nothing in torch tells of that.
    """
    environment = os.environ | {"ONEDNN_VERBOSE": "1"}
    said = subprocess.run([sys.executable, "-c", _PROBE], capture_output=True, text=True, env=environment, check=False)
    return next((line.removeprefix(_ISA) for line in said.stdout.splitlines() if line.startswith(_ISA)), "")


def check_networks(
    networks: Iterable[tuple[Make, Tensor]], layouts: Iterable[torch.memory_format] = (torch.channels_last,)
) -> int:
    """Run networks forward, which is safe in itself; their number.

    Parameters
    ----------
    networks
        What makes each, and its images; see `supernets` and `trained`.
    layouts
        How weights and images lie in memory, one after the other; stand-alone training has channels innermost.

    Raises
    ------
    RuntimeError
        If one would write outside its memory, see `harness.training.convolution`.
    """
    count = 0
    for make, images in networks:
        network = make()
        for layout in layouts:
            network = network.to(memory_format=layout)  # type: ignore[call-overload]
            with guard(), torch.no_grad():
                network(images.contiguous(memory_format=layout))
        count += 1
    return count


def supernets(channels: int) -> Iterator[tuple[Make, Tensor]]:
    """The supernets of so many channels, of all spaces and norms: they hold every operation."""
    for space in cell_space_names():
        shape = shape_of(cell_space(space), channels, 3, (1, 8, 8), 10)
        for norm in BATCH_NORMS:
            yield partial(_Weighted, space, shape, norm), torch.zeros(4, *shape.image)


def trained(channels: int) -> Iterator[tuple[Make, Tensor]]:
    """Networks of so many channels with every operation on every edge, as they are trained: alone, in a group, with a head."""
    for space in cell_space_names():
        shape = shape_of(cell_space(space), channels, 3, (1, 8, 8), 10)
        images = torch.zeros(4, *shape.image)
        cardinalities = cell_space(space).cardinalities
        for first in range(max(cardinalities)):
            arch = tuple((first + place) % cardinality for place, cardinality in enumerate(cardinalities))
            make = partial(build, partial(discrete.network, space, arch, shape), ("check",))
            for seeds in (1, 3):
                yield partial(_grouped, make, seeds), images.repeat(1, seeds, 1, 1)
            if skeleton_of(cell_space(space)).auxiliary:
                yield (
                    partial(_headed, make, partial(regularisers.AuxiliaryHead, shape, cell_space(space).width), shape),
                    images,
                )


class _Weighted(nn.Module):
    """A supernet with weights of its candidates."""

    def __init__(self, space: str, shape: Shape, norm: str) -> None:
        super().__init__()
        self.network = initial_network(space, shape, 0, batch_norm=norm)
        self.mixtures = Softmax().probabilities(list(initial_alphas(space, shape, 0, Softmax()).values()))

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.network(images, *self.mixtures)
        return logits


def _grouped(make: Make, seeds: int) -> nn.Module:
    return grouped([make() for _ in range(seeds)])


def _headed(make: Make, make_head: Make, shape: Shape) -> nn.Module:
    head = build(make_head, ("check",))
    return regularisers.WithAuxiliaryHead(cast(DartsNetwork, make()), head, regularisers.auxiliary_place(shape))
