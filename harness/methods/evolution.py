"""Regularised (ageing) evolution."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from harness.methods.base import AskTell, first_best, register_method, require
from harness.problem.base import Evaluation, Problem
from harness.spaces.base import Arch, Space
from harness.streams import LockstepUniforms, Streams
from harness.tabular.lockstep import LockstepProblem
from harness.taxonomy import Taxonomy

# How often a mutation that the benchmark cannot evaluate is drawn again, before a random architecture takes its place.
ATTEMPTS = 100


def mutable_variables(space: Space) -> list[tuple[int, int]]:
    """Position and number of choices of every variable that has more than one."""
    found = [(position, cardinality) for position, cardinality in enumerate(space.cardinalities) if cardinality > 1]
    require(bool(found), f"space {space.name}: no variable has more than one choice, there is nothing to search")
    return found


@register_method("regularized-evolution")
@dataclass
class RegularizedEvolution(AskTell):
    """Ageing evolution: mutate the best of a random sample of the population, and let the oldest die.

    Parameters
    ----------
    population
        Number of living architectures; the first ones are drawn from the benchmark's measure. 10, as NAS-Bench-201 runs it
        (Dong and Yang 2020): Real et al. use 100, which at 100 evaluations would be random search.
    sample
        Size of the tournament, drawn with replacement (Real et al., Algorithm 1). 3, as NAS-Bench-201 runs it.

    Notes
    -----
    Real, Aggarwal, Huang and Le, "Regularized evolution for image classifier architecture search", AAAI 2019, Algorithm 1.
    A mutation gives one variable, chosen uniformly, another choice, chosen uniformly; one that the benchmark cannot evaluate
    is drawn again, up to 100 times, and then a random architecture is taken. The stream ``sample`` draws the first population
    and ``move`` the rest.
    """

    population: int = 10
    sample: int = 3

    version: ClassVar[str] = "1"
    source: ClassVar[str] = "Real et al., AAAI 2019, Algorithm 1; parameters of Dong and Yang, ICLR 2020"
    taxonomy: ClassVar[Taxonomy] = Taxonomy("any", "evolution", "none", "none")

    def __post_init__(self) -> None:
        require(self.population >= 1, f"{self.name}: population must be at least 1, not {self.population}")
        require(self.sample >= 1, f"{self.name}: sample must be at least 1, not {self.sample}")

    def start(self, problem: Problem, streams: Streams) -> None:
        """Begin with an empty population."""
        super().start(problem, streams)
        self._first = streams.uniforms("sample")
        self.founder: Callable[[], Arch] = partial(
            problem.sample, self._first
        )  # draws a member of the first population
        self._draw = streams.uniforms("move").__next__
        self._variables = mutable_variables(problem.space)
        # A ring: the oldest member is the one that is overwritten next.
        self._members: list[Arch] = []
        self._scores: list[float] = []
        self._oldest = 0

    def ask(self) -> Arch:
        """A random architecture until the population is full, then a mutated tournament winner."""
        if len(self._members) < self.population:
            return self.founder()
        draw, scores, size = self._draw, self._scores, self.population
        winner = int(draw() * size)
        for _ in range(self.sample - 1):
            rival = int(draw() * size)
            if scores[rival] > scores[winner]:
                winner = rival
        parent = self._members[winner]
        for _ in range(ATTEMPTS):
            child = self._mutated(parent)
            if self.problem.contains(child):
                return child
        return self.problem.sample(self._first)

    def tell(self, arch: Arch, evaluation: Evaluation) -> None:
        """The newcomer joins; once the population is full it takes the place of the oldest."""
        if len(self._members) < self.population:
            self._members.append(arch)
            self._scores.append(evaluation.score)
            return
        self._members[self._oldest] = arch
        self._scores[self._oldest] = evaluation.score
        self._oldest = (self._oldest + 1) % self.population

    def _mutated(self, parent: Arch) -> Arch:
        draw, variables = self._draw, self._variables
        position, cardinality = variables[int(draw() * len(variables))]
        choice = int(draw() * (cardinality - 1))
        if choice >= parent[position]:  # skip the present choice
            choice += 1
        return (*parent[:position], choice, *parent[position + 1 :])

    def lockstep(self, problem: LockstepProblem, benchmark: str, seeds: Sequence[int]) -> None:
        """All seeds at once; see `Method`."""
        size, steps = self.population, problem.steps
        every = np.arange(len(seeds))
        n_first = min(size, steps)
        sample = LockstepUniforms(benchmark, seeds, "sample", ahead=n_first)
        first = self.lockstep_founders(problem, sample, n_first)
        members = np.empty((len(seeds), size), dtype=np.int64)
        scores = np.empty((len(seeds), size))
        for step in range(n_first):
            members[:, step] = first[:, step]
            scores[:, step] = problem.evaluate(first[:, step])
        moves = LockstepUniforms(benchmark, seeds, "move", ahead=(steps - n_first) * (self.sample + 2))
        mutate = _LockstepMutation(problem, sample, moves)
        for step in range(size, steps):
            tournament = (moves.take(self.sample) * size).astype(np.int64)
            winner = tournament[every, first_best(scores[every[:, None], tournament])]
            child = mutate(members[every, winner])
            members[:, step % size] = child
            scores[:, step % size] = problem.evaluate(child)

    def lockstep_founders(self, problem: LockstepProblem, sample: LockstepUniforms, count: int) -> NDArray[np.int64]:
        """The first `count` of the first population of every seed, by the stream ``sample``: (seeds, count)."""
        return problem.sample(sample.take(count))


class _LockstepMutation:
    """`RegularizedEvolution._mutated` over mixed-radix indices, with its repeated draws."""

    def __init__(self, problem: LockstepProblem, sample: LockstepUniforms, moves: LockstepUniforms) -> None:
        self._problem = problem
        self._sample = sample
        self._moves = moves
        positions, cardinalities = zip(*mutable_variables(problem.space), strict=True)
        self._strides = np.array(problem.space.strides)[list(positions)]
        self._cardinalities = np.array(cardinalities)

    def __call__(self, parents: NDArray[np.int64]) -> NDArray[np.int64]:
        children = self._mutated(parents, self._moves.take(2))
        missing = np.flatnonzero(~self._problem.contains(children))
        for _ in range(ATTEMPTS - 1):
            if not missing.size:
                return children
            children[missing] = self._mutated(parents[missing], self._moves.take_for(missing, 2))
            missing = missing[~self._problem.contains(children[missing])]
        children[missing] = self._problem.sample(self._sample.take_for(missing, 1)[:, 0])
        return children

    def _mutated(self, parents: NDArray[np.int64], uniforms: NDArray[np.float64]) -> NDArray[np.int64]:
        position = (uniforms[:, 0] * len(self._strides)).astype(np.int64)
        stride, cardinality = self._strides[position], self._cardinalities[position]
        present = parents // stride % cardinality
        choice = (uniforms[:, 1] * (cardinality - 1)).astype(np.int64)
        choice += choice >= present
        return parents + (choice - present) * stride
