"""Max-W: a level over a supernet in which every edge's best candidate weighs 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, cast

from harness.methods.base import SearchResult, register_method
from harness.methods.over_level import OverLevel
from harness.problem.base import Problem
from harness.problem.supernet import SupernetProblem
from harness.streams import Streams


@register_method("max-w")
@dataclass
class MaxWSearch(OverLevel):
    """The relaxation of sharpDARTS, by any level: see `harness.supernets.max_w.MaxW`.

    Its other part, cosine power annealing, is a setting of the search for all methods: ``annealing = "power"``.

    Notes
    -----
    Hundt, Jain and Hager, "sharpDARTS: Faster and More Accurate Differentiable Architecture Search", arXiv:1903.09900. There a
    search also warms its learning rate up for 5 epochs, and has operations of its own.
    """

    version: ClassVar[str] = "1"
    source: ClassVar[str] = "Hundt, Jain and Hager, sharpDARTS, 2019, section 3.2"

    def search(self, problem: Problem, streams: Streams) -> SearchResult:
        """Search the supernet."""
        from harness.supernets.loop import search
        from harness.supernets.max_w import MaxW
        from harness.supernets.steps import LevelStep

        net = cast(SupernetProblem, problem).supernet()
        return SearchResult(search(net, LevelStep(self.chosen_level(), MaxW()), streams=streams))
