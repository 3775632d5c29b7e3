"""Searches of many seeds of one method over a table at once."""

from __future__ import annotations

from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from harness.errors import BudgetExhausted, HarnessError
from harness.problem.budget import Budget
from harness.problem.constraint import Constraint
from harness.tabular.curves import check_budget, whole_trainings
from harness.tabular.feasible import violation
from harness.tabular.problem import SamplingDistribution, oriented
from harness.tabular.statics import seconds_of, static_columns
from harness.tabular.table import Table


class LockstepProblem:
    """The problem of `TabularProblem` for many seeds at once; architectures are mixed-radix indices in arrays of shape (seeds,).

    All evaluations are whole trainings. Where they differ in what they take of the budget, some searches end before others:
    what is evaluated for a search that has ended is not counted.

    Parameters
    ----------
    table, budget, constraints
        As in `TabularProblem`.
    n_seeds
        Number of searches that advance together.
    statistics
        As in `TabularProblem`.

    Attributes
    ----------
    n_statistics
        (n_seeds,) architectures of each search that `statistics` was asked about.
    steps
        As many evaluations as no search makes more of; what they take in fact ends most searches before.
    """

    def __init__(
        self,
        table: Table,
        budget: Budget,
        n_seeds: int,
        constraints: tuple[Constraint, ...] = (),
        statistics: tuple[str, ...] = (),
    ) -> None:
        check_budget(table, budget)
        self.space = table.space
        self.budget = budget
        self.n_seeds = n_seeds
        self.size = len(table)
        self.constraints = constraints
        self._score = oriented(table, violation(table, constraints) if constraints else None)
        self._rows = np.asarray(table.rows)
        self._index_of_row = table.index_of_row()
        self._distribution = SamplingDistribution(table)
        self._prices = None if budget.kind == "evaluations" else whole_trainings(table, budget.kind)
        self.steps = budget.amount if self._prices is None else int(budget.amount / self._prices.min()) + 1
        self._free = 0 if self._prices is not None else self.steps  # up to here nothing needs a look at what it takes
        self._history = np.empty((self.steps, n_seeds), dtype=np.int64)
        self._done = 0
        self._spent = np.zeros(n_seeds)
        self._goes_on = np.ones(n_seeds, dtype=bool)
        self.statistic_names = statistics
        self.n_statistics = np.zeros(n_seeds, dtype=np.int64)
        self._statistics = static_columns(table, statistics)
        self._statistics_s = seconds_of(table, statistics) if budget.kind == "simulated_s" else 0.0

    @property
    def history(self) -> NDArray[np.int64]:
        """(n_seeds, n_evaluations) rows evaluated so far, in order; -1 behind the end of a search that has ended."""
        return self._history[: self._done].T

    def evaluate(self, indices: NDArray[np.int64]) -> NDArray[np.float64]:
        """Validation scores of one architecture a seed: (seeds,) -> (seeds,); spends what that takes of each seed's budget.

        Raises
        ------
        BudgetExhausted
            If all searches have ended; a method need not catch this.
        HarnessError
            If an index is that of no architecture of the table.
        """
        rows = self._rows_there(indices)
        self._history[self._done] = rows if self._done < self._free else self._paid(rows)
        self._done += 1
        return self._score[rows]

    def _paid(self, rows: NDArray[np.integer]) -> NDArray[np.integer]:
        """The rows of the searches that can pay for theirs, -1 for those that have ended."""
        if self._prices is not None:
            self._spent += self._prices[rows]
            self._goes_on &= self._spent <= self.budget.amount
        if self._prices is None or not self._goes_on.any():
            self._end()
        return np.where(self._goes_on, rows, -1)

    def statistics(
        self, indices: NDArray[np.int64], which: NDArray[np.intp] | slice = slice(None)
    ) -> dict[str, NDArray[np.float64]]:
        """What is known of architectures without training them, see `Problem.statistics`, by name.

        Parameters
        ----------
        indices
            (seeds,) one architecture a seed, or (seeds, n) several.
        which
            The (distinct) positions of the seeds that ask, if not all do.

        Returns
        -------
        dict
            Arrays of the shape of `indices`.

        Raises
        ------
        BudgetExhausted
            If all searches have ended; a method need not catch this.
        """
        rows = self._rows_there(indices)
        for _ in range(1 if indices.ndim == 1 else indices.shape[1]):  # one by one, as a single search pays for them
            if self._statistics_s:
                self._spent[which] += self._statistics_s
                self._goes_on &= self._spent <= self.budget.amount
            self.n_statistics[which] += self._goes_on[which]
        if not self._goes_on.any():
            self._end()
        return {name: values[rows] for name, values in self._statistics.items()}

    def _rows_there(self, indices: NDArray[np.int64]) -> NDArray[np.integer]:
        rows = self._rows[indices]
        if rows.min() < 0 or indices.min() < 0:  # a negative index would be counted from the end
            raise HarnessError("an architecture is not in this table; ask LockstepProblem.contains first")
        return rows

    def _end(self) -> NoReturn:
        raise BudgetExhausted(f"the budget of {self.budget.amount} {self.budget.kind} is spent")

    def contains(self, indices: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of the architectures the table can evaluate: (n,) -> (n,)."""
        return self._rows[indices] >= 0

    def sample(self, uniforms: NDArray[np.float64]) -> NDArray[np.int64]:
        """Draw one architecture for each uniform number, by the table's weights, any shape."""
        return self._index_of_row[self._distribution.rows(uniforms)]
