"""NSGA-II: evolution towards a Pareto front."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError
from harness.methods.base import AskTell, register_method, require
from harness.methods.evolution import ATTEMPTS, mutable_variables
from harness.problem.base import Evaluation, Problem
from harness.problem.offer import Offer
from harness.spaces.base import Arch
from harness.statistics.pareto import pareto_front
from harness.streams import Streams
from harness.taxonomy import Taxonomy

Array = NDArray[np.float64]
NOTHING = -float(np.finfo(np.float64).max)  # below every value of a column, and finite


@register_method("nsga2")
@dataclass
class NSGA2(AskTell):
    """Evolution with several goals: the validation score, and columns that the suite shows.

    Parameters
    ----------
    population
        Number of architectures that survive a generation, and of children in it.
    minimize, maximize
        Columns that are goals beside the validation score. Default: every column that the suite shows is minimised.
    crossover
        Probability that a child has two parents: each variable is then of either with equal probability.

    Notes
    -----
    Deb, Pratap, Agarwal and Meyarivan, "A fast and elitist multiobjective genetic algorithm: NSGA-II", IEEE Transactions on
    Evolutionary Computation 6, 2002: binary tournaments by front and crowding distance; parents and children together survive by
    the same order. Its constrained domination holds: a feasible architecture comes before any infeasible one, and of these
    the one nearer to the bounds, as `Evaluation.score` says. Operators are those of categorical spaces: uniform crossover,
    and one mutation a child in the mean (each variable with one over their number). A child that the benchmark cannot evaluate,
    or that is alive already, is drawn again, up to 100 times, and then a random architecture is taken. The result is, as for
    all methods, the best feasible one by validation; what else was evaluated is in the run's ``evaluations.parquet``.
    """

    population: int = 20
    minimize: list[str] = field(default_factory=list)
    maximize: list[str] = field(default_factory=list)
    crossover: float = 0.9

    version: ClassVar[str] = "1"
    source: ClassVar[str] = "Deb et al., IEEE Transactions on Evolutionary Computation 6, 2002"
    taxonomy: ClassVar[Taxonomy] = Taxonomy("any", "evolution", "none", "lookup")

    def __post_init__(self) -> None:
        require(self.population >= 2, f"nsga2: population must be at least 2, not {self.population}")
        require(0 <= self.crossover <= 1, f"nsga2: crossover must be a probability, not {self.crossover}")
        columns = [*self.minimize, *self.maximize]
        require(len(set(columns)) == len(columns), f"nsga2: a column stands twice among {', '.join(columns)}")

    def check(self, offer: Offer) -> None:
        """Want goals that the suite shows."""
        for name in (*self.minimize, *self.maximize):
            if name not in offer.columns:
                shown = ", ".join(offer.columns) or "nothing"
                raise HarnessError(
                    f"nsga2: column {name!r} is not shown to methods, {shown} is; add it to the suite's metrics"
                )

    def start(self, problem: Problem, streams: Streams) -> None:
        """Begin with an empty population."""
        super().start(problem, streams)
        self._first = streams.uniforms("sample")
        self.founder: Callable[[], Arch] = partial(
            problem.sample, self._first
        )  # draws a member of the first population
        self._draw = streams.uniforms("move").__next__
        self._variables = mutable_variables(problem.space)
        self._parents: list[Arch] = []
        self._newcomers: list[Arch] = []
        self._goals: list[list[float]] = []  # of the parents, then of the newcomers

    def ask(self) -> Arch:
        """A random architecture in the first generation, then a child of two tournament winners."""
        if not self._parents:
            return self.founder()
        for _ in range(ATTEMPTS):
            child = self._child()
            if child not in self._parents and child not in self._newcomers and self.problem.contains(child):
                return child
        return self.problem.sample(self._first)

    def tell(self, arch: Arch, evaluation: Evaluation) -> None:
        """The newcomer waits until its generation is full; then the best of parents and newcomers survive."""
        self._newcomers.append(arch)
        self._goals.append(self.goals_of(evaluation))
        if len(self._newcomers) == self.population:
            everyone, goals = [*self._parents, *self._newcomers], np.array(self._goals)
            survivors = survival_order(goals, self.population)
            self._parents, self._newcomers = [everyone[place] for place in survivors], []
            self._goals = goals[survivors].tolist()

    def goals_of(self, evaluation: Evaluation) -> list[float]:
        """All goals, larger is better; of an infeasible architecture nothing counts but how near it is to the bounds."""
        signs = dict.fromkeys(self.minimize, -1.0) | dict.fromkeys(self.maximize, 1.0)
        signs = signs or dict.fromkeys(evaluation.metrics, -1.0)
        columns = [sign * evaluation.metrics[name] if evaluation.feasible else NOTHING for name, sign in signs.items()]
        return [evaluation.score, *columns]

    def _child(self) -> Arch:
        draw = self._draw
        one = self._winner()
        other = self._winner() if draw() < self.crossover else one
        child = list(one)
        for position, cardinality in self._variables:
            if draw() < 0.5:
                child[position] = other[position]
            if draw() * len(self._variables) < 1:
                choice = int(draw() * (cardinality - 1))
                child[position] = choice + (choice >= child[position])
        return tuple(child)

    def _winner(self) -> Arch:
        # Survivors stand in their order: the lower place wins.
        return self._parents[min(int(self._draw() * self.population), int(self._draw() * self.population))]


def survival_order(goals: Array, count: int) -> NDArray[np.intp]:
    """Places of the `count` fittest of `goals` (n, goals): by front, within a front by crowding distance, then by age."""
    left, order = np.arange(len(goals)), np.empty(0, dtype=np.intp)
    while left.size and len(order) < count:
        on_front = pareto_front(goals[left])
        front = left[on_front]
        order = np.append(order, front[np.argsort(-crowding_distance(goals[front]), kind="stable")])
        left = left[~on_front]
    return order[:count]


def crowding_distance(front: Array) -> Array:
    """How far apart the neighbours of every point of a front (n, goals) are, summed over the goals in parts of their range.

    Infinite at the ends of a goal (Deb et al. 2002, section III B).
    """
    distance = np.zeros(len(front))
    for values in front.T:
        order = np.argsort(values, kind="stable")
        span = values[order[-1]] - values[order[0]]
        distance[order[[0, -1]]] = np.inf
        if span > 0:
            distance[order[1:-1]] += (values[order[2:]] - values[order[:-2]]) / span
    return distance
