"""GDAS: bilevel search through drawn paths, with a straight-through gradient."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, cast

from harness.levels import LEVELS, Level
from harness.methods.base import OwnLoop, SearchResult, register_method, require
from harness.problem import Budget, Problem, SupernetProblem
from harness.streams import Streams
from harness.taxonomy import Taxonomy


@register_method("gdas")
@dataclass
class Gdas(OwnLoop):
    """GDAS: every pass computes one candidate an edge, drawn by Gumbel noise, with a straight-through gradient.

    The level is bilevel of first order, the weights first. What is recommended is what α prefers, without noise, by the space's
    rule.

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

    temperature: float = 10.0
    temperature_end: float = 1.0

    version: ClassVar[str] = "1"
    source: ClassVar[str] = "Dong and Yang, GDAS, CVPR 2019"
    taxonomy: ClassVar[Taxonomy] = Taxonomy("any", "gradient", "weight sharing", "none")

    def __post_init__(self) -> None:
        for name in ("temperature", "temperature_end"):
            value = getattr(self, name)
            require(0 < value < float("inf"), f"{self.name}: {name} must be a number above 0, not {value}")

    def check(self, *, live: bool, max_fidelity: int | None, budget: Budget) -> None:
        """Want a supernet."""
        require(live, f"{self.name}: wants a supernet; a table has no weights to train")

    def descends(self) -> Level:
        """The level that these parameters say."""
        return replace(LEVELS["darts-1st"], update="w_first")

    def search(self, problem: Problem, streams: Streams) -> SearchResult:
        """Search the supernet."""
        from harness.supernets.loop import search
        from harness.supernets.sampled import Gumbel
        from harness.supernets.steps import LevelStep

        step = LevelStep(self.descends(), Gumbel(self.temperature, self.temperature_end))
        return SearchResult(search(cast(SupernetProblem, problem).supernet(), step, streams=streams))
