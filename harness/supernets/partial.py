"""Partial channels and edge weights: PC-DARTS (Xu et al., ICLR 2020, arXiv:1907.05737)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.errors import HarnessError
from harness.supernets.graph import BATCH_NORMS, MakeFan, Searchable
from harness.supernets.mixture import Initial, Mixture, Purpose, one_a_group
from harness.training.networks import Shape


@dataclass(frozen=True)
class PartialChannels:
    """Of every edge the first 1/K of the channels goes through the candidates; the others pass by (section 3.2).

    An edge computes ``shuffle_K([sum_o p_o o(x[:C/K]), by-pass of x[C/K:]])``, see `PartialFan`. So the candidate `none` is not
    "no edge" here: under it 1 - 1/K of the channels still pass.

    Parameters
    ----------
    k
        K: 1 is the supernet of DARTS.

    Raises
    ------
    HarnessError
        In `make`, if K does not divide the channels.
    """

    k: int = 4

    def make(self, where: Searchable, shape: Shape, batch_norm: str) -> nn.Module:
        """The space's network with partial mixed operations, in the batch norm's form of these."""
        check_divides(self.k, shape.channels)
        norm = BATCH_NORMS[batch_norm]
        return where.make(shape, replace(norm, fan=partial(PartialFan, k=self.k, fan=norm.fan)))


def check_divides(k: int, channels: int) -> None:
    """Refuse channels that cannot be split into K equal parts."""
    if k < 1 or channels % k:
        possible = ", ".join(str(divisor) for divisor in range(1, channels + 1) if channels % divisor == 0)
        raise HarnessError(f"partial channels: k must divide the {channels} channels of [search]: {possible}; not {k}")


class PartialFan(nn.Module):
    """The mixed edges that leave one state, on a part of its channels.

    Parameters
    ----------
    candidates
        Makes the candidate operations of one edge on ``channels / divisor`` channels.
    edges
        Number of edges.
    k
        One k-th of the channels is computed; at stride 2 what passes by is halved by a 2x2 maximum.
    fan
        The form of the mixed operation.
    """

    def __init__(self, candidates: Callable[..., Sequence[nn.Module]], edges: int, *, k: int, fan: MakeFan) -> None:
        super().__init__()
        self.k = k
        self.fan = fan(partial(candidates, divisor=k), edges)

    def forward(self, state: Tensor, mixture: Mixture) -> Sequence[Tensor]:
        """Output of every edge, (n, channels, height / stride, width / stride) each.

        Parameters
        ----------
        state
            (n, channels, height, width)
        mixture
            Of the edges; their own weights multiply what passes by too.
        """
        width = state.shape[1] // self.k
        weights = mixture.edges
        if weights is not None and mixture.operations.is_floating_point():
            mixture = Mixture(mixture.products)  # the edge's weight where it costs least
        computed = self.fan(state[:, :width], mixture)
        if self.k == 1:
            return cast(Sequence[Tensor], computed)
        mixed = torch.stack(list(computed), dim=1)  # (n, edges, channels / k, height, width)
        passed = state[:, width:]
        if passed.shape[2] != mixed.shape[3]:
            passed = F.max_pool2d(passed, 2, 2)
        # The shuffle: channel g C/K + c becomes channel c K + g, so the computed ones are every k-th.
        n, _, height, length = passed.shape
        beside = passed.view(n, 1, self.k - 1, width, height, length).transpose(2, 3)
        beside = (
            beside.expand(-1, mixed.shape[1], -1, -1, -1, -1)
            if weights is None
            else beside * weights[:, None, None, None, None]
        )
        return torch.cat([mixed.unsqueeze(3), beside], dim=3).flatten(2, 3).unbind(dim=1)


@dataclass(frozen=True)
class EdgeSoftmax:
    """DARTS's softmax over the candidates, and a second one, of β, over the edges into a node (section 3.3).

    A candidate is preferred by the product of both, which is what rules read. The architecture parameters are α of every group,
    then β of every group, called ``beta_<group>``.

    Parameters
    ----------
    targets
        The node that each edge of a group leads into; all groups have the same edges.
    """

    targets: tuple[int, ...]

    word: ClassVar[str] = "edge-softmax"
    sampled: ClassVar[bool] = False

    def parameters(self, groups: Mapping[str, int], candidates: int, initial: Initial) -> list[Tensor]:
        """A tensor (edges, candidates) and one (edges,) for every group, both 1e-3 times normal numbers."""
        alphas = one_a_group(groups, candidates, initial)
        return [*alphas, *(initial(f"beta_{name}", (edges,)) for name, edges in groups.items())]

    def probabilities(self, alphas: Sequence[Tensor]) -> list[Mixture]:
        """Both softmaxes."""
        groups = len(alphas) // 2
        return [
            Mixture(torch.softmax(alpha, dim=-1), edges=self._over_nodes(beta))
            for alpha, beta in zip(alphas[:groups], alphas[groups:], strict=True)
        ]

    def mixture(
        self, alphas: Sequence[Tensor], rng: np.random.Generator, purpose: Purpose, progress: float
    ) -> list[Mixture]:
        """The same: nothing is left to chance."""
        return self.probabilities(alphas)

    def _over_nodes(self, beta: Tensor) -> Tensor:
        """Softmax over the edges into each node: (edges,)."""
        nodes = torch.tensor(self.targets, device=beta.device)
        elsewhere = nodes[:, None] != nodes  # row e: edges that lead into another node than e does
        return beta.expand(len(beta), -1).masked_fill(elsewhere, -torch.inf).softmax(dim=1).diagonal()
