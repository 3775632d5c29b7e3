"""Residual blocks of mobile networks."""

from __future__ import annotations

from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn

from harness.training.operations import Norm, strided


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
