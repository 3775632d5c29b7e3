"""Selections: which architecture a trained supernet recommends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

import numpy as np

from harness.errors import HarnessError
from harness.spaces.base import Arch
from harness.streams import Streams
from harness.supernets.mixture import Mixture

if TYPE_CHECKING:
    from harness.supernets.loop import Search


class Selection(Protocol):
    """How a trained supernet's architecture is chosen: a frozen dataclass of its settings, which is identified by its fields.

    Attributes
    ----------
    word
        What rows and reports call it.
    epochs
        How many epochs of the budget are kept back for it.
    """

    @property
    def word(self) -> str:
        """One word."""

    @property
    def epochs(self) -> int:
        """Whole number, often 0."""

    def derive(self, search: Search, mixtures: Sequence[Mixture]) -> Arch:
        """The architecture that stands after an epoch, for what is recorded of it; never called where there is no α."""

    def __call__(self, search: Search, streams: Streams) -> Arch:
        """Choose.

        Parameters
        ----------
        search
            The trained supernet: ``search.net`` measures mixtures and paths, ``search.moving`` has the architecture parameters,
            and ``search.epoch()`` trains for an epoch that was kept back.
        streams
            The search streams of the cell.
        """


@dataclass(frozen=True)
class Strongest:
    """What the architecture parameters prefer, by the space's own rule: magnitudes (DARTS, section 2.4)."""

    word: ClassVar[str] = "magnitude"
    epochs: ClassVar[int] = 0

    def derive(self, search: Search, mixtures: Sequence[Mixture]) -> Arch:
        """Apply the rule to the candidates' weights, times those of their edges where edges have any."""
        return search.net.where.derive([mixture.products.cpu().numpy() for mixture in mixtures])

    def __call__(self, search: Search, streams: Streams) -> Arch:
        """Apply the rule to the last probabilities."""
        mixtures = search.moving.probabilities()
        if mixtures is None:
            raise HarnessError("selection magnitude: this supernet has no architecture parameters to compare")
        return self.derive(search, mixtures)


@dataclass(frozen=True)
class BestOfRandom:
    """The best of some architectures drawn uniformly, by validation accuracy with the shared weights; the first of equals.

    Where the suite has constraints, those that satisfy them are measured, all of them if none does.

    Parameters
    ----------
    candidates
        How many are drawn and measured; that comes on top of the budget of epochs.
    """

    candidates: int = 100

    word: ClassVar[str] = "random"
    epochs: ClassVar[int] = 0

    def derive(self, search: Search, mixtures: Sequence[Mixture]) -> Arch:
        """By magnitude, where there are architecture parameters to follow."""
        return Strongest().derive(search, mixtures)

    def __call__(self, search: Search, streams: Streams) -> Arch:
        """Draw, measure, choose."""
        rng = search.net.stream("candidates")
        drawn = [search.net.where.sample(rng) for _ in range(self.candidates)]
        allowed = [arch for arch in drawn if search.net.terms.allow(arch)] or drawn
        return allowed[int(np.argmax(search.net.accuracies(allowed)))]
