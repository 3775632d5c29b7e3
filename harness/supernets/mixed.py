"""The mixed operation: every edge is the sum of all candidate operations, weighted.

The edges that leave one state are one module, because that is where work can be shared. `Fan` is the definition;
`FusedFan` has the same parameters and computes the same sums with less work.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.supernets.gates import open_all
from harness.supernets.mixture import Mixture
from harness.training.convolution import convolve
from harness.training.operations import Convolution, FactorizedReduce, Pool, Stage, Zero

Candidates = Callable[[], Sequence[nn.Module]]

# A depthwise and a pointwise convolution with nothing between them are one dense convolution. Up to this many
# channels the dense one is faster on a CPU, although it multiplies more.
COMPOSE_UP_TO = 32


class Fan(nn.Module):
    """The mixed edges that leave one state.

    Parameters
    ----------
    candidates
        Makes the candidate operations of one edge.
    edges
        Number of edges.
    """

    def __init__(self, candidates: Candidates, edges: int) -> None:
        super().__init__()
        self.edges = nn.ModuleList(nn.ModuleList(candidates()) for _ in range(edges))

    def forward(self, state: Tensor, mixture: Mixture) -> Sequence[Tensor]:
        """Output of every edge, (n, channels, height / stride, width / stride) each.

        Parameters
        ----------
        state
            (n, channels, height, width)
        mixture
            Of the edges.
        """
        outputs = (
            self.mixed(state, mixture.operations)
            if mixture.operations.is_floating_point()
            else self.paths(state, mixture)
        )
        if mixture.edges is None:
            return outputs
        return [weight * output for weight, output in zip(mixture.edges, outputs, strict=True)]

    def paths(self, state: Tensor, mixture: Mixture) -> Sequence[Tensor]:
        """Output of the one candidate of every edge, times its gate if there are gates; shapes as of `forward`."""
        choices = mixture.operations.tolist()
        outputs = [cast(nn.ModuleList, ops)[choice](state) for choice, ops in zip(choices, self.edges, strict=True)]
        if mixture.gates is None:
            return outputs
        if mixture.every_gate:
            return open_all(self.products, state, mixture.gates, outputs)
        return [gates[choice] * output for gates, choice, output in zip(mixture.gates, choices, outputs, strict=True)]

    @torch.no_grad()
    def products(self, state: Tensor, gradients: Sequence[Tensor]) -> Tensor:
        """Products of the gradient of every edge's output and what each of its candidates computes: (edges, candidates).

        It is a pass through all candidates: a batch norm with running statistics moves them.
        """
        rows = [
            torch.stack([(op(state) * gradient).sum() for op in cast(nn.ModuleList, ops)])
            for ops, gradient in zip(self.edges, gradients, strict=True)
        ]
        return torch.stack(rows)

    def mixed(self, state: Tensor, weights: Tensor) -> Sequence[Tensor]:
        """Sum of all candidates of every edge, weighted; `weights` is (edges, candidates), the rest as in `forward`."""
        return [
            cast(Tensor, sum(weight * op(state) for weight, op in zip(row, cast(nn.ModuleList, ops), strict=True)))
            for row, ops in zip(weights, self.edges, strict=True)
        ]


class FusedFan(Fan):
    """The same sums, faster.

    ReLU and pools (with their batch norm) are computed once for all edges; the convolutions of one kind are one grouped
    convolution over the edges; a separable convolution becomes a dense one where that pays; the last batch norm of a
    convolution multiplies by the edge's weight on its way; zeros are left out. Operations that a space has for itself are
    computed edge by edge. It needs a batch norm without running statistics.
    """

    def mixed(self, state: Tensor, weights: Tensor) -> Sequence[Tensor]:
        """As `Fan.mixed`."""
        active = F.relu(state)
        own: list[Tensor] = []  # weighted outputs of operations that an edge has to itself: (n, edges * channels, h, w)
        shared: list[Tensor] = []  # outputs that all edges have in common: (n, channels, h, w)
        columns: list[Tensor] = []  # and their weights: (edges,)
        for column, modules in zip(weights.unbind(dim=1), zip(*cast(Any, self.edges), strict=True), strict=True):
            kind = type(modules[0])
            if kind is Convolution:
                own.append(_convolve(modules, active, column))
            elif kind is FactorizedReduce:
                own.append(_reduce(modules, active, column))
            elif kind in (Pool, nn.Identity):
                shared.append(modules[0](state))
                columns.append(column)
            elif kind is not Zero:  # one that a space has for itself
                own.append(torch.cat([w * module(state) for w, module in zip(column, modules, strict=True)], dim=1))
        n, _, height, width = (own or shared)[0].shape
        total = sum(own[1:], own[0]).reshape(n, len(weights), -1) if own else None
        if shared:
            common = torch.stack([term.flatten(1) for term in shared], dim=1)
            mix = torch.stack(columns, dim=1).expand(n, -1, -1)
            total = torch.bmm(mix, common) if total is None else torch.baddbmm(total, mix, common)
        return cast(Tensor, total).view(n, len(weights), -1, height, width).unbind(dim=1)


def _convolve(convolutions: Sequence[Convolution], active: Tensor, weights: Tensor) -> Tensor:
    """Weighted outputs of one convolution an edge; the input of all is `active`, a state after its ReLU."""
    x = active
    *inner, last = zip(*convolutions, strict=True)
    for depth, stages in enumerate(inner):
        x = F.relu_(_normalise(_stage(stages, x, shared=depth == 0), stages[0].norm))
    return _normalise(_stage(last, x, shared=not inner), last[0].norm, weights)


def _stage(stages: Sequence[Stage], x: Tensor, *, shared: bool) -> Tensor:
    """The convolutions of one stage an edge, without ReLU and norm: (n, edges * channels, h, w).

    `x` is the input of all edges if `shared`, else their inputs side by side.
    """
    first = stages[0].spatial
    options: dict[str, Any] = {"stride": first.stride, "padding": first.padding, "dilation": first.dilation}
    if first.groups == 1 or first.in_channels <= COMPOSE_UP_TO:
        kernel = torch.cat([_dense_kernel(stage) for stage in stages])
        return convolve(x, kernel, groups=1 if shared else len(stages), **options)
    if shared:
        x = x.repeat(1, len(stages), 1, 1)
    depthwise = torch.cat([stage.spatial.weight for stage in stages])
    pointwise = torch.cat([cast(nn.Conv2d, stage.pointwise).weight for stage in stages])
    return convolve(convolve(x, depthwise, groups=len(depthwise), **options), pointwise, groups=len(stages))


def _dense_kernel(stage: Stage) -> Tensor:
    if stage.pointwise is None:
        return stage.spatial.weight
    return stage.pointwise.weight * stage.spatial.weight.transpose(0, 1)


def _reduce(modules: Sequence[FactorizedReduce], active: Tensor, weights: Tensor) -> Tensor:
    even = convolve(active, torch.cat([module.even.weight for module in modules]), stride=(2, 2))
    odd = convolve(active[:, :, 1:, 1:], torch.cat([module.odd.weight for module in modules]), stride=(2, 2))
    n, _, height, width = even.shape
    halves = [half.reshape(n, len(modules), -1, height, width) for half in (even, odd)]
    return _normalise(torch.cat(halves, dim=2).reshape(n, -1, height, width), modules[0].norm, weights)


def _normalise(x: Tensor, norm: nn.Module, weights: Tensor | None = None) -> Tensor:
    """Batch norm of all edges' channels by batch statistics, times every edge's weight."""
    norm = cast(nn.BatchNorm2d, norm)
    scale = None if weights is None else weights.repeat_interleave(x.shape[1] // len(weights))
    return F.batch_norm(x, None, None, weight=scale, training=True, eps=norm.eps)
