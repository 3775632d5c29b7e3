"""What a search method is handed: a problem through which no test value can be reached."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import NamedTuple

from harness.errors import HarnessError
from harness.problem.budget import Budget
from harness.problem.constraint import Constraint
from harness.spaces.base import Arch, Space


class Evaluation(NamedTuple):
    """Answer to `Problem.evaluate`.

    Attributes
    ----------
    score
        Validation score, larger is better (a table whose direction is ``min`` is negated). An infeasible architecture has
        the worst score of the table after as many epochs, less how far it is beyond the bounds: no feasible one scores less.
    cost
        Simulated seconds of this evaluation, as long as it was trained; NaN where the benchmark knows none.
    metrics
        The further columns that the suite shows to methods, and those that it puts a bound on.
    feasible
        Whether the architecture satisfies the suite's constraints; one that does not is never an answer.
    """

    score: float
    cost: float
    metrics: Mapping[str, float]
    feasible: bool = True


class Problem(ABC):
    """A search space with a validation score and a budget.

    Attributes
    ----------
    space
        The search space.
    budget
        What may be spent in all.
    size
        Number of different architectures that can be evaluated (infinite where it cannot be counted).
    max_fidelity
        Epochs of a whole training; every whole number from 1 to it is a fidelity. None where there is one fidelity only.
    constraints
        What an architecture must satisfy to be an answer.
    statistic_names
        What `statistics` says of an architecture: the names that the method asked for, see `Method.statistic_names`.
    n_statistics
        How many architectures it was asked about so far.
    """

    space: Space
    budget: Budget
    size: float
    max_fidelity: int | None = None
    constraints: tuple[Constraint, ...] = ()
    statistic_names: tuple[str, ...] = ()
    n_statistics: int = 0

    @abstractmethod
    def evaluate(self, arch: Sequence[int], fidelity: int | None = None) -> Evaluation:
        """Validation score of an architecture after a training from scratch; spends what that takes of the budget.

        Parameters
        ----------
        arch
            The architecture.
        fidelity
            Epochs of the training; None for the whole one. Nothing is saved by what was trained before: each call is a training
            of its own.

        Raises
        ------
        BudgetExhausted
            If what is left does not pay for it: the search is over, and a method need not catch this.
        HarnessError
            If `arch` is not an architecture of this benchmark, or `fidelity` is one that it does not have.
        """

    @abstractmethod
    def sample(self, uniforms: Iterator[float]) -> Arch:
        """Draw an architecture from the benchmark's own measure, using up as many uniform numbers as it takes."""

    @abstractmethod
    def contains(self, arch: Sequence[int]) -> bool:
        """Whether the benchmark can evaluate `arch`; a neighbour of one that it can may be one that it cannot."""

    def identity(self, arch: Sequence[int]) -> Arch:
        """One encoding for all those that the benchmark evaluates as the same: on a table that of their row.

        Two architectures have the same identity where a second evaluation would tell nothing new. That is the benchmark's own
        affair: `Space.canonical` may join what a table has measured apart, as NAS-Bench-201 has all of its 15,625 cells in
        6,466 classes.

        Raises
        ------
        HarnessError
            If `arch` is not an architecture of this benchmark.
        """
        return self.space.validate(arch)

    @contextmanager
    def overhead(self, what: str) -> Iterator[None]:
        """Count what is done within as a method's own work, of fitting a model for instance; it is charged to no budget.

        What counts are processor seconds of this thread, which do not depend on what else the machine does. Records have the sum
        in the declared time field ``overhead_s``. Do not nest one in another: both would count.

        Parameters
        ----------
        what
            What the time is spent on, e.g. ``"fit"``.
        """
        start = time.thread_time()
        try:
            yield
        finally:
            self.overheads[what] = self.overheads.get(what, 0.0) + time.thread_time() - start

    @cached_property
    def overheads(self) -> dict[str, float]:
        """Processor seconds counted by `overhead` so far, by what they were spent on."""
        return {}

    @property
    def overhead_s(self) -> float:
        """Sum of the `overheads`."""
        return sum(self.overheads.values())

    def statistics(self, arch: Sequence[int]) -> Mapping[str, float]:
        """Parameters, operations and zero-cost scores of an architecture: what is known without training it, never a loss.

        Every call counts in `n_statistics`, one architecture each. It costs no evaluation and no epoch. A budget of
        ``simulated_s`` pays the seconds that the benchmark says a statistic takes, where it says any.

        Parameters
        ----------
        arch
            The architecture.

        Returns
        -------
        Mapping
            Values by name, those of `statistic_names`. NaN, or minus infinity, where one could not be computed.

        Raises
        ------
        BudgetExhausted
            If what is left does not pay for them.
        HarnessError
            If `arch` is not an architecture of this benchmark, or it knows no statistics.
        """
        raise HarnessError("this benchmark knows no statistics of architectures")

    @property
    @abstractmethod
    def exhausted(self) -> bool:
        """Whether the budget is spent."""
