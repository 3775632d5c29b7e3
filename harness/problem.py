"""What a search method is handed: a problem through which no test value can be reached.

A problem is built from validation columns alone. Test values are joined by the runner after the search has ended.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.constraint import Constraint, violation
from harness.errors import BudgetExhausted, HarnessError
from harness.spaces.base import Arch, Space
from harness.tabular.table import COST, Table

MAX_BUDGET = 10_000_000  # evaluations; what a search did is kept in memory
if TYPE_CHECKING:
    from harness.levels import Level, Schedule

_NO_METRICS: Mapping[str, float] = MappingProxyType({})


class Evaluation(NamedTuple):
    """Answer to `Problem.evaluate`.

    Attributes
    ----------
    score
        Validation score, larger is better (a table whose direction is ``min`` is negated). An infeasible architecture has
        the worst score of the table, less how far it is beyond the bounds: no feasible one scores less.
    cost
        Simulated seconds of this evaluation; NaN where the benchmark knows none.
    metrics
        The further columns that the suite shows to methods, and those that it puts a bound on.
    feasible
        Whether the architecture satisfies the suite's constraints; one that does not is never an answer.
    """

    score: float
    cost: float
    metrics: Mapping[str, float]
    feasible: bool = True


@dataclass(frozen=True)
class Budget:
    """How much a search may spend.

    Attributes
    ----------
    kind
        Unit of the amount: ``"evaluations"`` counts calls of `Problem.evaluate`, repeated ones too; ``"epochs"`` counts passes
        over the training images, on live benchmarks.
    amount
        Number of units, at least 1 and at most `MAX_BUDGET`.
    """

    kind: str
    amount: int

    KINDS = ("evaluations", "epochs")

    def __post_init__(self) -> None:
        if self.kind not in self.KINDS:
            raise HarnessError(f"unknown budget kind {self.kind!r}; valid: {', '.join(self.KINDS)}")
        if isinstance(self.amount, bool) or not isinstance(self.amount, int) or not 1 <= self.amount <= MAX_BUDGET:
            raise HarnessError(
                f"budget {self.kind}: wanted a whole number of at least 1 and at most {MAX_BUDGET:,}, not {self.amount!r}"
            )


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
    constraints
        What an architecture must satisfy to be an answer.
    """

    space: Space
    budget: Budget
    size: float
    constraints: tuple[Constraint, ...] = ()

    @abstractmethod
    def evaluate(self, arch: Sequence[int], fidelity: int | None = None) -> Evaluation:
        """Validation score of an architecture; spends one unit of the budget.

        Raises
        ------
        BudgetExhausted
            If nothing is left.
        HarnessError
            If `arch` is not an architecture of this benchmark, or `fidelity` is one that it does not have.
        """

    @abstractmethod
    def sample(self, uniforms: Iterator[float]) -> Arch:
        """Draw an architecture from the benchmark's own measure, using up as many uniform numbers as it takes."""

    @abstractmethod
    def contains(self, arch: Sequence[int]) -> bool:
        """Whether the benchmark can evaluate `arch`; a neighbour of one that it can may be one that it cannot."""

    @property
    @abstractmethod
    def exhausted(self) -> bool:
        """Whether the budget is spent."""


