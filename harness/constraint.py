"""What a suite asks of an architecture beside a good score: a column within a bound, such as a latency of at most 20.

Infeasible architectures can be evaluated, and cost a method its budget, but are never an answer: neither incumbent nor result.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError

if TYPE_CHECKING:
    from harness.statistics.law import RandomSearchLaw
    from harness.tabular.table import Table

_BOUND = re.compile(r"\s*(<=|>=)\s*(\S+)\s*")


@dataclass(frozen=True)
class Constraint:
    """A bound on a column of a table, in the column's unit.

    Attributes
    ----------
    column
        Name of the column.
    relation
        ``"<="`` or ``">="``.
    bound
        The most, or the least, that is allowed.
    """

    column: str
    relation: str
    bound: float

    @property
    def condition(self) -> str:
        """As a suite writes it: ``<= 20``."""
        return f"{self.relation} {repr(self.bound).removesuffix('.0')}"

    def __str__(self) -> str:
        return f"{self.column} {self.condition}"

    def excess(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """By how much each of the column's values is beyond the bound, at least 0."""
        return np.maximum(values - self.bound if self.relation == "<=" else self.bound - values, 0.0)


def parse_constraints(table: Any, where: str = "suite") -> tuple[Constraint, ...]:
    """Constraints from a suite's table such as ``{"latency": "<= 20"}``, in the order of the columns' names.

    Raises
    ------
    HarnessError
        If it is no table of conditions, or a bound is no finite number.
    """
    if not isinstance(table, Mapping):
        raise HarnessError(f'{where}: constraint must be a table such as [constraint] latency = "<= 20", not {table!r}')
    found = []
    for column, condition in sorted(table.items()):
        match = _BOUND.fullmatch(condition) if isinstance(condition, str) else None
        try:
            bound = float(match[2]) if match else np.nan
        except ValueError:
            bound = np.nan
        if match is None or not np.isfinite(bound):
            raise HarnessError(
                f'{where}: constraint {column}: wanted a text such as "<= 20" or ">= 0.5", not {condition!r}'
            )
        found.append(Constraint(column, match[1], bound))
    return tuple(found)


def violation(table: Table, constraints: Sequence[Constraint]) -> NDArray[np.float64]:
    """How far every row is from satisfying all constraints: (n_rows,), 0 where it does.

    The sum over the constraints of the excess, each in parts of its column's range, so that seconds and parameters add up.

    Raises
    ------
    HarnessError
        If the table lacks a column, or it is for the report only.
    """
    total = np.zeros(len(table))
    for constraint in constraints:
        (values,) = table.visible((constraint.column,)).values()
        total += constraint.excess(values) / (np.ptp(values) or 1.0)
    return total


def feasible_rows(table: Table, constraints: Sequence[Constraint]) -> NDArray[np.bool_]:
    """Which rows satisfy all constraints: (n_rows,)."""
    return violation(table, constraints) == 0


def check_constraints(table: Table, constraints: Sequence[Constraint]) -> None:
    """Refuse constraints that this table cannot be put under: unknown columns, test columns, bounds that no row keeps."""
    if constraints and not feasible_rows(table, constraints).any():
        listed = " and ".join(
            f"{constraint} (its values run from {table.column(constraint.column).min():g} to "
            f"{table.column(constraint.column).max():g})"
            for constraint in constraints
        )
        raise HarnessError(f"benchmark {table.name}: no architecture satisfies {listed}; loosen the constraint")


def random_search_law(table: Table, constraints: Sequence[Constraint] = ()) -> RandomSearchLaw:
    """The exact law of random search on a table, under constraints if there are any."""
    from harness.statistics.law import RandomSearchLaw

    feasible = feasible_rows(table, constraints) if constraints else None
    return RandomSearchLaw(table.valid, table.test, table.weights, direction=table.direction, feasible=feasible)
