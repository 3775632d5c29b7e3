"""What a benchmark offers to the searches of a suite, before anything is run: what a method may refuse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.problem.budget import Budget
from harness.spaces.base import Space


@dataclass(frozen=True)
class Offer:
    """What is known of all searches of a method on a benchmark.

    Attributes
    ----------
    space
        What is searched.
    budget
        What a search may spend.
    max_fidelity
        Epochs of a whole training, see `harness.problem.base.Problem.max_fidelity`; None: there is one fidelity.
    columns
        What the suite shows of an architecture beside its score.
    supernet
        How supernets are searched: the suite's table ``[search]`` with nothing left to defaults, see
        `harness.training.settings.SearchSettings`; its epochs are the budget. None on a table, which has no supernet.
    """

    space: Space
    budget: Budget
    max_fidelity: int | None = None
    columns: tuple[str, ...] = ()
    supernet: Mapping[str, Any] | None = None

    @property
    def live(self) -> bool:
        """Whether architectures are trained here and now, and there is a supernet; else it is a table."""
        return self.supernet is not None
