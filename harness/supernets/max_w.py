"""Max-W: of every edge the best candidate weighs 1 (sharpDARTS, Hundt, Jain and Hager, arXiv:1903.09900, section 3.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from harness.supernets.mixture import Mixture, Purpose, Softmax


@dataclass(frozen=True)
class MaxW(Softmax):
    """A pass computes ``w = 1 - max p + p`` of an edge, with p its softmax; the gradient flows through the maximum too.

    So a candidate that leads does not push itself: with J the softmax's Jacobian, c the loss's gradient in w and e_m the unit
    vector of the greatest, the gradient in α is ``J (c - e_m sum c)``.

    Rules, entropy and evaluation read p as ever: under w the best candidates of all edges weigh 1, and no edge ranks above
    another.
    """

    word: ClassVar[str] = "max-w"

    def mixture(
        self, alphas: Sequence[Tensor], rng: np.random.Generator, purpose: Purpose, progress: float
    ) -> list[Mixture]:
        """Nothing is left to chance."""
        return [Mixture(_max_w(mixture.operations)) for mixture in self.probabilities(alphas)]


def _max_w(p: Tensor) -> Tensor:
    return 1 + (p - torch.amax(p, dim=-1, keepdim=True))  # so that the greatest is 1 to the bit
