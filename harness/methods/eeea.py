"""EEEA-Net's early exit: evolution whose first population is below a bound."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError
from harness.methods.base import AskTell, make_method, register_method, require
from harness.methods.evolution import RegularizedEvolution
from harness.methods.nsga2 import NSGA2
from harness.problem.base import Evaluation, Problem
from harness.spaces.base import Arch
from harness.streams import Streams
from harness.taxonomy import Taxonomy

MOST_DRAWS = 1000  # of an architecture below the bound where nobody can say whether there is one
DRAWS_A_ROW = 100  # of a table that has one: to miss it so often has a chance of e^-100


@register_method("eeea")
@dataclass(kw_only=True)
class EarlyExit(AskTell):
    """Evolution whose first population is drawn again until it is cheap: every member is below a bound on a statistic.

    Parameters
    ----------
    beta
        The bound, in the column's unit; a random architecture that reaches it is drawn again. ``inf`` is the base to the bit.
    base
        The evolution: ``"regularized-evolution"`` or ``"nsga2"``.
    params
        Parameters of that method.
    column
        Statistic of architectures that is bounded: ``params``, or another one that the benchmark has.

    Notes
    -----
    Termritthikun, Jamtsho, Ieamsaard, Muneesawang and Lee, "EEEA-Net: An early exit evolutionary neural architecture
    search", Engineering Applications of Artificial Intelligence 104, 2021. Children are not bounded, in the paper neither.
    Each draw counts as one statistic and costs no evaluation; a member takes 1 / share draws in the mean, where share is the
    probability of what lies below the bound.

    Not as in the published code: there dominance compares two goals of four, crowding distances are taken over other sets
    than the fronts, and the result is the first architecture of an unsorted front. On NAS-Bench-201 it selects by a column of
    test accuracies, so that its figures there are not those of a search. Here `NSGA2` is Deb's, and validation decides.
    """

    beta: float
    base: Literal["regularized-evolution", "nsga2"] = "regularized-evolution"
    params: dict[str, Any] = field(default_factory=dict)
    column: str = "params"

    version: ClassVar[str] = "1"
    source: ClassVar[str] = "Termritthikun et al., Engineering Applications of Artificial Intelligence 104, 2021"
    taxonomy: ClassVar[Taxonomy] = Taxonomy("any", "evolution", "none", "analytical")

    def __post_init__(self) -> None:
        require(not math.isnan(self.beta), f"{self.name}: beta must be a number")
        self._base()

    @property
    def statistic_names(self) -> tuple[str, ...]:
        """The column."""
        return (self.column,)

    def check_statistics(self, columns: Mapping[str, NDArray[np.float64]]) -> None:
        """Want an architecture below the bound."""
        values = columns[self.column]
        if not self._is_below(values).any():
            raise HarnessError(
                f"no architecture has {self.column} below beta = {self.beta:g}: the least is {np.nanmin(values):g}"
            )

    def start(self, problem: Problem, streams: Streams) -> None:
        """Begin with an empty population."""
        super().start(problem, streams)
        self._evolution = self._base()
        self._evolution.start(problem, streams)
        self._any = self._evolution.founder
        self._evolution.founder = self._below
        self._most = MOST_DRAWS + (DRAWS_A_ROW * int(problem.size) if math.isfinite(problem.size) else 0)

    def ask(self) -> Arch | None:
        """As the base."""
        return self._evolution.ask()

    def tell(self, arch: Arch, evaluation: Evaluation) -> None:
        """As the base."""
        self._evolution.tell(arch, evaluation)

    def _base(self) -> RegularizedEvolution | NSGA2:
        evolution = make_method(self.base, **self.params)
        assert isinstance(evolution, RegularizedEvolution | NSGA2)
        return evolution

    def _below(self) -> Arch:
        """A random architecture below the bound."""
        for _ in range(self._most):
            arch = self._any()
            if self._is_below(np.array(self.problem.statistics(arch)[self.column])).all():
                return arch
        raise HarnessError(
            f"{self.name}: none of {self._most:,} random architectures has {self.column} below {self.beta:g}"
        )

    def _is_below(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which values do not reach the bound; of one that is no number nobody knows."""
        return np.asarray((values < self.beta) | (self.beta == math.inf))
