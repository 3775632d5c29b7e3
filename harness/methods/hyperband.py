"""Successive halving and Hyperband: train many architectures a little, and go on with the best of them."""

from __future__ import annotations

import itertools
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from harness.errors import HarnessError
from harness.methods.base import OwnLoop, SearchResult, register_method, require
from harness.problem.base import Problem
from harness.problem.offer import Offer
from harness.spaces.base import Arch
from harness.streams import Streams
from harness.taxonomy import Taxonomy

Rung = tuple[int, int]  # how many architectures are trained, and for how many epochs


def most_halvings(max_fidelity: int, eta: int, min_fidelity: int) -> int:
    """s_max: how often `min_fidelity` epochs can be multiplied by `eta` within `max_fidelity`."""
    halvings = 0
    while min_fidelity * eta ** (halvings + 1) <= max_fidelity:
        halvings += 1
    return halvings


def bracket(halvings: int, max_fidelity: int, eta: int = 3, min_fidelity: int = 1) -> list[Rung]:
    """The rungs of the bracket with so many halvings: Algorithm 1 of Li et al. 2018, in whole numbers.

    Parameters
    ----------
    halvings
        s, from 0 (nothing but whole trainings) to `most_halvings`.
    max_fidelity, eta, min_fidelity
        R, epochs of a whole training; the factor between rungs; least epochs of a training.

    Returns
    -------
    list of (architectures, epochs)
        Rung i trains floor(n / eta^i) architectures for floor(R / eta^(s - i)) epochs, where n is the least whole number from
        (s_max + 1) eta^s / (s + 1) on, so that a bracket takes about (s_max + 1) R epochs.
    """
    most = most_halvings(max_fidelity, eta, min_fidelity)
    first = -(-(most + 1) * eta**halvings // (halvings + 1))
    return [(first // eta**rung, max_fidelity // eta ** (halvings - rung)) for rung in range(halvings + 1)]


@dataclass
class Halving(OwnLoop):
    """What both methods share: brackets one after another until the budget is spent.

    A bracket draws fresh architectures from the benchmark's measure (stream ``sample``), trains them all for the epochs of its
    first rung, the best of them for those of the next, and so on to whole trainings; of equal ones the first drawn go on, the
    better ones are trained first. Every training is one from scratch, as in the papers' accounting. What is recommended is the
    best of the longest trainings so far: once the first bracket is through, an architecture that was trained wholly.

    Parameters
    ----------
    eta
        One in so many goes on to the next rung, which trains so many times longer. At least 2; 3 or 4 by the paper.
    min_fidelity
        Least epochs of a training; with more there are fewer rungs.
    """

    eta: int = 3
    min_fidelity: int = 1

    version: ClassVar[str] = "1"

    def __post_init__(self) -> None:
        require(self.eta >= 2, f"{self.name}: eta must be at least 2, not {self.eta}")
        require(self.min_fidelity >= 1, f"{self.name}: min_fidelity must be at least 1, not {self.min_fidelity}")

    def check(self, offer: Offer) -> None:
        """Refuse a benchmark of one fidelity, and one whose whole training is too short."""
        if offer.max_fidelity is None:
            raise HarnessError(
                f"method {self.name} stops trainings early, and this benchmark has one fidelity; wanted a table whose curve "
                "valid has a score of every architecture after every epoch, or a live benchmark with proxy_epochs above 1"
            )
        if self.min_fidelity > offer.max_fidelity:
            raise HarnessError(
                f"method {self.name}: min_fidelity {self.min_fidelity} is above the {offer.max_fidelity} epochs of a whole "
                "training"
            )

    @abstractmethod
    def halvings(self, most: int) -> Sequence[int]:
        """How often the brackets halve, one after another; at most `most` times each."""

    def brackets(self, max_fidelity: int) -> list[list[Rung]]:
        """The brackets that are run in turn on a benchmark with whole trainings of `max_fidelity` epochs."""
        most = most_halvings(max_fidelity, self.eta, self.min_fidelity)
        return [bracket(s, max_fidelity, self.eta, self.min_fidelity) for s in self.halvings(most)]

    def proposals(self, problem: Problem, streams: Streams) -> Proposals:
        """Where the architectures come from with which brackets begin: by default the benchmark's measure."""
        return Proposals(problem, streams)

    def search(self, problem: Problem, streams: Streams) -> SearchResult:
        """Run brackets until the budget is spent, in the middle of one as a rule."""
        assert problem.max_fidelity is not None
        proposals = self.proposals(problem, streams)
        for rungs in itertools.cycle(self.brackets(problem.max_fidelity)):
            if problem.exhausted:
                break
            _run_bracket(problem, rungs, proposals)
        return SearchResult()


class Proposals:
    """Fresh architectures for the first rungs of brackets; these are drawn from the benchmark's measure (stream ``sample``)."""

    def __init__(self, problem: Problem, streams: Streams) -> None:
        self.problem = problem
        self._uniforms = streams.uniforms("sample")

    def draw(self) -> Arch:
        """One more architecture."""
        return self.problem.sample(self._uniforms)

    def learn(self, arch: Arch, epochs: int, score: float) -> None:
        """What a training of so many epochs came to, on any rung; by default nothing to learn."""


def _run_bracket(problem: Problem, rungs: Sequence[Rung], proposals: Proposals) -> None:
    # Drawn one by one, each after the training of the one before.
    best: Iterable[Arch] = (proposals.draw() for _ in range(rungs[0][0]))
    for size, epochs in rungs:
        trained = []
        for arch in itertools.islice(best, size):
            score = problem.evaluate(arch, epochs).score
            proposals.learn(arch, epochs, score)
            trained.append((score, arch))
        # A stable sort: of equal ones the first go on.
        best = [arch for _, arch in sorted(trained, key=lambda one: -one[0])]


@register_method("successive-halving")
@dataclass
class SuccessiveHalving(Halving):
    """Successive halving: Hyperband's bracket with the most halvings, again and again with fresh architectures.

    Notes
    -----
    Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization", AISTATS 2016; as one
    bracket of Li et al., JMLR 2018.
    """

    source: ClassVar[str] = "Jamieson and Talwalkar, AISTATS 2016; Li et al., JMLR 18(185), 2018, Algorithm 1"
    taxonomy: ClassVar[Taxonomy] = Taxonomy("any", "bandit", "early stopping", "none")

    def halvings(self, most: int) -> Sequence[int]:
        """The most there can be."""
        return [most]


@register_method("hyperband")
@dataclass
class Hyperband(Halving):
    """Hyperband: successive halving with every trade between many short trainings and few long ones, in turn.

    Notes
    -----
    Li, Jamieson, DeSalvo, Rostamizadeh and Talwalkar, "Hyperband: a novel bandit-based approach to hyperparameter
    optimization", JMLR 18(185), 2018, Algorithm 1. With R = 81 and eta = 3 the algorithm begins its five brackets with 81, 34,
    15, 8 and 5 architectures; the example table of the paper rounds (s_max + 1) / (s + 1) down first and has 81, 27, 9, 6 and
    5. The algorithm is what is run here.
    """

    source: ClassVar[str] = "Li et al., JMLR 18(185), 2018, Algorithm 1"
    taxonomy: ClassVar[Taxonomy] = Taxonomy("any", "bandit", "early stopping", "none")

    def halvings(self, most: int) -> Sequence[int]:
        """From the most there can be down to none."""
        return range(most, -1, -1)
