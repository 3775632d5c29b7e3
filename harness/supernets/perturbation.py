"""Selection by perturbation: what hurts a trained supernet most when it is removed stays (DARTS-PT, Wang et al., ICLR 2021)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from harness.errors import HarnessError
from harness.spaces.base import Arch
from harness.streams import Streams
from harness.supernets.graph import Searchable, searchable
from harness.supernets.mixture import REMOVED, Choice, Mixture, fix
from harness.supernets.selections import Strongest
from harness.supernets.steps import MovingLevel

if TYPE_CHECKING:
    from harness.supernets.loop import Search

# How much worse a supernet is without something; greater is worse.
Harm = tuple[float, ...]


def turns(where: Searchable) -> int:
    """Decisions one after another: an edge of every group each, then, where not all edges stay, a node of every group each."""
    return max(where.groups.values()) + len(_crowded(where))


@dataclass
class Perturbation:
    """Decide edge by edge which candidate stays: that whose removal hurts the validation images most (section 4.1, Algorithm 1).

    In every turn one edge of each group is decided, in random order. Its candidates are left out one by one, and nothing is
    renormalised; what stays then has the whole edge. Where an architecture keeps some inputs of a node only, the nodes that have
    more are decided after that in the same way: the edges whose removal hurts most stay. Between two turns the supernet is tuned:
    architecture parameters move on open edges only.

    Parameters
    ----------
    space
        Name of the cell space.
    tune_epochs
        Epochs between two turns; they are kept back from the budget.
    metric
        What hurts: a greater ``"loss"``, or a smaller ``"accuracy"`` (the paper), where equals are told apart by their losses. Of
        equals in both that candidate stays which has the greater probability, and of edges the first.

    Notes
    -----
    Removing `none` changes nothing, so with the metric accuracy of a small validation split it would often be among equals.
    """

    space: str
    tune_epochs: int = 1
    metric: Literal["loss", "accuracy"] = "loss"
    turn: int = field(default=0, init=False, compare=False)
    tuned: int = field(default=0, init=False, compare=False)
    choices: list[Choice] = field(default_factory=list, init=False, compare=False)

    word: ClassVar[str] = "perturbation"

    @property
    def epochs(self) -> int:
        """Epochs of tuning: none is spent after the last decision."""
        return tuning(searchable(self.space), self.tune_epochs)

    def derive(self, search: Search, mixtures: Sequence[Mixture]) -> Arch:
        """By magnitude; decided edges weigh most, and removed ones nothing."""
        return Strongest().derive(search, mixtures)

    def __call__(self, search: Search, streams: Streams) -> Arch:
        """Decide and tune in turns; goes on where a killed search stopped."""
        moving = search.moving
        if not isinstance(moving, MovingLevel):
            raise HarnessError("selection perturbation: this supernet has no architecture parameters to fix")
        moving.fixed = self.choices
        order = _order(search.net.where, streams.generator("selection"))
        while self.turn < len(order):
            if self.tuned < self.tune_epochs * self.turn:
                self.tuned += 1  # first: the epoch saves it
                search.epoch()
                continue
            for decision in order[self.turn]:
                # Anew, since the groups of a turn are decided one after the other.
                self.choices += self._decided(search, moving.probabilities(), decision)
            self.turn += 1
        return self.derive(search, moving.probabilities())

    def _decided(self, search: Search, mixtures: list[Mixture], decision: tuple[int, list[int]]) -> list[Choice]:
        group, edges = decision
        where = search.net.where
        if len(edges) == 1:
            weights = mixtures[group].operations[edges[0]].tolist()
            first = 0 if where.inputs is None else 1  # `none` cannot stay where not all edges do
            harms = {
                candidate: (*self._harm(search, _without(mixtures, group, edges[0], candidate)), weights[candidate])
                for candidate in range(first, len(weights))
            }
            return [Choice(group, edges[0], max(harms, key=harms.__getitem__))]
        removals = {edge: Choice(group, edge, REMOVED) for edge in edges}
        harms = {edge: self._harm(search, fix(mixtures, [removal])) for edge, removal in removals.items()}
        # A stable sort: of equals the first stay.
        return [removals[edge] for edge in sorted(edges, key=harms.__getitem__, reverse=True)[where.inputs :]]

    def _harm(self, search: Search, mixtures: Sequence[Mixture]) -> Harm:
        loss, accuracy = search.net.measure(mixtures)
        return (loss,) if self.metric == "loss" else (-accuracy, loss)

    def state_dict(self) -> dict[str, Any]:
        """What is decided, and how much was tuned."""
        return {"turn": self.turn, "tuned": self.tuned, "choices": [list(choice) for choice in self.choices]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict`."""
        self.turn, self.tuned = state["turn"], state["tuned"]
        self.choices[:] = [Choice(*choice) for choice in state["choices"]]


@dataclass(frozen=True)
class Untuned:
    """Magnitudes of a supernet that keeps back as many epochs as another selection, and does not spend them.

    So that selections can be compared on one and the same supernet.

    Parameters
    ----------
    epochs
        How many are kept back.
    """

    epochs: int

    word: ClassVar[str] = Strongest.word

    def derive(self, search: Search, mixtures: Sequence[Mixture]) -> Arch:
        """Apply the space's rule."""
        return Strongest().derive(search, mixtures)

    def __call__(self, search: Search, streams: Streams) -> Arch:
        """Apply the space's rule to the last probabilities."""
        return Strongest()(search, streams)


def tuning(where: Searchable, tune_epochs: int) -> int:
    """Epochs that `Perturbation` keeps back from the budget."""
    return tune_epochs * (turns(where) - 1)


def _crowded(where: Searchable) -> list[list[int]]:
    """Edges into each node that has more than an architecture keeps."""
    if where.inputs is None:
        return []
    targets = [target for _, target in where.edges]
    found = [[edge for edge, target in enumerate(targets) if target == node] for node in dict.fromkeys(targets)]
    return [edges for edges in found if len(edges) > where.inputs]


def _order(where: Searchable, rng: np.random.Generator) -> list[list[tuple[int, list[int]]]]:
    """Decisions of every turn: a group, and its edge or the edges into one of its nodes."""
    single = [
        [(group, [edge]) for edge in rng.permutation(edges).tolist()]
        for group, edges in enumerate(where.groups.values())
    ]
    crowded = _crowded(where)
    nodes = [[(group, crowded[node]) for node in rng.permutation(len(crowded))] for group in range(len(where.groups))]
    in_turn = [*zip_longest(*single), *zip(*nodes, strict=True)]
    return [[decision for decision in turn if decision is not None] for turn in in_turn]


def _without(mixtures: Sequence[Mixture], group: int, edge: int, candidate: int) -> list[Mixture]:
    """The mixtures without one candidate; the others weigh what they did."""
    operations = mixtures[group].operations.clone()
    operations[edge, candidate] = 0.0
    return [*mixtures[:group], mixtures[group]._replace(operations=operations), *mixtures[group + 1 :]]
