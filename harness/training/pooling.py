"""The 3x3 average of cell spaces, as torch computes it, and faster where channels lie one behind the other."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor

SMALL = 20_000  # numbers; below, starting so many operations takes longer than what they save


def average_3x3(x: Tensor, stride: int) -> Tensor:
    """Mean of the up to nine pixels around every pixel, or every second one; padding is left out of the count.

    The same numbers as torch's ``avg_pool2d``, value and gradient, to the bit: both add the pixels of a window in their order in
    memory, and then divide. On a processor torch does so pixel by pixel unless channels lie innermost; here all images and
    channels are added at once.

    Parameters
    ----------
    x
        (n, channels, height, width)
    stride
        1 or 2.
    """
    if (
        stride != 1
        or x.device.type != "cpu"
        or x.numel() < SMALL
        or (x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous())
    ):
        return F.avg_pool2d(x, 3, stride, padding=1, count_include_pad=False)
    return cast(Tensor, _Average.apply(x))  # type: ignore[no-untyped-call]


class _Average(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        planes = _pixels_first(x)
        return _pixels_last(_windows(planes).div_(_counts(*planes.shape[:2], x.dtype)), x.shape)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        planes = _pixels_first(gradient)
        return _pixels_last(_windows(planes.div_(_counts(*planes.shape[:2], gradient.dtype))), gradient.shape)


def _pixels_first(x: Tensor) -> Tensor:
    """(height, width, n * channels), a copy."""
    height, width = x.shape[2:]
    copy = x.reshape(-1, height * width).t().clone(memory_format=torch.contiguous_format)
    return copy.view(height, width, -1)


def _pixels_last(planes: Tensor, shape: torch.Size) -> Tensor:
    return planes.flatten(0, 1).t().contiguous().view(shape)


def _windows(planes: Tensor) -> Tensor:
    """Sums over the windows, added line by line and pixel by pixel; what is outside is 0."""
    height, width, count = planes.shape
    padded = planes.new_zeros(height + 2, width + 2, count)
    padded[1:-1, 1:-1] = planes
    parts = [padded[line : line + height, pixel : pixel + width] for line in range(3) for pixel in range(3)]
    total = parts[0] + parts[1]
    for part in parts[2:]:
        total += part
    return total


@lru_cache
def _counts(height: int, width: int, dtype: torch.dtype) -> Tensor:
    """How many pixels every window has, (height, width, 1)."""
    return _windows(torch.ones(height, width, 1, dtype=dtype))
