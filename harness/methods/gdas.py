"""Levels through drawn paths, with a straight-through gradient: GDAS, and MiLeNAS with GDAS's sampling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, cast

from harness.methods.base import SearchResult, register_method, require
from harness.methods.over_level import OverLevel
from harness.problem.base import Problem
from harness.problem.supernet import SupernetProblem
from harness.streams import Streams


@register_method("gdas")
@dataclass
class Gdas(OverLevel):
    """Every pass computes one candidate an edge, drawn by Gumbel noise, with a straight-through gradient.

    What is recommended is what α prefers, without noise, by the space's rule. By default the level is bilevel of first order,
    and the weights move first.

    Parameters
    ----------
    temperature, temperature_end
        Of the softmax in the gradient: it falls linearly with the share of the epochs that are over, so that of T epochs the
        last has ``temperature_end + (temperature - temperature_end) / T``.

    Notes
    -----
    Dong and Yang, "Searching for a robust neural architecture in four GPU hours", CVPR 2019. Their code reaches its last
    temperature, 0.1, in the last epoch; MiLeNAS's, which runs it from 10 to 1, does not. By default their code adds the weight
    of every candidate that is not drawn to the feature map as a number: that is 0, and has a gradient that no equation of the
    paper has. Here it is left out.
    """

    update: str = "w_first"
    temperature: float = 10.0
    temperature_end: float = 1.0

    version: ClassVar[str] = "1"
    source: ClassVar[str] = "Dong and Yang, GDAS, CVPR 2019"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("temperature", "temperature_end"):
            value = getattr(self, name)
            require(0 < value < float("inf"), f"{self.name}: {name} must be a number above 0, not {value}")

    def search(self, problem: Problem, streams: Streams) -> SearchResult:
        """Search the supernet."""
        from harness.supernets.loop import search
        from harness.supernets.sampled import Gumbel
        from harness.supernets.steps import LevelStep

        net = cast(SupernetProblem, problem).supernet()
        step = LevelStep(self.chosen_level(), Gumbel(self.temperature, self.temperature_end))
        return SearchResult(search(net, step, streams=streams))


@register_method("milenas-gumbel")
@dataclass
class MiLeNASGumbel(Gdas):
    """MiLeNAS with GDAS's sampling: mixed-level instead of bilevel, and α before the weights.

    Notes
    -----
    He et al., MiLeNAS, CVPR 2020, Eq. 10. Their code draws anew for every cell of a forward pass; here a pass draws once, as
    GDAS does. It also compares 300 epochs of this with 250 of GDAS; in a suite both have the same.
    """

    level: str = "milenas-1st"
    update: str = "alpha_first"

    source: ClassVar[str] = "He et al., MiLeNAS, CVPR 2020, Eq. 6 and 10"
