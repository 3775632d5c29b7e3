"""MiLeNAS with GDAS's sampling."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from harness.errors import unknown_name
from harness.levels import LEVELS, Level, MixedLevel
from harness.methods.base import register_method
from harness.methods.gdas import Gdas


@register_method("milenas-gumbel")
@dataclass
class MiLeNASGumbel(Gdas):
    """MiLeNAS with GDAS's sampling: mixed-level instead of bilevel, and α before the weights.

    Parameters
    ----------
    level
        Name of the level: ``milenas-1st``, or any other of `harness.levels.LEVELS`.
    lambda_valid, lambda_train
        Factors of the validation and of the training loss, where the level is mixed.

    Notes
    -----
    He et al., MiLeNAS, CVPR 2020, Eq. 10. Their code draws anew for every cell of a forward pass; here a pass draws once, as
    GDAS does. It also compares 300 epochs of this with 250 of GDAS; in a suite both have the same.
    """

    level: str = "milenas-1st"
    lambda_valid: float = 1.0
    lambda_train: float = 1.0

    source: ClassVar[str] = "He et al., MiLeNAS, CVPR 2020, Eq. 6 and 10"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.level not in LEVELS:
            raise unknown_name("level", self.level, LEVELS, where=self.name)
        self.descends()  # refuses what a level refuses

    def descends(self) -> Level:
        """The level that these parameters say."""
        level = replace(LEVELS[self.level], update="alpha_first")
        if not isinstance(level, MixedLevel):
            return level
        return replace(level, lambda_valid=self.lambda_valid, lambda_train=self.lambda_train)
