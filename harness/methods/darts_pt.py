"""DARTS-PT: a supernet trained by a level, whose architecture is chosen by perturbation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, cast

from harness.methods.base import SearchResult, register_method, require
from harness.methods.over_level import OverLevel
from harness.problem.base import Problem
from harness.problem.offer import Offer
from harness.problem.supernet import SupernetProblem
from harness.streams import Streams


@register_method("darts-pt")
@dataclass
class DartsPT(OverLevel):
    """Any level over DARTS's or Max-W's relaxation, with a choice of how the architecture is selected.

    Both selections keep back the same epochs of the budget, so that at one seed they choose from the same supernet, bit for bit.

    Parameters
    ----------
    selection
        ``"perturbation"``, see `harness.supernets.perturbation.Perturbation`; or ``"magnitude"``, which leaves what is kept back
        unspent.
    relaxation
        ``"softmax"`` or ``"max-w"``.
    tune_epochs
        Epochs between two decisions. NAS-Bench-201's cell has 6 decisions, DARTS's cells have 17.
    metric
        What hurts when a candidate is removed: ``"loss"``, or ``"accuracy"`` as in the paper, which small splits round.
    blank
        Whether α never moves (the paper's section 5.2): the supernet is trained with its first, nearly equal weights.

    Notes
    -----
    Wang et al., "Rethinking Architecture Selection in Differentiable NAS", ICLR 2021.
    """

    selection: Literal["perturbation", "magnitude"] = "perturbation"
    relaxation: Literal["softmax", "max-w"] = "softmax"
    tune_epochs: int = 1
    metric: Literal["loss", "accuracy"] = "loss"
    blank: bool = False

    version: ClassVar[str] = "1"
    source: ClassVar[str] = "Wang et al., DARTS-PT, ICLR 2021, Algorithm 1"

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.tune_epochs >= 0, f"{self.name}: tune_epochs must be at least 0, not {self.tune_epochs}")

    def check(self, offer: Offer) -> None:
        """Want epochs of training beside those of tuning."""
        from harness.spaces.registry import cell_space
        from harness.supernets.perturbation import tuning, turns

        super().check(offer)
        where = cell_space(offer.space.name)
        kept = tuning(where, self.tune_epochs)
        require(
            kept < offer.budget.amount,
            f"{self.name}: tune_epochs = {self.tune_epochs} keeps back {kept} epochs for the {turns(where)} decisions of "
            f"{where.name}; the budget of {offer.budget.amount} must be larger",
        )

    def search(self, problem: Problem, streams: Streams) -> SearchResult:
        """Train the supernet, then choose."""
        from harness.supernets.loop import search
        from harness.supernets.max_w import MaxW
        from harness.supernets.mixture import Softmax
        from harness.supernets.perturbation import Perturbation, Untuned
        from harness.supernets.steps import AlphaSchedule, LevelStep

        net = cast(SupernetProblem, problem).supernet()
        relaxation = MaxW() if self.relaxation == "max-w" else Softmax()
        step = LevelStep(self.chosen_level(), relaxation, AlphaSchedule(alpha_from=1.0 if self.blank else 0.0))
        perturbation = Perturbation(net.space, self.tune_epochs, self.metric)
        select = perturbation if self.selection == "perturbation" else Untuned(perturbation.epochs)
        return SearchResult(search(net, step, select, streams))
