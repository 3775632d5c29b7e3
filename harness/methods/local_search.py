"""Local search."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from harness.methods.base import AskTell, register_method
from harness.problem.base import Evaluation, Problem
from harness.spaces.base import Arch
from harness.streams import Streams
from harness.taxonomy import Taxonomy


@register_method("local-search")
@dataclass
class LocalSearch(AskTell):
    """First-improvement local search with restarts: move to the first better neighbour, restart at a local optimum.

    Notes
    -----
    White, Nolen and Savani, "Exploring the loss landscape in neural architecture search", UAI 2021 (arXiv 2005.02960),
    section 3: the variant that moves as soon as a neighbour improves. Neighbours are visited in random order. What this search
    has met before is not evaluated again, under another encoding of the same row neither (`Problem.identity`); a restart is a
    fresh draw from the benchmark's measure.
    """

    version: ClassVar[str] = "2"
    source: ClassVar[str] = "White, Nolen and Savani, UAI 2021, section 3"
    taxonomy: ClassVar[Taxonomy] = Taxonomy("any", "local search", "none", "none")

    def start(self, problem: Problem, streams: Streams) -> None:
        """Begin with a random architecture."""
        super().start(problem, streams)
        self._first = streams.uniforms("sample")
        self._draw = streams.uniforms("move").__next__
        self._seen: set[Arch] = set()  # identities
        self._score = -float("inf")
        self._neighbours: Iterator[Arch] = iter(())

    def ask(self) -> Arch | None:
        """The next neighbour of the present architecture, or a fresh start where none is left."""
        for arch in self._neighbours:
            if self.problem.contains(arch) and self._is_new(arch):
                return arch
        if len(self._seen) >= self.problem.size:
            return None
        self._score = -float("inf")  # whatever comes next is accepted
        while not self._is_new(arch := self.problem.sample(self._first)):
            pass
        return arch

    def tell(self, arch: Arch, evaluation: Evaluation) -> None:
        """Move if the architecture is better than the present one."""
        if evaluation.score > self._score:
            self._score = evaluation.score
            self._neighbours = iter(self._shuffled(list(self.problem.space.neighbours(arch))))

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