class SupernetProblem(Problem):
    """A problem whose architectures are trained here and now, and whose space has a supernet."""

    @abstractmethod
    def search_supernet(self, level: Level | Schedule, **options: Any) -> Arch:
        """Search on the supernet for the whole budget with this level; returns the architecture that it derives.

        Parameters
        ----------
        level
            How the architecture parameters are updated.
        **options
            Parts of the search that a method may replace, as `harness.live.search.Search` takes them: ``relax``, ``rule``.
        """


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
    """

    def __init__(
        self,
        table: Table,
        budget: Budget,
        metrics: tuple[str, ...] = (),
        constraints: tuple[Constraint, ...] = (),
    ) -> None:
        self.space = table.space
        self.budget = budget
        self.size = len(table)
        self.constraints = constraints
        # Memory views hand out plain Python floats, several times faster than NumPy scalars.
        beyond = violation(table, constraints) if constraints else None
        self._score = _oriented(table, beyond).data
        self._is_infeasible = None if beyond is None else (beyond > 0).data
        self._cost = table.column(COST).data if COST in table.columns else None
        shown = (*metrics, *(constraint.column for constraint in constraints))
        self._metrics = {name: values.data for name, values in table.visible(shown).items()}
        self._rows = table.rows.data
        self._codes = table.codes
        self._measure = Measure(table)
        self._dimensions = tuple(zip(self.space.strides, self.space.cardinalities, strict=True))
        self._known: dict[Arch, int] = {}  # rows met in this search: `contains` is mostly asked just before `evaluate`
        self._history: list[int] = []
        self._left = budget.amount

    @property
    def exhausted(self) -> bool:
        """Whether the budget is spent."""
        return self._left <= 0

    @property
    def architectures(self) -> NDArray[np.integer]:
        """(n_rows, variables) encoding of every row of the table."""
        return self._codes

    def architecture(self, row: int) -> Arch:
        """Encoding of a row."""
        return tuple(self._codes[row].tolist())

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

    def evaluate(self, arch: Sequence[int], fidelity: int | None = None) -> Evaluation:
        """Look the architecture up; see `Problem.evaluate`."""
        if fidelity is not None:
            raise HarnessError(f"fidelity {fidelity!r}: this table holds one fidelity; leave it out")
        row = self._row(arch)
        if row < 0:
            self.space.validate(arch)
            raise HarnessError(
                f"architecture {self.space.format(arch)} is not in this table; ask Problem.contains first"
            )
        if self._left <= 0:
            raise BudgetExhausted(f"the budget of {self.budget.amount} {self.budget.kind} is spent")
        self._left -= 1
        self._history.append(row)
        return Evaluation(
            self._score[row],
            self._cost[row] if self._cost is not None else float("nan"),
            {name: values[row] for name, values in self._metrics.items()} if self._metrics else _NO_METRICS,
            self._is_infeasible is None or not self._is_infeasible[row],
        )

    def contains(self, arch: Sequence[int]) -> bool:
        """Whether the table has a row for this encoding."""
        return self._row(arch) >= 0

    def sample(self, uniforms: Iterator[float]) -> Arch:
        """Draw a row by the table's weights; uses one uniform number."""
        return tuple(self._codes[self._measure.row(next(uniforms))].tolist())

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


class LockstepProblem:
    """The same problem for many seeds at once; architectures are mixed-radix indices in arrays of shape (seeds,).

    Parameters
    ----------
    table, budget, constraints
        As in `TabularProblem`.
    n_seeds
        Number of searches that advance together.
    """

    def __init__(self, table: Table, budget: Budget, n_seeds: int, constraints: tuple[Constraint, ...] = ()) -> None:
        self.space = table.space
        self.budget = budget
        self.n_seeds = n_seeds
        self.size = len(table)
        self.constraints = constraints
        self._score = _oriented(table, violation(table, constraints) if constraints else None)
        self._rows = np.asarray(table.rows)
        self._index_of_row = table.index_of_row()
        self._measure = Measure(table)
        self._history = np.empty((budget.amount, n_seeds), dtype=np.int64)
        self._spent = 0

    @property
    def history(self) -> NDArray[np.int64]:
        """(n_seeds, n_evaluations) rows evaluated so far, in order."""
        return self._history[: self._spent].T

    def evaluate(self, indices: NDArray[np.int64]) -> NDArray[np.float64]:
        """Validation scores of one architecture a seed: (seeds,) -> (seeds,); spends one unit of each seed's budget."""
        rows = self._rows[indices]
        if rows.min() < 0 or indices.min() < 0:  # a negative index would be counted from the end
            raise HarnessError("an architecture is not in this table; ask LockstepProblem.contains first")
        if self._spent >= self.budget.amount:
            raise BudgetExhausted(f"the budget of {self.budget.amount} {self.budget.kind} is spent")
        self._history[self._spent] = rows
        self._spent += 1
        return self._score[rows]

    def contains(self, indices: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of the architectures the table can evaluate: (n,) -> (n,)."""
        return self._rows[indices] >= 0

    def sample(self, uniforms: NDArray[np.float64]) -> NDArray[np.int64]:
        """Draw one architecture for each uniform number, by the table's weights, any shape."""
        return self._index_of_row[self._measure.rows(uniforms)]


class Measure:
    """Drawing rows of a table by inversion of the distribution that its weights give.

    One definition for single draws and for arrays of them, so that both give the same row for the same number.
    """

    def __init__(self, table: Table) -> None:
        self._n_rows = len(table)
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


def _oriented(table: Table, beyond: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Validation scores of which larger ones are better; of rows `beyond` their bounds, what stands for a score."""
    scores = np.asarray(table.valid) if table.direction == "max" else -table.valid
    return scores if beyond is None else np.where(beyond > 0, scores.min() - beyond, scores)
