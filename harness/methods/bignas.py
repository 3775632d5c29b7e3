"""BigNAS: the largest network teaches its parts as it is trained itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.methods.base import register_method, require
from harness.methods.elastic import OverElastic

if TYPE_CHECKING:
    from harness.supernets.steps import Step


@register_method("bignas")
@dataclass
class BigNAS(OverElastic):
    """The sandwich rule with in-place distillation over an elastic supernet.

    A step takes ``randoms + 2`` passes: the largest network by the labels, random ones and the smallest by the largest's output.
    Their gradients are summed. At equal epochs it spends that many times the passes of single paths; reports state both.

    Parameters
    ----------
    randoms
        Random networks a step.

    Notes
    -----
    Yu et al., "BigNAS: Scaling up neural architecture search with big single-stage models", ECCV 2020: two random networks,
    weight decay of the largest alone, batch norm recalibrated for every network. Left out, since nothing here is as deep: initial
    weights of 0 at the end of residual blocks, and the rate's constant end.
    """

    randoms: int = 2

    version: ClassVar[str] = "1"
    source: ClassVar[str] = "Yu et al., ECCV 2020"

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.randoms >= 0, f"{self.name}: randoms must be at least 0, not {self.randoms}")

    def step(self) -> Step:
        """The sandwich."""
        from harness.supernets.distilled import SandwichStep

        return SandwichStep(self.randoms)
