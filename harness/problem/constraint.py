"""What a suite asks of an architecture beside a good score: a column within a bound, such as a latency of at most 20.

Infeasible architectures can be evaluated, and cost a method its budget, but are never an answer: neither incumbent nor result.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError

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


def shown(metrics: Sequence[str], constraints: Sequence[Constraint]) -> tuple[str, ...]:
    """All columns that a method sees beside the score, each once: those that the suite shows, and those that it bounds."""
    return tuple(dict.fromkeys((*metrics, *(constraint.column for constraint in constraints))))
