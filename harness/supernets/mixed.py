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
from harness.training.operations import Convolution, FactorizedReduce, Pool, Stage, Zero, side_by_side

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

    In a network of several, see `harness.training.grouped`, weights are (edges, networks, candidates), and channels lie
    innermost: the same sums once more, but other kernels compute them, whose numbers agree up to rounding.
    """

    def __init__(self, candidates: Candidates, edges: int) -> None:
        super().__init__(candidates, edges)
        self.groups = 1  # networks in one

    def mixed(self, state: Tensor, weights: Tensor) -> Sequence[Tensor]:
        """As `Fan.mixed`."""
        active = F.relu(state)
        own: list[Tensor] = []  # weighted outputs of operations that an edge has to itself: (n, edges * channels, h, w)
        shared: list[Tensor] = []  # outputs that all edges have in common: (n, channels, h, w)
        columns: list[Tensor] = []  # and their weights: (edges,)
        for column, modules in zip(weights.unbind(dim=-1), zip(*cast(Any, self.edges), strict=True), strict=True):
            kind = type(modules[0])
            if kind is Convolution:
                own.append(_convolve(modules, active, column, self.groups))
            elif kind is FactorizedReduce:
                own.append(_reduce(modules, active, column, self.groups))
            elif kind in (Pool, nn.Identity):
                shared.append(modules[0](state))
                columns.append(column)
            elif kind is not Zero:  # one that a space has for itself
                own.append(torch.cat([w * module(state) for w, module in zip(column, modules, strict=True)], dim=1))
        if self.groups > 1:
            return _mixed_in_groups(own, shared, columns, len(weights), self.groups)
        n, _, height, width = (own or shared)[0].shape
        total = sum(own[1:], own[0]).reshape(n, len(weights), -1) if own else None
        if shared:
            common = torch.stack([term.flatten(1) for term in shared], dim=1)
            mix = torch.stack(columns, dim=1).expand(n, -1, -1)
            total = torch.bmm(mix, common) if total is None else torch.baddbmm(total, mix, common)
        return cast(Tensor, total).view(n, len(weights), -1, height, width).unbind(dim=1)


def _mixed_in_groups(
    own: Sequence[Tensor], shared: Sequence[Tensor], columns: Sequence[Tensor], edges: int, groups: int
) -> Sequence[Tensor]:
    """Sums of what edges have to themselves and, weighted, in common, as `FusedFan.mixed` has them of networks in one.

    What is in common is added by a pointwise convolution, whose kernel is a multiple of the identity for every edge and term.
    """
    terms = list(own)
    if shared:
        n, channels, height, width = shared[0].shape
        side = channels // groups
        pixels = [term.permute(0, 2, 3, 1).reshape(n, height, width, groups, side) for term in shared]
        common = torch.stack(pixels, dim=4).flatten(3).permute(0, 3, 1, 2)
        same = torch.eye(side, dtype=common.dtype, device=common.device)
        kernel = torch.einsum("keg,cd->gedkc", torch.stack(list(columns)), same).reshape(-1, len(shared) * side, 1, 1)
        terms.append(F.conv2d(common, kernel, groups=groups))
    total = sum(terms[1:], terms[0])
    n, _, height, width = total.shape
    outputs = total.permute(0, 2, 3, 1).reshape(n, height, width, groups, edges, -1).unbind(dim=4)
    return [output.flatten(3).permute(0, 3, 1, 2) for output in outputs]


def _convolve(convolutions: Sequence[Convolution], active: Tensor, weights: Tensor, groups: int) -> Tensor:
    """Weighted outputs of one convolution an edge; the input of all is `active`, a state after its ReLU."""
    x = active
    *inner, last = zip(*convolutions, strict=True)
    for depth, stages in enumerate(inner):
        x = F.relu_(_normalise(_stage(stages, x, groups, shared=depth == 0), stages[0].norm))
    return _normalise(_stage(last, x, groups, shared=not inner), last[0].norm, weights)


def _stage(stages: Sequence[Stage], x: Tensor, groups: int, *, shared: bool) -> Tensor:
    """The convolutions of one stage an edge, without ReLU and norm: (n, groups * edges * channels, h, w).

    `x` is the input of all edges if `shared`, else their inputs side by side.
    """
    first = stages[0].spatial
    options: dict[str, Any] = {"stride": first.stride, "padding": first.padding, "dilation": first.dilation}
    if stages[0].pointwise is None or first.in_channels <= COMPOSE_UP_TO * groups:
        kernel = _kernels([_dense_kernel(stage, groups) for stage in stages], groups)
        return convolve(x, kernel, groups=groups if shared else groups * len(stages), **options)
    if shared:
        x = x.repeat(1, len(stages), 1, 1) if groups == 1 else side_by_side([x] * len(stages), groups)
    depthwise = _kernels([stage.spatial.weight for stage in stages], groups)
    pointwise = _kernels([cast(nn.Conv2d, stage.pointwise).weight for stage in stages], groups)
    return convolve(convolve(x, depthwise, groups=len(depthwise), **options), pointwise, groups=groups * len(stages))


def _kernels(edges: Sequence[Tensor], groups: int) -> Tensor:
    """Kernels of all edges as one: in each of `groups` equal runs of channels out apart."""
    if groups == 1:
        return torch.cat(list(edges))
    return torch.cat([kernel.view(groups, -1, *kernel.shape[1:]) for kernel in edges], dim=1).flatten(0, 1)


def _dense_kernel(stage: Stage, groups: int) -> Tensor:
    if stage.pointwise is None:
        return stage.spatial.weight
    if groups == 1:
        return stage.pointwise.weight * stage.spatial.weight.transpose(0, 1)
    pointwise, spatial = (w.view(groups, -1, *w.shape[1:]) for w in (stage.pointwise.weight, stage.spatial.weight))
    return (pointwise * spatial.transpose(1, 2)).flatten(0, 1)


def _reduce(modules: Sequence[FactorizedReduce], active: Tensor, weights: Tensor, groups: int) -> Tensor:
    options: dict[str, Any] = {"stride": (2, 2), "groups": groups}
    even = convolve(active, _kernels([module.even.weight for module in modules], groups), **options)
    odd = convolve(active[:, :, 1:, 1:], _kernels([module.odd.weight for module in modules], groups), **options)
    n, _, height, width = even.shape
    halves = [half.reshape(n, groups * len(modules), -1, height, width) for half in (even, odd)]
    return _normalise(torch.cat(halves, dim=2).reshape(n, -1, height, width), modules[0].norm, weights)


def _normalise(x: Tensor, norm: nn.Module, weights: Tensor | None = None) -> Tensor:
    """Batch norm of all edges' channels by batch statistics, times every edge's weight: (edges,) or (edges, groups)."""
    norm = cast(nn.BatchNorm2d, norm)
    if weights is not None and weights.ndim == 2:
        weights = weights.t().flatten()
    scale = None if weights is None else weights.repeat_interleave(x.shape[1] // len(weights))
    return F.batch_norm(x, None, None, weight=scale, training=True, eps=norm.eps)
