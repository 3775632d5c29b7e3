"""Convolutions that torch computes rightly on every processor.

oneDNN, by which torch convolves on a processor, writes outside its memory in the weight gradient of a pointwise convolution of
stride 2 or more if channels lie innermost and are fewer than a register holds (8 floats with AVX2, 16 with AVX-512; see
https://github.com/uxlfoundation/oneDNN/issues/6035, open in torch 2.13): a crash somewhere else, or wrong numbers without one.
It happens where it copies every other pixel beforehand, which it does where the stride divides the sides of the image. Here these
pixels are taken first, and convolved at stride 1: the same sums, by a kernel without the fault.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

REGISTER = 16  # floats in the widest register


def overflows(x: Tensor, kernel: Tensor, stride: Iterable[int], padding: Iterable[int], groups: int) -> bool:
    """Whether the weight gradient of this convolution may be written outside its memory.

    Parameters
    ----------
    x, kernel
        (n, channels, height, width) and (channels out, channels / groups, height, width).
    stride, padding, groups
        Of the convolution.
    """
    stride = tuple(stride)
    return (
        x.device.type in ("cpu", "meta")
        and groups == 1
        and x.shape[1] < REGISTER
        and kernel.shape[2:] == (1, 1)
        and max(stride) > 1
        and not any(padding)
        and not any(side % step for side, step in zip(x.shape[2:], stride, strict=True))
        # Channels of one of the two lie closer together than columns, or it cannot be told.
        and (x.shape[1] == 1 or any(tensor.stride(1) < tensor.stride(3) for tensor in (x, kernel)))
    )


def convolve(
    x: Tensor,
    kernel: Tensor,
    *,
    stride: Sequence[int] = (1, 1),
    padding: Sequence[int] = (0, 0),
    dilation: Sequence[int] = (1, 1),
    groups: int = 1,
) -> Tensor:
    """As torch's ``conv2d`` without a bias. Every convolution that may have a stride goes through here.

    Parameters
    ----------
    x
        (n, channels, height, width)
    kernel
        (channels out, channels / groups, height, width)
    stride, padding, dilation
        Of lines and of columns.
    groups
        Runs of channels that are convolved apart.
    """
    if overflows(x, kernel, stride, padding, groups):
        x, stride = x[:, :, :: stride[0], :: stride[1]], (1, 1)
    return F.conv2d(x, kernel, None, tuple(stride), tuple(padding), tuple(dilation), groups)


class Guard(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Inside, a convolution whose gradient would be written outside its memory raises, whoever calls it and on whatever device.

    For tests, and for runs in Python's development mode (``PYTHONDEVMODE=1``).
    """

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Look at every convolution that torch is about to compute."""
        if func is torch.ops.aten.convolution.default:
            x, kernel, _, stride, padding, *_, groups = args
            if overflows(x, kernel, stride, padding, groups):
                raise RuntimeError(
                    f"a pointwise convolution of stride {tuple(stride)} reads {tuple(x.shape)}, channels innermost: oneDNN "
                    "writes its gradient outside its memory; call harness.training.convolution.convolve"
                )
        return func(*args, **(kwargs or {}))


def guard() -> AbstractContextManager[Any]:
    """A new `Guard`."""
    made: AbstractContextManager[Any] = Guard()  # type: ignore[no-untyped-call]
    return made


def guard_of_development() -> AbstractContextManager[Any]:
    """A `Guard` in Python's development mode, which is for checks that cost time; nothing else."""
    return guard() if sys.flags.dev_mode else nullcontext()
