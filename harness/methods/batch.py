"""Methods that ask for several architectures at a time."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from harness.methods.base import AskTell, SearchResult
from harness.problem.base import Evaluation, Problem
from harness.spaces.base import Arch
from harness.streams import Streams


class BatchAskTell(AskTell):
    """A method that proposes some architectures together and learns when all of them are evaluated.

    Attributes
    ----------
    batch
        How many are evaluated between two lessons, as a rule a parameter of the method.
    """

    batch: int

    @abstractmethod
    def propose(self, k: int) -> Sequence[Arch]:
        """The architectures to evaluate next, at most `k`; none ends the search."""

    @abstractmethod
    def learn(self, pairs: Sequence[tuple[Arch, Evaluation]]) -> None:
        """Learn the evaluations of all that was proposed, in that order; of the last batch, of what the budget paid for."""

    def start(self, problem: Problem, streams: Streams) -> None:
        """Begin with nothing proposed; a method that overrides it calls it first."""
        super().start(problem, streams)
        self._waiting: list[Arch] = []
        self._told: list[tuple[Arch, Evaluation]] = []

    def ask(self) -> Arch | None:
        """The next of the batch, or the first of a new one."""
        if not self._waiting:
            self._waiting = list(self.propose(self.batch))
        return self._waiting.pop(0) if self._waiting else None

    def tell(self, arch: Arch, evaluation: Evaluation) -> None:
        """Keep the evaluation until its batch is through."""
        self._told.append((arch, evaluation))
        if not self._waiting:
            self._learn()

    def result(self) -> SearchResult:
        """Learn what is left of the last batch; a method that overrides it calls it first."""
        if self._told:
            self._learn()
        return super().result()

    def _learn(self) -> None:
        pairs, self._told = self._told, []
        self.learn(pairs)
