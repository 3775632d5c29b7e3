"""Once-for-All: an elastic supernet by progressive shrinking."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np

from harness.methods.base import register_method, require
from harness.methods.elastic import OverElastic
from harness.problem.offer import Offer
from harness.spaces.cells import CellSpace
from harness.supernets.stages import stage_ends

if TYPE_CHECKING:
    from harness.supernets.steps import Step


@register_method("once-for-all")
@dataclass
class OnceForAll(OverElastic):
    """Progressive shrinking: the largest network first, then kernels, depth and width become elastic, where there are such.

    Smaller kernels are centres of larger ones times matrices that are learnt; channels are sorted before widths become elastic.
    The largest network as it was after the first stage teaches all others, at one pass more that trains nothing.

    Parameters
    ----------
    shares
        Shares of the epochs: of the largest network, and of every stage of the space in its order.
    samples
        Random networks a step.
    teaching
        Weight of the teacher's loss beside that of the labels.

    Notes
    -----
    Cai et al., "Once-for-All: Train one network and specialize it for efficient deployment", ICLR 2020. The paper's schedules are
    180 epochs of the largest network, and 125, 125+25 and 125+25 of the stages.
    """

    shares: tuple[float, ...] = field(default=(0.4, 0.2, 0.2, 0.2))
    samples: int = 1
    teaching: float = 1.0

    version: ClassVar[str] = "1"
    source: ClassVar[str] = "Cai et al., ICLR 2020"
    transforms: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self.shares = tuple(float(share) for share in self.shares)
        require(
            len(self.shares) >= 2 and min(self.shares) > 0,
            f"{self.name}: shares must be positive, of the largest network and of each stage, not {list(self.shares)}",
        )
        require(self.samples >= 1, f"{self.name}: samples must be at least 1, not {self.samples}")
        require(self.teaching >= 0, f"{self.name}: teaching must be at least 0, not {self.teaching}")

    def check(self, offer: Offer) -> None:
        """Want a share of the epochs for every stage of the space, of one epoch or more."""
        super().check(offer)
        stages = list(cast(CellSpace, offer.space).stages)
        require(
            len(self.shares) > len(stages),
            f"{self.name}: shares: {offer.space.name} has the stages {', '.join(stages)}; give one more share than these",
        )
        epochs = cast("Mapping[str, Any]", offer.supernet)["epochs"]
        ends = stage_ends(self.shares, len(stages), epochs)
        require(
            bool(np.diff([0.0, *ends]).min() >= 1),
            f"{self.name}: the budget of {epochs} epochs leaves a stage without one; give more epochs or other shares",
        )

    def step(self) -> Step:
        """Shrinking."""
        from harness.supernets.distilled import ShrinkingStep

        return ShrinkingStep(self.shares, self.samples, self.teaching)
