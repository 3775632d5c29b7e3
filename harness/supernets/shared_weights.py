"""A trained supernet as a problem: any search method that runs on a table searches it unchanged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.errors import BudgetExhausted, HarnessError
from harness.problem.base import Evaluation
from harness.problem.budget import Budget
from harness.problem.offer import Offer
from harness.problem.whole import WholeSpace
from harness.spaces.base import Arch
from harness.supernets.net import Supernet


class SharedWeights(WholeSpace):
    """Architectures judged by a supernet's weights: an evaluation is one pass over the validation images, and no training.

    Parameters
    ----------
    net
        The trained supernet.
    candidates
        Evaluations that a search may spend; they come on top of the epochs of the supernet.

    Attributes
    ----------
    evaluations
        Architectures and their scores, in order: validation accuracies (percent), below 0 of infeasible ones.
    """

    def __init__(self, net: Supernet, candidates: int) -> None:
        self.space = net.where
        self.budget = Budget("evaluations", candidates)
        self.constraints = net.terms.constraints
        self.evaluations: list[tuple[Arch, float]] = []
        self._net = net

    @property
    def offer(self) -> Offer:
        """As `Problem.offer`, with the columns."""
        return replace(super().offer, columns=self._net.terms.names)

    @property
    def exhausted(self) -> bool:
        """Whether as many were evaluated as may be."""
        return len(self.evaluations) >= self.budget.amount

    def evaluate(self, arch: Sequence[int], fidelity: int | None = None) -> Evaluation:
        """Validation accuracy (percent) with the shared weights; there is one fidelity. Infeasible ones are not measured."""
        if fidelity is not None:
            raise HarnessError(f"fidelity {fidelity!r}: shared weights are not trained any longer; leave it out")
        if self.exhausted:
            raise BudgetExhausted(f"the budget of {self.budget.amount} evaluations is spent")
        arch = self.space.validate(arch)
        metrics = self._net.terms.columns(arch)
        beyond = self._net.terms.excess(metrics)
        # No accuracy is below 0, so that no feasible architecture scores less than one that is not.
        score = -beyond if beyond > 0 else self._net.accuracies([arch])[0]
        self.evaluations.append((arch, score))
        return Evaluation(score, float("nan"), metrics, feasible=beyond == 0)

    @property
    def incumbent(self) -> Arch:
        """The best of what was evaluated, the first of equals; where nothing is feasible, what is nearest to the bounds."""
        if not self.evaluations:
            raise HarnessError("the method evaluated nothing with the shared weights")
        return max(self.evaluations, key=lambda evaluation: evaluation[1])[0]
