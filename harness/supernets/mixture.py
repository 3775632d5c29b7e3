"""What a pass through a supernet computes: a mixture of the candidates on every edge, and the relaxations that make it from α."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

# What a pass is for: the gradient of the weights, or that of α.
Purpose = Literal["weights", "alphas"]
# Normal numbers of standard deviation 1e-3 by the name of a tensor and its shape, from the stream `init`.
Initial = Callable[[str, tuple[int, ...]], Tensor]


class Mixture(NamedTuple):
    """What is computed on a group of E edges with K candidates each.

    Attributes
    ----------
    operations
        (E, K) weights of the candidates, all of which are computed; or whole numbers (E,): the one candidate of every edge, which
        alone is computed.
    gates
        (E, K), with one path only: what the output of the chosen candidate is multiplied by. One in value; its gradient is that
        which the relaxation wants for α.
    edges
        (E,) weights of the edges themselves; None for 1.
    every_gate
        Whether the gates of the other candidates have their gradients too. These candidates are then computed in the backward
        pass, and a number of each is kept.
    """

    operations: Tensor
    gates: Tensor | None = None
    edges: Tensor | None = None
    every_gate: bool = False

    @property
    def products(self) -> Tensor:
        """(E, K) weights of the candidates times those of their edges; not of paths."""
        return self.operations if self.edges is None else self.operations * self.edges[:, None]

    def of(self, rows: Sequence[int]) -> Mixture:
        """The mixture of some of the edges."""
        chosen = list(rows)
        return Mixture(
            self.operations[chosen],
            None if self.gates is None else self.gates[chosen],
            None if self.edges is None else self.edges[chosen],
            self.every_gate,
        )


REMOVED = -1  # in place of a candidate: the edge is gone


class Choice(NamedTuple):
    """A decided edge: number of its group, its own in the group, and the candidate that it keeps, or `REMOVED`."""

    group: int
    edge: int
    candidate: int


def fix(mixtures: Sequence[Mixture], choices: Sequence[Choice]) -> list[Mixture]:
    """Mixtures in which some edges are decided: each is its candidate, or nothing, and has no gradient in α.

    Parameters
    ----------
    mixtures
        One a group.
    choices
        The decided edges; of two about one edge the later counts.
    """
    fixed = list(mixtures)
    for group in {choice.group for choice in choices}:
        decided = {choice.edge: choice.candidate for choice in choices if choice.group == group}
        fixed[group] = _fixed(fixed[group], list(decided), torch.tensor(list(decided.values())))
    return fixed


def _fixed(mixture: Mixture, rows: list[int], chosen: Tensor) -> Mixture:
    chosen = chosen.to(mixture.operations.device)
    operations = mixture.operations.clone()
    gates, edges = (None if part is None else part.clone() for part in (mixture.gates, mixture.edges))
    if not operations.is_floating_point():
        operations[rows] = chosen.clamp_min(0)  # of a removed edge any candidate, times 0
        edges = torch.ones(operations.shape, device=operations.device) if edges is None else edges
        if gates is not None:
            gates[rows] = 1.0
    else:
        operations[rows] = (chosen[:, None] == torch.arange(operations.shape[1], device=chosen.device)).to(operations)
    if edges is not None:
        edges[[row for row, candidate in zip(rows, chosen.tolist(), strict=True) if candidate == REMOVED]] = 0.0
    return Mixture(operations, gates, edges, mixture.every_gate)


class Relaxation(Protocol):
    """How architecture parameters become mixtures. A frozen dataclass: it is identified by its fields, and keeps no state."""

    word: ClassVar[str]  # what rows and reports call it
    sampled: ClassVar[bool]  # whether a pass computes drawn paths, and not what the probabilities say

    def parameters(self, groups: Mapping[str, int], candidates: int, initial: Initial) -> list[Tensor]:
        """The architecture parameters at the start of a search.

        Parameters
        ----------
        groups
            Number of edges of every group, by name, in the order of the space.
        candidates
            Number of candidates of every edge.
        initial
            Draws a tensor by its name; names are the groups' own, where one tensor a group is all there is.
        """

    def probabilities(self, alphas: Sequence[Tensor]) -> list[Mixture]:
        """What the architecture parameters prefer, one mixture a group, without chance: for rules, entropy and evaluation."""

    def mixture(
        self, alphas: Sequence[Tensor], rng: np.random.Generator, purpose: Purpose, progress: float
    ) -> list[Mixture]:
        """What a pass computes, one mixture a group; differentiable in `alphas`.

        Parameters
        ----------
        alphas
            The architecture parameters.
        rng
            The only source of chance. The passes of one gradient are all given the same numbers.
        purpose
            What the pass is for.
        progress
            Share of the search's epochs that are over, from 0 to below 1.
        """


def one_a_group(groups: Mapping[str, int], candidates: int, initial: Initial) -> list[Tensor]:
    """Architecture parameters of most relaxations: a tensor (edges, candidates) for every group."""
    return [initial(name, (edges, candidates)) for name, edges in groups.items()]


@dataclass(frozen=True)
class Softmax:
    """Every candidate weighs its softmax over the edge: DARTS (Liu et al., ICLR 2019, Eq. 2)."""

    word: ClassVar[str] = "softmax"
    sampled: ClassVar[bool] = False

    def parameters(self, groups: Mapping[str, int], candidates: int, initial: Initial) -> list[Tensor]:
        """One tensor a group."""
        return one_a_group(groups, candidates, initial)

    def probabilities(self, alphas: Sequence[Tensor]) -> list[Mixture]:
        """The softmax of every edge."""
        return [Mixture(torch.softmax(alpha, dim=-1)) for alpha in alphas]

    def mixture(
        self, alphas: Sequence[Tensor], rng: np.random.Generator, purpose: Purpose, progress: float
    ) -> list[Mixture]:
        """The same: nothing is left to chance."""
        return self.probabilities(alphas)
