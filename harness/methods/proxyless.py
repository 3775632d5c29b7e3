"""ProxylessNAS: paths drawn by their probabilities, gradients of all gates, and an expected cost beside the loss."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar, Literal, cast

from harness.errors import HarnessError, unknown_name
from harness.levels import LEVELS
from harness.methods.base import OwnLoop, SearchResult, register_method, require
from harness.problem.base import Problem
from harness.problem.offer import Offer
from harness.problem.supernet import SupernetProblem
from harness.spaces.cells import CellSpace
from harness.streams import Streams
from harness.taxonomy import Taxonomy

if TYPE_CHECKING:
    from harness.supernets.costs import ExpectedCost
    from harness.supernets.net import Supernet

COUNTED, LOOKUP = "multiply-adds", "lookup"


@register_method("proxyless")
@dataclass
class Proxyless(OwnLoop):
    """ProxylessNAS: a step trains the weights of one drawn path; every few steps α descends the validation loss and a cost.

    The level is bilevel of first order, the weights first. A step of α also draws one path, and computes the other candidates
    only for the gradients of their gates. What is recommended is what α prefers, by the space's rule.

    Parameters
    ----------
    alpha_every
        α moves with every n-th step of the search.
    alpha_from
        Share of the epochs that are over before α moves.
    unsampled
        What becomes of the weights that a step does not use: ``"frozen"``, or ``"decay"``, where momentum and weight decay go on.
    cost_weight
        Factor of the expected cost ``Σ p F`` beside the loss; 0: none. F are the costs of the candidates over the mean cost of
        random architectures, so that the term is `cost_weight` where all candidates are equally probable, whatever the cost is
        counted in.
    cost
        ``"multiply-adds"``, counted; ``"lookup"``; or a column of the benchmark, e.g. ``"latency"``, which the suite must show:
        ``metrics = ["latency"]``. Costs of candidates are fitted to a column by least squares; rows state the R² of that
        (``cost_r2``).
    lookup
        Cost of every operation by name, e.g. measured milliseconds.

    Notes
    -----
    Cai, Zhu and Han, "ProxylessNAS: direct neural architecture search on target task and hardware", ICLR 2019, sections 3.2 and
    3.3. Their code multiplies the loss by a power of log E[cost], if it is told to count one; here the two are added, as in the
    paper. Their two-path form, which they use for memory, is not here: only numbers are kept of what is not drawn, so that all
    gates cost the memory of one path. Their label smoothing is not either: all methods of a suite train weights by the same
    loss.
    """

    alpha_every: int = 5
    alpha_from: float = 0.0
    unsampled: Literal["frozen", "decay"] = "frozen"
    cost_weight: float = 0.0
    cost: str = COUNTED
    lookup: dict[str, float] = field(default_factory=dict)

    version: ClassVar[str] = "1"
    source: ClassVar[str] = "Cai, Zhu and Han, ProxylessNAS, ICLR 2019, sections 3.2 and 3.3"
    taxonomy: ClassVar[Taxonomy] = Taxonomy("any", "gradient", "weight sharing", "analytical")

    def __post_init__(self) -> None:
        require(self.alpha_every >= 1, f"{self.name}: alpha_every must be at least 1, not {self.alpha_every}")
        require(0 <= self.alpha_from < 1, f"{self.name}: alpha_from must be a share in [0, 1), not {self.alpha_from}")
        require(
            0 <= self.cost_weight < float("inf"),
            f"{self.name}: cost_weight must be a number of at least 0, not {self.cost_weight}",
        )
        require(
            self.cost_weight > 0 or self.cost == COUNTED,
            f"{self.name}: cost {self.cost!r} has no weight; write cost_weight = 0.1 or another number above 0",
        )
        require(
            (self.cost == LOOKUP) == bool(self.lookup),
            f'{self.name}: cost = "{LOOKUP}" and lookup belong together, e.g. lookup = {{ skip_connect = 0.1, ... }}',
        )
        for name, value in self.lookup.items():
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            require(
                is_number and 0 <= value < float("inf"),
                f"{self.name}: lookup: {name} wants a number of at least 0, not {value!r}",
            )

    def check(self, offer: Offer) -> None:
        """Want a supernet, and what candidates are to cost."""
        require(offer.live, f"{self.name}: wants a supernet, and a table has no weights to share")
        if self.lookup:
            from harness.supernets.costs import by_operation

            by_operation(cast(CellSpace, offer.space), self.lookup)
        elif self.cost != COUNTED and self.cost not in offer.columns:
            known = unknown_name("cost", self.cost, [COUNTED, LOOKUP, *offer.columns], where=self.name)
            raise HarnessError(f'{known}; a column must be shown: metrics = ["{self.cost}"] in the suite')

    def search(self, problem: Problem, streams: Streams) -> SearchResult:
        """Search the supernet."""
        from harness.supernets.loop import search
        from harness.supernets.sampled import Gates
        from harness.supernets.steps import AlphaSchedule, LevelStep

        net = cast(SupernetProblem, problem).supernet()
        step = LevelStep(
            replace(LEVELS["darts-1st"], update="w_first"),
            Gates(),
            AlphaSchedule(self.alpha_from, self.alpha_every),
            self.unsampled,
            self._expected(net) if self.cost_weight else None,
        )
        return SearchResult(search(net, step, streams=streams))

    def _expected(self, net: Supernet) -> ExpectedCost:
        from harness.supernets.costs import (
            COUNTED_ANEW,
            LOOKED_UP,
            ExpectedCost,
            by_operation,
            fitted,
            operations_counted,
        )

        r_squared = None
        if self.lookup:
            costs = by_operation(net.where, self.lookup)
        elif self.cost == COUNTED:
            costs = operations_counted(net)
        else:
            most = COUNTED_ANEW if net.terms.counted else LOOKED_UP
            costs, r_squared = fitted(net.where, lambda arch: net.terms.columns(arch)[self.cost], most)
        return ExpectedCost.of(self.cost, self.cost_weight, costs, r_squared)
