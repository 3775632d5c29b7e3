"""The switches of an evaluation protocol: cutout, drop path and an auxiliary head. All of them are off unless asked for.

They belong to training alone: an evaluation neither hides, nor drops, nor asks the head. Networks that are trained side by side
(`harness.training.grouped`) have masks of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from harness.training.networks import DartsNetwork, Shape

POOLED = 2  # side of the image that the auxiliary head looks at


def cut_out(images: Tensor, length: int, rng: np.random.Generator) -> Tensor:
    """Set a square of every image to 0, the mean of standardised images (DeVries and Taylor, 2017).

    Parameters
    ----------
    images
        (n, channels, height, width)
    length
        Side of the square in pixels. Its middle is uniform over the image's pixels, so that the border may clip it.
    rng
        Where the middles come from.
    """
    hidden = []
    for side in images.shape[2:]:
        first = rng.integers(side, size=(len(images), 1)) - length // 2
        places = np.arange(side)
        hidden.append(torch.from_numpy((first <= places) & (places < first + length)).to(images.device))
    rows, columns = hidden
    return images.masked_fill((rows[:, :, None] & columns[:, None, :])[:, None], 0.0)


class DropPath(nn.Module):
    """The end of an edge: drops it for some images, and scales it up for the others so that its expectation stays.

    It does nothing until `drop_paths` says for which images, and nothing in evaluation mode.
    """

    def __init__(self) -> None:
        super().__init__()
        self.scale: Tensor | None = None  # (n, networks)

    def forward(self, x: Tensor) -> Tensor:
        """Drop or scale (n, networks * channels, height, width)."""
        if self.scale is None or not self.training:
            return x
        return x * self.scale.repeat_interleave(x.shape[1] // self.scale.shape[1], dim=1)[..., None, None]


def drop_paths(
    network: nn.Module, probability: float, images: int, rngs: Sequence[np.random.Generator], device: str = "cpu"
) -> None:
    """Draw the edges that the next pass drops.

    Parameters
    ----------
    network
        One, or several as one.
    probability
        Of an edge to be dropped for an image, below 1.
    images
        Images of the next batch.
    rngs
        Where each network's draws come from: (edges, images) numbers of each.
    """
    paths = [module for module in network.modules() if isinstance(module, DropPath)]
    draws = np.stack([rng.random((len(paths), images)) for rng in rngs], axis=-1)
    scales = torch.from_numpy((draws >= probability).astype(np.float32) / np.float32(1 - probability)).to(device)
    for path, scale in zip(paths, scales, strict=True):
        path.scale = scale


class AuxiliaryHead(nn.Module):
    """A second classifier, behind the cell at two thirds of a DARTS network.

    ReLU, a mean over so many pixels that 2x2 remain of any image, a pointwise convolution to a quarter of the channels and one
    of the whole image to all of them, each with batch norm and ReLU, and a linear layer: in about the proportions of DARTS's,
    whose sizes are for CIFAR and 36 channels.

    Parameters
    ----------
    shape
        Size of the network.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        channels, side = auxiliary_input(shape)
        side = min(POOLED, side)
        narrow = max(1, channels // 4)
        self.layers = nn.Sequential(
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(side),
            nn.Conv2d(channels, narrow, 1, bias=False),
            nn.BatchNorm2d(narrow),
            nn.ReLU(),
            nn.Conv2d(narrow, channels, side, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
        )
        self.classifier = nn.Linear(channels, shape.classes)

    def forward(self, state: Tensor) -> Tensor:
        """Logits of the output of a cell."""
        return cast(Tensor, self.classifier(self.layers(state).flatten(1)))


def auxiliary_place(shape: Shape) -> int:
    """Number of the cell that an auxiliary head stands behind."""
    return 2 * shape.cells // 3


def auxiliary_input(shape: Shape) -> tuple[int, int]:
    """Channels and shorter side of what an auxiliary head reads."""
    halved = sum(shape.is_reduction(cell) for cell in range(auxiliary_place(shape) + 1))
    return 4 * shape.channels * 2**halved, min(shape.image[1:]) // 2**halved


class WithAuxiliaryHead(nn.Module):
    """A DARTS network in training, with its auxiliary head.

    Parameters
    ----------
    network, head, place
        The network, its head and the number of the cell that it reads.
    """

    def __init__(self, network: DartsNetwork, head: nn.Module, place: int) -> None:
        super().__init__()
        self.network = network
        self.head = head
        self.place = place

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the network and of the head."""
        for cell, state in enumerate(self.network.states(images)):
            if cell == self.place:
                auxiliary = self.head(state)
        return self.network.classify(state), auxiliary
