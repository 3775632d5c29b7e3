"""A trained supernet as a problem: any search method that runs on a table searches it unchanged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from harness.errors import BudgetExhausted, HarnessError
from harness.problem.base import Evaluation
from harness.problem.budget import Budget
from harness.problem.whole import WholeSpace
from harness.spaces.base import Arch
from harness.supernets.net import Supernet

_NO_METRICS: Mapping[str, float] = MappingProxyType({})


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
        Architectures and their validation accuracies (percent), in order.
    """

    def __init__(self, net: Supernet, candidates: int) -> None:
        self.space = net.where
        self.budget = Budget("evaluations", candidates)
        self.evaluations: list[tuple[Arch, float]] = []
        self._net = net

    @property
    def exhausted(self) -> bool:
        """Whether as many were evaluated as may be."""
        return len(self.evaluations) >= self.budget.amount

    def evaluate(self, arch: Sequence[int], fidelity: int | None = None) -> Evaluation:
        """Validation accuracy (percent) with the shared weights; there is one fidelity."""
        if fidelity is not None:
            raise HarnessError(f"fidelity {fidelity!r}: shared weights are not trained any longer; leave it out")
        if self.exhausted:
            raise BudgetExhausted(f"the budget of {self.budget.amount} evaluations is spent")
        arch = self.space.validate(arch)
        (score,) = self._net.accuracies([arch])
        self.evaluations.append((arch, score))
        return Evaluation(score, float("nan"), _NO_METRICS)

    @property
    def incumbent(self) -> Arch:
        """The best of what was evaluated, the first of equals."""
        if not self.evaluations:
            raise HarnessError("the method evaluated nothing with the shared weights")
        return max(self.evaluations, key=lambda evaluation: evaluation[1])[0]
