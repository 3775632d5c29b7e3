"""Progressive REINFORCE: the variables of the policy begin to learn one after another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from harness.methods.base import register_method, require
from harness.methods.reinforce import Policies, Reinforce
from harness.spaces.base import Space
from harness.taxonomy import Taxonomy


@register_method("epnas")
@dataclass
class Epnas(Reinforce):
    """REINFORCE whose policy grows: the first variables learn at once, then one more after every so many evaluations.

    Parameters
    ----------
    learning_rate
        Adam's step size; a hundred times that of `reinforce`, which at 100 evaluations hardly moves.
    momentum
        Decay of the moving average of scores that serves as baseline.
    start
        How many variables learn from the first evaluation on, in the order of the encoding. From the number of all variables on
        this is `reinforce`, to the bit.
    every
        Evaluations from one unlocking to the next. Above the budget, with ``start = 0``, it is uniform random search over
        encodings.

    Notes
    -----
    Inspired by Zhou et al., "EPNAS: efficient progressive neural architecture search", BMVC 2019 (arXiv 1907.04648), and not a
    reimplementation: of the paper stands here its one idea, a search policy trained by REINFORCE over a space that is opened up
    step by step. The paper's policy predicts transformations of networks of growing depth and is trained in parallel; its
    bounds on resources are the suite's ``[constraint]`` here. Other methods bear the same or nearly the same name, so that
    published figures of "EPNAS" may be of something else.

    A locked variable is drawn uniformly and its logits are exactly 0; Adam's state and bias correction of a variable begin
    when it is unlocked. The baseline of the reward has seen all evaluations.
    """

    learning_rate: float = 0.1
    first: int = field(default=2, metadata={"name": "start"})  # `start` is what begins a search
    every: int = 10

    version: ClassVar[str] = "1"
    source: ClassVar[str] = "inspired by Zhou et al., BMVC 2019"
    taxonomy: ClassVar[Taxonomy] = Taxonomy("any", "reinforcement learning", "none", "none")

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.first >= 0, f"{self.name}: start must be at least 0, not {self.first}")
        require(self.every >= 1, f"{self.name}: every must be at least 1, not {self.every}")

    def _policies(self, space: Space, n_seeds: int) -> Policies:
        waits = [max(0, place - self.first + 1) * self.every for place in range(len(space.cardinalities))]
        return Policies(space, n_seeds, self.learning_rate, self.momentum, waits)
