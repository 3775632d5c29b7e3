"""Elastic supernets: every candidate of an edge is a part of the largest one, whose weights it uses.

A smaller kernel is the centre of a larger one, a narrower block has its first channels. So a supernet has as many weights as its
largest network, and any network of the space is cut out of it (Cai et al., "Once-for-All", ICLR 2020; Yu et al., "BigNAS", ECCV
2020).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.errors import HarnessError
from harness.spaces.cells import CellSpace
from harness.supernets.graph import BATCH_NORMS, mixed_network
from harness.supernets.mixture import Mixture
from harness.training.convolution import convolve
from harness.training.networks import Constants, Shape
from harness.training.operations import Convolution, InvertedResidual, Pool, Stage, Zero


@dataclass(frozen=True)
class Elastic:
    """The supernet whose candidates are parts of the largest.

    Parameters
    ----------
    transforms
        Whether a smaller kernel is the centre of the next larger one times a matrix that is learnt, shared by all channels and
        the identity at first (Once-for-All, section 3.3).

    Raises
    ------
    HarnessError
        In `make`, if a candidate is no part of another one and has weights of its own.
    """

    transforms: bool = False

    def make(self, where: CellSpace, shape: Shape, batch_norm: str) -> nn.Module:
        """The space's network with elastic edges; its mixtures are paths."""
        norm = BATCH_NORMS[batch_norm]
        fan = partial(ElasticFan, transforms=self.transforms)
        return mixed_network(where, shape, replace(norm, fan=fan))


class ElasticFan(nn.Module):
    """The elastic edges that leave one state.

    Parameters
    ----------
    candidates
        Makes the candidates of one edge.
    edges
        Number of edges.
    transforms
        As of `Elastic`.
    """

    def __init__(self, candidates: Callable[[], Sequence[nn.Module]], edges: int, *, transforms: bool) -> None:
        super().__init__()
        self.edges = nn.ModuleList(ElasticEdge(candidates(), transforms=transforms) for _ in range(edges))

    def forward(self, state: Tensor, mixture: Mixture) -> Sequence[Tensor]:
        """Output of the one candidate of every edge."""
        if mixture.operations.is_floating_point():
            raise HarnessError(
                "an elastic supernet computes paths: its candidates share their weights and have no mixture"
            )
        return [edge(state, choice) for edge, choice in zip(self.edges, mixture.operations.tolist(), strict=True)]


