"""One search over a table; `harness.tabular.lockstep` advances many at once.

A problem is built from validation columns alone. Test values are joined by the runner after the search has ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from harness.errors import BudgetExhausted, HarnessError
from harness.problem.base import Evaluation, Problem
from harness.problem.budget import Budget
from harness.problem.constraint import Constraint, shown
from harness.problem.offer import Offer
from harness.spaces.base import Arch
from harness.tabular.curves import LearningCurve, check_budget, one_fidelity
from harness.tabular.feasible import check_constraints, violation
from harness.tabular.statics import seconds_of, static_columns
from harness.tabular.table import COST, Table

_NO_METRICS: Mapping[str, float] = MappingProxyType({})


def check_searchable(
    table: Table, budget: Budget, metrics: tuple[str, ...] = (), constraints: tuple[Constraint, ...] = ()
) -> None:
    """Refuse what a table cannot give: a budget that it cannot count, columns that it lacks, bounds that no row keeps.

    Raises
    ------
    HarnessError
        If it cannot, if the table's files are damaged, or if it lacks scores.
    """
    check_budget(table, budget)
    table.visible(metrics)
    check_constraints(table, constraints)
    table.verify()  # before anything is run and written
    table.check_scores()


class TabularProblem(Problem):
    """One search over a table.

    Parameters
    ----------
    table
        Where the validation columns are taken from; no reference to it is kept.
    budget
        What may be spent.
    metrics
        Names of the further columns that the method may see.
    constraints
        What an architecture must satisfy to be an answer; the method sees the columns of these, too.
    statistics
        Names of the columns that `statistics` says of an architecture.
    """

    def __init__(
        self,
        table: Table,
        budget: Budget,
        metrics: tuple[str, ...] = (),
        constraints: tuple[Constraint, ...] = (),
        statistics: tuple[str, ...] = (),
    ) -> None:
        check_budget(table, budget)
        self.space = table.space
        self.budget = budget
        self.size = len(table)
        self.max_fidelity = table.epochs
        self.constraints = constraints
        # Memory views hand out plain Python floats, several times faster than NumPy scalars.
        beyond = violation(table, constraints) if constraints else None
        self._score = oriented(table, beyond).data
        self._is_infeasible = None if beyond is None else (beyond > 0).data
        self._cost = table.column(COST).data if COST in table.columns else None
        columns = shown(metrics, constraints)
        self._metrics = {name: values.data for name, values in table.visible(columns).items()}
        self._rows = table.rows.data
        self._codes = table.codes
        self._distribution = SamplingDistribution(table)
        self._dimensions = tuple(zip(self.space.strides, self.space.cardinalities, strict=True))
        self._known: dict[Arch, int] = {}  # rows met in this search: `contains` is mostly asked just before `evaluate`
        self._history: list[int] = []
        self._stopped: dict[int, int] = {}  # epochs of the trainings that stopped early, by their place in the history
        self._curves = LearningCurve(table, columns, beyond) if table.epochs is not None else None
        self._one_fidelity = "" if table.epochs is not None else one_fidelity(table)
        self.statistic_names = statistics
        self._statistics = {name: values.data for name, values in static_columns(table, statistics).items()}
        self._statistics_s = seconds_of(table, statistics) if budget.kind == "simulated_s" else 0.0
        self._amount = budget.amount
        self._spent: float = 0
        # Up to here whole trainings need no look at what they take: one unit each.
        self._free = budget.amount if budget.kind == "evaluations" else 0

    @property
    def exhausted(self) -> bool:
        """Whether the budget is spent."""
        return self._spent >= self._amount

    @property
    def architectures(self) -> NDArray[np.integer]:
        """(n_rows, variables) encoding of every row of the table."""
        return self._codes

    @property
    def encodings(self) -> tuple[NDArray[np.integer], NDArray[np.integer], NDArray[np.float64]]:
        """All encodings that have a row (n, variables), their rows (n,), and the measure of random architectures on them (n,).

        The measure is up to a factor; that of a row is shared out evenly among its encodings.
        """
        rows = np.asarray(self._rows)
        there = np.flatnonzero(rows >= 0)
        rows = rows[there]
        return (
            self.space.codes(there),
            rows,
            (self._distribution.weights / np.bincount(rows, minlength=len(self._codes)))[rows],
        )

    def architecture(self, row: int) -> Arch:
        """Encoding of a row."""
        return tuple(self._codes[row].tolist())

    @property
    def offer(self) -> Offer:
        """As `Problem.offer`, with the columns."""
        return replace(super().offer, columns=self.metrics)

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the columns that this method may see."""
        return tuple(self._metrics)

    def metric(self, name: str) -> NDArray[np.float64] | None:
        """(n_rows,) a column that the method may see, of all architectures at once; None if there is no such column.

        For methods that are exact by reading everything; they spend no budget, and reports must say so.
        """
        return np.frombuffer(self._metrics[name], dtype=np.float64) if name in self._metrics else None

    @property
    def history(self) -> NDArray[np.int64]:
        """(n_evaluations,) rows evaluated so far, in order."""
        return np.array(self._history, dtype=np.int64)

    @property
    def epochs(self) -> NDArray[np.int64]:
        """(n_evaluations,) epochs of these trainings; 0 where the table has one fidelity."""
        epochs = np.full(len(self._history), self.max_fidelity or 0, dtype=np.int64)
        epochs[list(self._stopped)] = list(self._stopped.values())
        return epochs

    def evaluate(self, arch: Sequence[int], fidelity: int | None = None) -> Evaluation:
        """Look the architecture up; see `Problem.evaluate`."""
        row = self._row(arch)
        if row < 0:
            raise self._missing(arch)
        if fidelity is not None or self._spent >= self._free:
            return self._trained(row, fidelity)
        self._spent += 1
        self._history.append(row)
        return Evaluation(
            self._score[row],
            self._cost[row] if self._cost is not None else float("nan"),
            {name: values[row] for name, values in self._metrics.items()} if self._metrics else _NO_METRICS,
            self._is_feasible(row),
        )

    def _is_feasible(self, row: int) -> bool:
        return self._is_infeasible is None or not self._is_infeasible[row]

    def _trained(self, row: int, fidelity: int | None) -> Evaluation:
        """`evaluate`, where trainings stop early, are paid for by their length, or nothing is left."""
        epochs = (self.max_fidelity or 0) if fidelity is None else self._checked(fidelity)
        is_whole = epochs == (self.max_fidelity or 0)
        if is_whole or self._curves is None:
            cost = self._cost[row] if self._cost is not None else float("nan")
            metrics = {name: values[row] for name, values in self._metrics.items()}
            evaluation = Evaluation(self._score[row], cost, metrics, self._is_feasible(row))
        else:
            evaluation = Evaluation(*self._curves.at(row, epochs), self._is_feasible(row))
        price = {"evaluations": 1, "epochs": epochs, "simulated_s": evaluation.cost}[self.budget.kind]
        self._pay(price)
        if not is_whole:
            self._stopped[len(self._history)] = epochs
        self._history.append(row)
        return evaluation

    def _pay(self, price: float) -> None:
        if self._spent + price > self._amount:
            self._spent = float("inf")  # the search is over, even if something cheaper were asked for next
            raise BudgetExhausted(f"the budget of {self.budget.amount} {self.budget.kind} is spent")
        self._spent += price

    def _checked(self, fidelity: int) -> int:
        if self.max_fidelity is None:
            raise HarnessError(f"fidelity {fidelity!r}: {self._one_fidelity}; leave it out")
        is_whole_number = isinstance(fidelity, int | np.integer) and not isinstance(fidelity, bool)
        if not is_whole_number or not 1 <= fidelity <= self.max_fidelity:
            raise HarnessError(f"fidelity {fidelity!r}: this table has epochs 1 to {self.max_fidelity}")
        return int(fidelity)

    def contains(self, arch: Sequence[int]) -> bool:
        """Whether the table has a row for this encoding."""
        return self._row(arch) >= 0

    def identity(self, arch: Sequence[int]) -> Arch:
        """The encoding of the row that holds this architecture; see `Problem.identity`."""
        row = self._row(arch)
        if row < 0:
            raise self._missing(arch)
        return self.architecture(row)

    def statistics(self, arch: Sequence[int]) -> Mapping[str, float]:
        """Look them up; see `Problem.statistics`."""
        row = self._row(arch)
        if row < 0:
            raise self._missing(arch)
        if self._statistics_s:
            self._pay(self._statistics_s)
        self.n_statistics += 1
        return {name: values[row] for name, values in self._statistics.items()}

    def sample(self, uniforms: Iterator[float]) -> Arch:
        """Draw a row by the table's weights; uses one uniform number."""
        return tuple(self._codes[self._distribution.row(next(uniforms))].tolist())

    def _missing(self, arch: Sequence[int]) -> HarnessError:
        text = self.space.format(self.space.validate(arch))
        return HarnessError(f"architecture {text} is not in this table; ask Problem.contains first")

    def _row(self, arch: Sequence[int]) -> int:
        try:
            arch = tuple(arch)
            row = self._known.get(arch)
            if row is None:
                row = self._known[arch] = self._looked_up(arch)
        except (TypeError, ValueError):  # of another length or type: no architecture at all
            return -1
        return row

    def _looked_up(self, arch: Arch) -> int:
        index = 0
        for choice, (stride, cardinality) in zip(arch, self._dimensions, strict=True):
            if not 0 <= choice < cardinality:
                return -1
            index += choice * stride
        return self._rows[index]


class SamplingDistribution:
    """Drawing rows of a table by inversion of the distribution that its weights give.

    One definition for single draws and for arrays of them, so that both give the same row for the same number.
    """

    def __init__(self, table: Table) -> None:
        self._n_rows = len(table)
        self.weights = table.weights
        self._cumulative = None if table.has_equal_weights else np.cumsum(table.weights)

    def row(self, uniform: float) -> int:
        """Row of one uniform number in [0, 1)."""
        if self._cumulative is None:
            return int(uniform * self._n_rows)
        return int(self.rows(np.array(uniform)))

    def rows(self, uniforms: NDArray[np.float64]) -> NDArray[np.int64]:
        """Rows of many uniform numbers, any shape."""
        if self._cumulative is None:
            return (uniforms * self._n_rows).astype(np.int64)
        found = np.searchsorted(self._cumulative, uniforms * self._cumulative[-1], side="right")
        return np.minimum(found, self._n_rows - 1).astype(np.int64)


def oriented(table: Table, beyond: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Validation scores of which larger ones are better; of rows `beyond` their bounds, what stands for a score."""
    scores = np.asarray(table.valid) if table.direction == "max" else -table.valid
    return scores if beyond is None else np.where(beyond > 0, scores.min() - beyond, scores)
