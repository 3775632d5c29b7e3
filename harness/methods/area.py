"""AREA: evolution whose first population is chosen by a cheap score."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from harness.methods.base import register_method, require
from harness.methods.evolution import RegularizedEvolution
from harness.problem.base import Problem
from harness.spaces.base import Arch
from harness.streams import LockstepUniforms, Streams
from harness.tabular.lockstep import LockstepProblem
from harness.taxonomy import Taxonomy


@register_method("area")
@dataclass
class Area(RegularizedEvolution):
    """Regularised evolution that begins with the best of a pool of random architectures, by a score that takes no training.

    Parameters
    ----------
    population, sample
        As in `RegularizedEvolution`.
    pool
        How many random architectures are scored; the `population` best of them are evaluated first.
    score
        Statistic of architectures by which they are chosen, larger being better: ``params``, or a zero-cost score that the
        benchmark has.

    Notes
    -----
    Mellor, Turner, Storkey and Crowley, "Neural architecture search without training", ICML 2021 (assisted regularised
    evolution). The pool is what evolution itself would draw first. The best are evaluated in the order in which they were
    drawn, of equal ones the earlier; a score that is no number is the worst. Scoring costs no evaluation. With
    ``pool = population`` it is `RegularizedEvolution` to the bit.

    Not as in the published code: parents of a tournament are drawn with replacement, as in plain evolution, so that the pool
    is the only difference to it. The paper prints validation accuracies; here results are test scores.
    """

    pool: int = 20
    score: str = "params"

    version: ClassVar[str] = "1"
    source: ClassVar[str] = "Mellor et al., ICML 2021"
    taxonomy: ClassVar[Taxonomy] = Taxonomy("any", "evolution", "zero-cost proxy", "none")

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            self.pool >= self.population,
            f"{self.name}: pool must be at least the population of {self.population}, not {self.pool}",
        )

    @property
    def statistic_names(self) -> tuple[str, ...]:
        """The score."""
        return (self.score,)

    def start(self, problem: Problem, streams: Streams) -> None:
        """Begin with an empty population."""
        super().start(problem, streams)
        self.founder = self._founders(problem).__next__

    def _founders(self, problem: Problem) -> Iterator[Arch]:
        pool = [problem.sample(self._first) for _ in range(self.pool)]
        scores = np.array([problem.statistics(arch)[self.score] for arch in pool])
        for place in chosen(scores, self.population):
            yield pool[place]

    def lockstep_founders(self, problem: LockstepProblem, sample: LockstepUniforms, count: int) -> NDArray[np.int64]:
        """The first `count` of the first population of every seed: (seeds, count)."""
        pool = problem.sample(sample.take(self.pool))
        places = chosen(problem.statistics(pool)[self.score], self.population)
        return np.take_along_axis(pool, places, axis=1)[:, :count]


def chosen(scores: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    """Places of the best scores in their own order, of equal ones the first; NaN is the worst: (..., n) -> (..., count)."""
    worst_last = np.argsort(-np.where(np.isnan(scores), -np.inf, scores), axis=-1, kind="stable")
    return np.sort(worst_last[..., :count], axis=-1)
