"""The candidate operations of cell spaces.

Every operation is a module from (n, channels, height, width) to the same number of channels, at stride 1 or 2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.errors import unknown_name
from harness.spaces.elastic import BLOCKS
from harness.training.convolution import convolve
from harness.training.pooling import average_3x3

Norm = Callable[[int], nn.Module]
Make = Callable[[int, int, Norm], nn.Module]  # from channels, stride and norm


def batch_statistics(channels: int) -> nn.Module:
    """Batch norm that always uses the batch's statistics, without weights: the norm of a search, whatever its passes.

    Running statistics would be moved by every pass, so that levels with more passes would have them better warmed.
    """
    return nn.BatchNorm2d(channels, affine=False, track_running_stats=False)


def running_statistics(channels: int) -> nn.Module:
    """Batch norm with running statistics, which every training pass moves, without weights: the published codes'."""
    return nn.BatchNorm2d(channels, affine=False)


def side_by_side(parts: Sequence[Tensor], groups: int = 1) -> Tensor:
    """Join (n, channels, height, width) along the channels: in each of `groups` equal runs of channels apart."""
    if groups == 1:
        return torch.cat(list(parts), dim=1)
    return torch.cat([part.view(len(part), groups, -1, *part.shape[2:]) for part in parts], dim=2).flatten(1, 2)


def strided(layer: nn.Conv2d, x: Tensor) -> Tensor:
    """A convolution without bias that may have a stride: see `harness.training.convolution`."""
    options: dict[str, Any] = {"stride": layer.stride, "padding": layer.padding, "dilation": layer.dilation}
    return convolve(x, layer.weight, groups=layer.groups, **options)


class Stage(nn.Module):
    """ReLU, a convolution, batch norm. The convolution is plain, or depthwise and then pointwise (separable).

    Parameters
    ----------
    channels_in, channels_out
        Channels before and after.
    kernel, stride, dilation
        Of the spatial convolution; padding keeps the size at stride 1.
    separable
        Whether the convolution is depthwise and then pointwise.
    norm
        Makes the batch norm from a number of channels.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel: int,
        norm: Norm,
        *,
        stride: int = 1,
        dilation: int = 1,
        separable: bool = False,
    ) -> None:
        super().__init__()
        self.spatial = nn.Conv2d(
            channels_in,
            channels_in if separable else channels_out,
            kernel,
            stride=stride,
            padding=dilation * (kernel - 1) // 2,
            dilation=dilation,
            groups=channels_in if separable else 1,
            bias=False,
        )
        self.pointwise = nn.Conv2d(channels_in, channels_out, 1, bias=False) if separable else None
        self.norm = norm(channels_out)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the stage."""
        x = strided(self.spatial, F.relu(x))
        if self.pointwise is not None:
            x = self.pointwise(x)
        return cast(Tensor, self.norm(x))


class Convolution(nn.Sequential):
    """One or more stages."""


