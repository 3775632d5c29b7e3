"""Local search."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from harness.methods.base import AskTell, register_method, require
from harness.problem.base import Evaluation, Problem
from harness.spaces.base import Arch
from harness.streams import Streams
from harness.taxonomy import Taxonomy


@register_method("local-search")
@dataclass
class LocalSearch(AskTell):
    """Local search with restarts: move to a better neighbour, restart at a local optimum.

    Parameters
    ----------
    improvement
        ``"first"``: move as soon as a neighbour is better; ``"best"``: look at all neighbours, and move to the best of them.
    starts
        How many random architectures a start draws; the search begins at the best of them.

    Notes
    -----
    White, Nolen and Savani, "Exploring the loss landscape in neural architecture search", UAI 2021 (arXiv 2005.02960),
    section 3, who name both kinds of improvement and the number of first draws. Neighbours are visited in random order. What this
    search has met before is not evaluated again, under another encoding of the same row neither (`Problem.identity`); a restart
    is a fresh draw from the benchmark's measure.
    """

    improvement: Literal["first", "best"] = field(default="first", metadata={"later": True})
    starts: int = field(default=1, metadata={"later": True})

    version: ClassVar[str] = "2"
    source: ClassVar[str] = "White, Nolen and Savani, UAI 2021, section 3"
    taxonomy: ClassVar[Taxonomy] = Taxonomy("any", "local search", "none", "none")

    def __post_init__(self) -> None:
        require(self.starts >= 1, f"{self.name}: starts must be at least 1, not {self.starts}")

    def start(self, problem: Problem, streams: Streams) -> None:
        """Begin with a random architecture."""
        super().start(problem, streams)
        self._first = streams.uniforms("sample")
        self._draw = streams.uniforms("move").__next__
        self._seen: set[Arch] = set()  # identities
        self._neighbours: Iterator[Arch] = iter(())
        self._score = -float("inf")  # the best since the start
        self._better: Arch | None = None  # where to move next
        self._restart()

    def ask(self) -> Arch | None:
        """The next neighbour of the present architecture, or a fresh start where none is left."""
        while not self._to_draw:
            for arch in self._neighbours:
                if self.problem.contains(arch) and self._is_new(arch):
                    return arch
            if self._better is None:
                self._restart()
            else:
                self._move(self._better)
        if len(self._seen) >= self.problem.size:
            return None
        while not self._is_new(arch := self.problem.sample(self._first)):
            pass
        self._to_draw -= 1
        return arch

    def tell(self, arch: Arch, evaluation: Evaluation) -> None:
        """Remember what is better than all since the last start, and move if it is time to."""
        if evaluation.score > self._score:
            self._score, self._better = evaluation.score, arch
            if self.improvement == "first" and not self._to_draw:
                self._move(arch)

    def _restart(self) -> None:
        self._to_draw = self.starts  # random architectures that this start has still to draw
        self._score = -float("inf")  # whatever comes first is accepted
        self._better = None

    def _move(self, arch: Arch) -> None:
        self._neighbours = iter(self._shuffled(list(self.problem.space.neighbours(arch))))
        self._better = None

    def _is_new(self, arch: Arch) -> bool:
        """Whether this search has not met it yet; from now on it has."""
        known, identity = len(self._seen), self.problem.identity(arch)
        self._seen.add(identity)
        return len(self._seen) > known

    def _shuffled(self, items: list[Arch]) -> list[Arch]:
        # Fisher and Yates, from this search's own stream.
        for last in range(len(items) - 1, 0, -1):
            other = int(self._draw() * (last + 1))
            items[last], items[other] = items[other], items[last]
        return items
