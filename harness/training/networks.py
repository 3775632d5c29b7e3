"""The networks around the cells, shared by supernets and by discrete networks, and what is counted about them."""

from __future__ import annotations

import logging
import math
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from harness.errors import HarnessError
from harness.streams import generator
from harness.training.operations import FactorizedReduce, Norm, Stage


@dataclass(frozen=True)
class Shape:
    """Size of a DARTS network and of what it reads; `Stages` is that of a NAS-Bench-201 network.

    Parameters
    ----------
    channels
        Channels of the first cells; they double at each reduction.
    cells
        Cells in all.
    image
        (channels, height, width) of an image.
    classes
        Number of classes.
    reductions
        How often the image is halved on its way; twice in the papers.

    Raises
    ------
    HarnessError
        If a number is not positive, or the image cannot be halved so often: each halving takes a cell of its own.
    """

    channels: int
    cells: int
    image: tuple[int, int, int]
    classes: int
    reductions: int = 2

    def __post_init__(self) -> None:
        if min(self.channels, self.cells, self.classes, *self.image) < 1:
            raise HarnessError(f"network: channels, cells, classes and image sizes must be at least 1: {self}")
        if self.reductions < 0:
            raise HarnessError(f"network: reductions must be at least 0, not {self.reductions}")
        if any(side % 2**self.reductions for side in self.image[1:]):
            raise HarnessError(
                f"network: image sides must be multiples of {2**self.reductions} ({self.reductions} reductions), "
                f"not {self.image[1:]}"
            )
        if self.reductions > self.halvings:
            raise HarnessError(
                f"network: {self.reductions} reductions need as many cells, not {self.cells}; "
                f"write cells = {self.reductions} or more, or reductions = {self.cells}"
            )

    @property
    def halvings(self) -> float:
        """How often a network of so many cells can halve the image."""
        return self.cells

    @property
    def pixels(self) -> int:
        """Pixels of an image in the last cells."""
        return math.prod(side // 2**self.reductions for side in self.image[1:])

    def is_reduction(self, cell: int) -> bool:
        """Whether this cell of a DARTS network (from 0) halves the image."""
        return cell in (number * self.cells // (self.reductions + 1) for number in range(1, self.reductions + 1))

    def __str__(self) -> str:
        image = "x".join(map(str, self.image))
        sizes = f"channels={self.channels},cells={self.cells},image={image},classes={self.classes}"
        return sizes if self.reductions == 2 else f"{sizes},reductions={self.reductions}"


class Stages(Shape):
    """Size of a NAS-Bench-201 network: as `Shape`, but `cells` are those of each stage; between two stages comes a halving."""

    @property
    def halvings(self) -> float:
        """As often as one likes: there is one stage more than reductions."""
        return math.inf


def check_batch_norm(where: str, shape: Shape, batch: int) -> None:
    """Refuse a network whose batch norm would meet one number a channel, which has no variance.

    Parameters
    ----------
    where
        Put in front of the message.
    shape
        Size of the network.
    batch
        Images of the smallest batch that is normalised by its own statistics.
    """
    if batch * shape.pixels == 1:
        raise HarnessError(
            f"{where}: {shape.reductions} reductions leave one pixel of an image, and batch norm needs more than one in a batch; "
            "write a larger batch_size or fewer reductions"
        )


def global_average(x: Tensor) -> Tensor:
    """Mean over the image, (n, channels). Its gradient lies in memory as `x` does: batch norms are slow where they differ."""
    if x.is_contiguous() or not x.is_contiguous(memory_format=torch.channels_last):
        return x.mean(dim=(2, 3))
    return x.permute(0, 2, 3, 1).flatten(1, 2).mean(dim=1)


@dataclass(frozen=True)
class Place:
    """Where a cell stands in a network.

    Attributes
    ----------
    channels
        Of its states.
    reduction
        Whether it halves the image.
    inputs
        Of each of its inputs the channels, and whether it is twice as large as the others; none where they fit as they are.
    """

    channels: int
    reduction: bool = False
    inputs: tuple[tuple[int, bool], ...] = ()


MakeCell = Callable[[Place], nn.Module]


class DartsNetwork(nn.Module):
    """Stem, cells, global pooling, classifier; the (two) reduction cells stand at one and at two thirds.

    Parameters
    ----------
    shape
        Sizes.
    make_cell
        Makes a cell, which reads the outputs of the two cells before it.
    norm
        Batch norm of the stem.
    width
        How many times its channels a cell puts out.
    """

    def __init__(self, shape: Shape, make_cell: MakeCell, norm: Norm, width: int) -> None:
        super().__init__()
        wide = 3 * shape.channels
        self.stem = nn.Sequential(nn.Conv2d(shape.image[0], wide, 3, padding=1, bias=False), norm(wide))
        self.cells = nn.ModuleList()
        before, previous, channels, reduced = wide, wide, shape.channels, False
        self.reductions = [shape.is_reduction(cell) for cell in range(shape.cells)]
        for reduction in self.reductions:
            channels *= 1 + reduction
            self.cells.append(make_cell(Place(channels, reduction, ((before, reduced), (previous, False)))))
            before, previous, reduced = previous, width * channels, reduction
        self.classifier = nn.Linear(previous, shape.classes)

    def forward(self, images: Tensor, *groups: object) -> Tensor:
        """Logits (n, classes) of images (n, channels, height, width); cells also receive what their group is given."""
        return self.classify(deque(self.states(images, *groups), maxlen=1).pop())

    def states(self, images: Tensor, *groups: object) -> Iterator[Tensor]:
        """Outputs of the cells, one after the other; the last group is that of the cells that halve the image."""
        normal, reduce = (groups[0], groups[-1]) if groups else (None, None)
        before = previous = self.stem(images)
        for cell, reduction in zip(self.cells, self.reductions, strict=True):
            before, previous = previous, cell([before, previous], reduce if reduction else normal)
            yield previous

    def classify(self, last: Tensor) -> Tensor:
        """Logits from the output of the last cell."""
        return cast(Tensor, self.classifier(global_average(last)))


def preprocess(channels_in: int, channels: int, reduced: bool, norm: Norm) -> nn.Module:
    """Bring an input of a DARTS cell to the cell's channels, and to half the size after a reduction."""
    return FactorizedReduce(channels_in, channels, norm) if reduced else Stage(channels_in, channels, 1, norm)


class NASBench201Network(nn.Module):
    """Stem, stages of cells with a residual block of stride 2 between two of them, classifier.

    Parameters
    ----------
    shape
        Sizes.
    make_cell
        Makes a cell, which reads the output of the cell before it.
    norm
        Batch norm of everything outside the cells.
    width
        How many times its channels a cell puts out: once.
    """

    def __init__(self, shape: Shape, make_cell: MakeCell, norm: Norm, width: int = 1) -> None:
        super().__init__()
        channels = shape.channels
        self.stem = nn.Sequential(nn.Conv2d(shape.image[0], channels, 3, padding=1, bias=False), norm(channels))
        self.stages = nn.ModuleList([nn.ModuleList(make_cell(Place(channels)) for _ in range(shape.cells))])
        self.halvings = nn.ModuleList()
        for _ in range(shape.reductions):
            self.halvings.append(_ResidualHalving(channels, 2 * channels, norm))
            channels *= 2
            self.stages.append(nn.ModuleList(make_cell(Place(channels)) for _ in range(shape.cells)))
        self.last_norm = norm(channels)
        self.classifier = nn.Linear(channels, shape.classes)

    def forward(self, images: Tensor, group: object = None) -> Tensor:
        """Logits (n, classes) of images (n, channels, height, width); every cell also receives what its group is given."""
        x = self.stem(images)
        for halving, stage in zip((nn.Identity(), *self.halvings), self.stages, strict=True):
            x = halving(x)
            for cell in cast(nn.ModuleList, stage):
                x = cell([x], group)
        return cast(Tensor, self.classifier(global_average(F.relu(self.last_norm(x)))))


class _ResidualHalving(nn.Module):
    def __init__(self, channels_in: int, channels_out: int, norm: Norm) -> None:
        super().__init__()
        self.first = Stage(channels_in, channels_out, 3, norm, stride=2)
        self.second = Stage(channels_out, channels_out, 3, norm)
        self.shortcut = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(channels_in, channels_out, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.shortcut(x) + self.second(self.first(x)))


class Constants(nn.Module):
    """A module whose weights begin as constants, which `reset_parameters` sets, and not at random."""

    def reset_parameters(self) -> None:
        """Set them."""
        raise NotImplementedError


def build(make: Callable[[], nn.Module], stream: Sequence[str | int], device: str = "cpu") -> nn.Module:
    """Make a network with initial weights from a named stream; torch's global generator is neither read nor moved.

    Weights and biases are uniform within ``1 / sqrt(fan in)``, torch's own initialisation of convolutions and linear
    layers.

    Parameters
    ----------
    make
        Makes the network.
    stream
        Parts of the stream's name.
    device
        Where it goes.
    """
    rng = generator(*stream)
    with torch.device("meta"):
        network = make()
    network = network.to_empty(device=usable(device))
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                bound = module.weight[0].numel() ** -0.5
                for parameter in module.parameters(recurse=False):
                    parameter.copy_(torch.from_numpy(rng.uniform(-bound, bound, tuple(parameter.shape))))
            elif isinstance(module, nn.BatchNorm2d | Constants):
                module.reset_parameters()  # constants
    return network


def usable(device: str) -> torch.device:
    """A device by name, if it is one that the harness computes on and that is here.

    Raises
    ------
    HarnessError
        If it is another; torch knows many more names, such as ``meta``, on which nothing here has been tried.
    """
    here = [f"cuda:{number}" for number in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    possible = ["cpu", *(["cuda", *here] if here else [])]
    if device in possible:
        return torch.device(device)
    wrong = f"device {device!r}: "
    if not here and re.fullmatch(r"cuda(:\d+)?", device):
        raise HarnessError(f"{wrong}torch finds no CUDA here; use cpu")
    raise HarnessError(f"{wrong}wanted cpu, cuda or cuda:<number>; possible here: {', '.join(possible)}")


def parameters(network: nn.Module) -> int:
    """Number of weights."""
    return sum(parameter.numel() for parameter in network.parameters())


def multiply_adds(make: Callable[[], nn.Module], image: tuple[int, int, int]) -> int:
    """Multiply-adds of one image: half of what torch's FLOP counter says of convolutions and linear layers.

    Nothing is computed: the network is made and run on the meta device.
    """
    logging.getLogger("torch.utils.flop_counter").setLevel(logging.ERROR)
    with torch.device("meta"), FlopCounterMode(display=False) as counter, torch.no_grad():
        make().eval()(torch.empty(1, *image))
    return int(counter.get_total_flops()) // 2


def seeded(parts: Sequence[str | int], shape: tuple[int, ...], scale: float) -> Tensor:
    """Normal numbers of a named stream: float32 of the given shape and standard deviation."""
    return torch.from_numpy((scale * generator(*parts).standard_normal(shape)).astype(np.float32))
