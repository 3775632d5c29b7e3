"""What methods share that search a supernet by a level of one's choice, in a way of their own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from harness.errors import unknown_name
from harness.levels import LEVELS, Level, MixedLevel
from harness.methods.base import OwnLoop, require
from harness.problem.offer import Offer
from harness.taxonomy import Taxonomy


@dataclass
class OverLevel(OwnLoop):
    """A search of a supernet by a level.

    Parameters
    ----------
    level
        A key of `harness.levels.LEVELS`, such as ``"darts-1st"`` or ``"milenas-2nd"``.
    lambda_valid, lambda_train
        Factors of the validation and of the training loss, of mixed levels only.
    update
        ``simultaneous``, ``w_first`` or ``alpha_first``, see `harness.levels.Level`.
    """

    level: str = "darts-1st"
    lambda_valid: float = 1.0
    lambda_train: float = 1.0
    update: str = "simultaneous"

    taxonomy: ClassVar[Taxonomy] = Taxonomy("any", "gradient", "weight sharing", "none")

    def __post_init__(self) -> None:
        self.chosen_level()  # refuses what a level refuses

    def chosen_level(self) -> Level:
        """The level that these parameters say."""
        if self.level not in LEVELS:
            raise unknown_name("level", self.level, LEVELS, where=self.name)
        level = replace(LEVELS[self.level], update=self.update)
        if isinstance(level, MixedLevel):
            return replace(level, lambda_valid=self.lambda_valid, lambda_train=self.lambda_train)
        require(
            self.lambda_valid == self.lambda_train == 1,
            f'{self.name}: lambda_valid and lambda_train are of mixed levels; write level = "milenas-1st" or leave them out',
        )
        return level

    def check(self, offer: Offer) -> None:
        """Want a supernet."""
        require(offer.live, f"{self.name}: wants a supernet, and a table has no weights to share")