class FactorizedReduce(nn.Module):
    """ReLU, halving of the image by two pointwise convolutions of stride 2 that start one pixel apart, batch norm."""

    def __init__(self, channels_in: int, channels_out: int, norm: Norm) -> None:
        super().__init__()
        self.even = nn.Conv2d(channels_in, channels_out // 2, 1, stride=2, bias=False)
        self.odd = nn.Conv2d(channels_in, channels_out - channels_out // 2, 1, stride=2, bias=False)
        self.norm = norm(channels_out)
        self.groups = 1  # networks in one, see `harness.training.grouped`

    def forward(self, x: Tensor) -> Tensor:
        """Halve the image."""
        x = F.relu(x)
        halves = [strided(self.even, x), strided(self.odd, x[:, :, 1:, 1:])]
        return cast(Tensor, self.norm(side_by_side(halves, self.groups)))


class Zero(nn.Module):
    """No connection: zeros of the right size."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """Zeros, without a gradient."""
        return torch.zeros_like(x[:, :, :: self.stride, :: self.stride])


class Pool(nn.Module):
    """3x3 maximum or average, and a batch norm if one is given; an average leaves padding out of its count."""

    def __init__(self, kind: str, stride: int, norm: nn.Module | None = None) -> None:
        super().__init__()
        self.pool = nn.MaxPool2d(3, stride, padding=1) if kind == "max" else partial(average_3x3, stride=stride)
        self.norm = norm or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Pool."""
        return cast(Tensor, self.norm(self.pool(x)))


class InvertedResidual(nn.Module):
    """Expansion, a depthwise convolution and a projection, each with batch norm; their sum with the input where sizes agree.

    Parameters
    ----------
    channels, width
        Before and after the block, and between.
    kernel, stride
        Of the depthwise convolution, odd; padding keeps the size at stride 1.
    norm
        Makes the batch norm from a number of channels.

    Notes
    -----
    Sandler et al., "MobileNetV2", CVPR 2018, figure 3, with ReLU for ReLU6.
    """

    def __init__(self, channels: int, width: int, kernel: int, stride: int, norm: Norm) -> None:
        super().__init__()
        self.expand = nn.Conv2d(channels, width, 1, bias=False)
        self.depthwise = nn.Conv2d(width, width, kernel, stride=stride, padding=kernel // 2, groups=width, bias=False)
        self.project = nn.Conv2d(width, channels, 1, bias=False)
        self.norms = nn.ModuleList([norm(width), norm(width), norm(channels)])

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block."""
        first, second, third = self.norms
        hidden = F.relu(first(self.expand(x)))
        hidden = F.relu(second(strided(self.depthwise, hidden)))
        out = cast(Tensor, third(self.project(hidden)))
        return x + out if self.depthwise.stride == (1, 1) else out


def _separable(kernel: int, dilation: int, stages: int) -> Make:
    def make(channels: int, stride: int, norm: Norm) -> nn.Module:
        strides = (stride, *(1,) * (stages - 1))
        return Convolution(
            *(Stage(channels, channels, kernel, norm, stride=s, dilation=dilation, separable=True) for s in strides)
        )

    return make


def _plain(kernel: int) -> Make:
    return lambda channels, stride, norm: Convolution(Stage(channels, channels, kernel, norm, stride=stride))


def _block(kernel: int, width: int) -> Make:
    return lambda channels, stride, norm: InvertedResidual(channels, width, kernel, stride, norm)


def _skip(channels: int, stride: int, norm: Norm) -> nn.Module:
    return nn.Identity() if stride == 1 else FactorizedReduce(channels, channels, norm)


# Pools are bare here; a DARTS supernet normalises them, see `normalised`.
OPERATIONS: Mapping[str, Make] = {
    "none": lambda channels, stride, norm: Zero(stride),
    "skip_connect": _skip,
    "max_pool_3x3": lambda channels, stride, norm: Pool("max", stride),
    "avg_pool_3x3": lambda channels, stride, norm: Pool("average", stride),
    "sep_conv_3x3": _separable(3, dilation=1, stages=2),
    "sep_conv_5x5": _separable(5, dilation=1, stages=2),
    "dil_conv_3x3": _separable(3, dilation=2, stages=1),
    "dil_conv_5x5": _separable(5, dilation=2, stages=1),
    "nor_conv_1x1": _plain(1),
    "nor_conv_3x3": _plain(3),
    **{name: _block(kernel, width) for name, (kernel, width) in BLOCKS.items()},
}


def operation(name: str, channels: int, stride: int, norm: Norm) -> nn.Module:
    """An operation as it stands in a discrete network."""
    if name not in OPERATIONS:
        raise unknown_name("operation", name, OPERATIONS)
    return OPERATIONS[name](channels, stride, norm)


def normalised(module: nn.Module, channels: int, norm: Norm) -> nn.Module:
    """An operation as it stands in a DARTS supernet: batch norm after a pool, so that operations weigh alike."""
    if isinstance(module, Pool):
        module.norm = norm(channels)
    return module