class ElasticEdge(nn.Module):
    """One edge, with the weights of its largest convolution and of its largest block.

    Parameters
    ----------
    candidates
        Operations of the edge: convolutions of one stage that differ in their kernel; blocks that differ in kernel and width; and
        what has no weights.
    transforms
        As of `Elastic`.
    """

    def __init__(self, candidates: Sequence[nn.Module], *, transforms: bool) -> None:
        super().__init__()
        self.free = nn.ModuleDict()  # by the number of the candidate
        self.kernels: dict[int, int] = {}
        self.widths: dict[int, int] = {}
        convolutions: list[Convolution] = []
        blocks: list[InvertedResidual] = []
        for number, one in enumerate(candidates):
            if isinstance(one, Convolution) and len(one) == 1 and one[0].pointwise is None and not blocks:
                convolutions.append(one)
                self.kernels[number] = one[0].spatial.kernel_size[0]
            elif isinstance(one, InvertedResidual) and not convolutions:
                blocks.append(one)
                self.kernels[number] = one.depthwise.kernel_size[0]
                self.widths[number] = one.depthwise.out_channels
            elif isinstance(one, nn.Identity | Zero | Pool) and not list(one.parameters()):
                self.free[str(number)] = one
            else:
                raise HarnessError(
                    f"elastic: candidate {number} of an edge, {type(one).__name__}, is no part of another"
                )
        self.whole: nn.Module = max(
            [*convolutions, *blocks], key=lambda one: sum(parameter.numel() for parameter in one.parameters())
        )
        sizes = sorted(set(self.kernels.values()), reverse=True) if transforms else []
        self.transforms = nn.ModuleDict({str(size): Transform(size) for size in sizes[1:]})

    def forward(self, x: Tensor, choice: int) -> Tensor:
        """Output of a candidate."""
        if str(choice) in self.free:
            return cast(Tensor, self.free[str(choice)](x))
        if isinstance(self.whole, InvertedResidual):
            return self._block(self.whole, x, self.kernels[choice], self.widths[choice])
        stage, size = cast(Stage, cast(Convolution, self.whole)[0]), self.kernels[choice]
        kernel = self.kernel(stage.spatial.weight, size)
        options = {"stride": stage.spatial.stride, "padding": (size // 2, size // 2), "dilation": (1, 1)}
        return cast(Tensor, stage.norm(convolve(F.relu(x), kernel, groups=1, **options)))

    def kernel(self, weight: Tensor, size: int) -> Tensor:
        """The kernel of a size, from the largest: centre after centre, each times its matrix if there is one."""
        while weight.shape[-1] > size:
            weight = weight[..., 1:-1, 1:-1]
            name = str(weight.shape[-1])
            if name in self.transforms:
                weight = self.transforms[name](weight)
        return weight

    def sort_channels(self) -> None:
        """Put the channels of a block in the order of the absolute sum of their weights in the projection; outputs stay.

        So that a narrower block keeps those that matter most (Once-for-All, section 3.3).
        """
        block = self.whole
        if not isinstance(block, InvertedResidual):
            return
        order = block.project.weight.detach().abs().sum(dim=(0, 2, 3)).argsort(descending=True, stable=True)
        with torch.no_grad():
            block.expand.weight.copy_(block.expand.weight[order])
            block.depthwise.weight.copy_(block.depthwise.weight[order])
            block.project.weight.copy_(block.project.weight[:, order])
            for norm in block.norms[:2]:
                for value in (*norm.parameters(), *(buffer for buffer in norm.buffers() if buffer.ndim)):
                    value.copy_(value[order])

    def _block(self, block: InvertedResidual, x: Tensor, size: int, width: int) -> Tensor:
        first, second, third = block.norms
        hidden = F.relu(narrow_norm(first, F.conv2d(x, block.expand.weight[:width])))
        kernel = self.kernel(block.depthwise.weight[:width], size)
        options = {"stride": block.depthwise.stride, "padding": (size // 2, size // 2), "dilation": (1, 1)}
        hidden = F.relu(narrow_norm(second, convolve(hidden, kernel, groups=width, **options)))
        out = cast(Tensor, third(F.conv2d(hidden, block.project.weight[:, :width])))
        return x + out if block.depthwise.stride == (1, 1) else out


class Transform(Constants):
    """A matrix that a kernel's positions are multiplied by, the identity at first.

    Parameters
    ----------
    size
        Side of the kernel.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.matrix = nn.Parameter(torch.empty(size**2, size**2))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """The identity."""
        nn.init.eye_(self.matrix)

    def forward(self, weight: Tensor) -> Tensor:
        """Of a kernel (channels out, channels in, size, size) one of the same shape."""
        return (weight.flatten(2) @ self.matrix.t()).view_as(weight)


def narrow_norm(norm: nn.Module, x: Tensor) -> Tensor:
    """Batch norm of the first channels of a wider one: with their weights, and their running statistics if it has any."""
    whole, width = cast(nn.BatchNorm2d, norm), x.shape[1]
    if width == whole.num_features:
        return cast(Tensor, whole(x))
    weight, bias = (None if value is None else value[:width] for value in (whole.weight, whole.bias))
    if whole.running_mean is None or whole.running_var is None:
        return F.batch_norm(x, None, None, weight, bias, training=True, eps=whole.eps)
    factor = 0.0
    if whole.training and whole.num_batches_tracked is not None:
        whole.num_batches_tracked.add_(1)
        factor = 1.0 / float(whole.num_batches_tracked) if whole.momentum is None else whole.momentum
    mean, var = whole.running_mean[:width], whole.running_var[:width]
    return F.batch_norm(x, mean, var, weight, bias, training=whole.training, momentum=factor, eps=whole.eps)


def sort_channels(network: nn.Module) -> None:
    """`ElasticEdge.sort_channels` of all edges."""
    for module in network.modules():
        if isinstance(module, ElasticEdge):
            module.sort_channels()
