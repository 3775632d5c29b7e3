"""PC-DARTS: a level over a supernet whose edges compute a part of the channels and have weights of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from harness.methods.base import SearchResult, register_method, require
from harness.methods.over_level import OverLevel
from harness.problem.base import Problem
from harness.problem.offer import Offer
from harness.problem.supernet import SupernetProblem
from harness.streams import Streams


@register_method("pc-darts")
@dataclass
class PCDarts(OverLevel):
    """Partial channels and edge weights β, by any level: see `harness.supernets.partial`.

    A candidate is chosen by its softmax times that of its edge. Since channels pass by the candidates, `none` is not "no edge":
    its supernet is another one than that of DARTS, and no path of it is a discrete network.

    Parameters
    ----------
    k
        K: one K-th of the channels goes through the candidates. It must divide the channels of the search.
    warm_up
        Share of the epochs in which α and β rest.

    Notes
    -----
    Xu et al., "PC-DARTS: Partial Channel Connections for Memory-Efficient Architecture Search", ICLR 2020; K = 4, and 15 of 50
    epochs of warm-up.
    """

    k: int = 4
    warm_up: float = 0.3

    version: ClassVar[str] = "1"
    source: ClassVar[str] = "Xu et al., PC-DARTS, ICLR 2020"

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.k >= 1, f"{self.name}: k must be at least 1, not {self.k}")
        require(
            0 <= self.warm_up < 1, f"{self.name}: warm_up must be a share of the epochs in [0, 1), not {self.warm_up}"
        )

    def check(self, offer: Offer) -> None:
        """Want channels that K divides."""
        from harness.supernets.partial import check_divides

        super().check(offer)
        check_divides(self.k, cast("Mapping[str, Any]", offer.supernet)["channels"])

    def search(self, problem: Problem, streams: Streams) -> SearchResult:
        """Search the supernet."""
        from harness.supernets.loop import search
        from harness.supernets.partial import EdgeSoftmax, PartialChannels
        from harness.supernets.steps import AlphaSchedule, LevelStep

        net = cast(SupernetProblem, problem).supernet(PartialChannels(self.k))
        relaxation = EdgeSoftmax(tuple(target for _, target in net.where.edges))
        step = LevelStep(self.chosen_level(), relaxation, AlphaSchedule(alpha_from=self.warm_up))
        return SearchResult(search(net, step, streams=streams))
