"""Relaxations that compute one drawn candidate an edge, with a straight-through gradient: GDAS's and ProxylessNAS's.

Both are one form. With Gumbel noise u the drawn candidate is k = argmax(α + u), whose distribution is softmax(α) (the Gumbel-max
trick), and its gate is one in value: ``onehot(k) + q - stop(q)``. They differ in what q is, and in which gates the gradient comes
back through:

- GDAS: q is tempered and knows the noise, and the gradient is that of the gate that is open;
- ProxylessNAS: q is the plain softmax, and every gate has its gradient, that of the outputs which were not computed too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from harness.errors import HarnessError
from harness.supernets.mixture import Mixture, Purpose, Softmax


@dataclass(frozen=True)
class StraightThrough(Softmax):
    """What both have in common; `probabilities` are the softmax, without noise and temperature.

    A pass in which α has no gradient has no gates: they are one.
    """

    sampled: ClassVar[bool] = True
    every_gate: ClassVar[bool]  # see `harness.supernets.mixture.Mixture`

    def soft(self, alpha: Tensor, noise: Tensor, progress: float) -> Tensor:
        """What the gradient goes through, a distribution an edge: (edges, candidates), as `alpha` and `noise` are."""
        raise NotImplementedError

    def mixture(
        self, alphas: Sequence[Tensor], rng: np.random.Generator, purpose: Purpose, progress: float
    ) -> list[Mixture]:
        """A candidate an edge; all cells of a group share the draw."""
        return [self._drawn(alpha, rng.gumbel(size=tuple(alpha.shape)), progress) for alpha in alphas]

    def _drawn(self, alpha: Tensor, noise: np.ndarray, progress: float) -> Mixture:
        u = torch.from_numpy(noise).to(alpha)
        chosen = (alpha.detach() + u).argmax(dim=-1)
        if not alpha.requires_grad:
            return Mixture(chosen)
        q = self.soft(alpha, u, progress)
        hard = F.one_hot(chosen, alpha.shape[-1]).to(alpha)
        return Mixture(
            chosen, hard + (q - q.detach()), every_gate=self.every_gate
        )  # q - q first: the gate is 1 to the bit


@dataclass(frozen=True)
class Gumbel(StraightThrough):
    """GDAS (Dong and Yang, CVPR 2019): q = softmax((α + u) / τ), and the gradient of the open gate.

    With G the gradient of an edge's output o_k, that of α_i is ``<G, o_k> q_k (δ_ik - q_i) / τ``. It is biased: for two
    candidates of equal α and a loss that is linear in them its mean is 1/3 of the exact gradient at τ = 1, 1/2 as τ goes to 0.

    Parameters
    ----------
    first, last
        The temperature falls, or rises, from `first` in the first of T epochs towards `last` by (last - first) / T an epoch.

    Raises
    ------
    HarnessError
        If a temperature is not above 0.
    """

    first: float = 10.0
    last: float = 1.0

    word: ClassVar[str] = "gumbel"
    every_gate: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for name in ("first", "last"):
            if not 0 < getattr(self, name) < np.inf:
                raise HarnessError(f"gumbel: temperature {name} must be above 0, not {getattr(self, name)!r}")

    def soft(self, alpha: Tensor, noise: Tensor, progress: float) -> Tensor:
        """The softmax of α with its noise at the present temperature."""
        return torch.softmax((alpha + noise) / (self.first + (self.last - self.first) * progress), dim=-1)


@dataclass(frozen=True)
class Gates(StraightThrough):
    """ProxylessNAS (Cai, Zhu and Han, ICLR 2019, section 3.2): q = softmax(α), and the gradient of every gate.

    With g_j = <G, o_j> for the gradient G of an edge's output, that of α_i is ``q_i (g_i - Σ_j q_j g_j)``. Its mean over the
    draws is the exact gradient where the loss is linear in the outputs; it is not for a cross-entropy.
    """

    word: ClassVar[str] = "gates"
    every_gate: ClassVar[bool] = True

    def soft(self, alpha: Tensor, noise: Tensor, progress: float) -> Tensor:
        """The softmax of α."""
        return torch.softmax(alpha, dim=-1)
