"""Constraints on a table: which architectures satisfy them, and by how much others do not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError
from harness.problem.constraint import Constraint
from harness.tabular.table import Table


def violation(table: Table, constraints: Sequence[Constraint]) -> NDArray[np.float64]:
    """How far every row is from satisfying all constraints: (n_rows,), 0 where it does.

    The sum over the constraints of the excess, each in parts of its column's range, so that seconds and parameters add up.

    Raises
    ------
    HarnessError
        If the table lacks a column, or it is for the report only or has no finite number in some row.
    """
    total = np.zeros(len(table))
    for constraint in constraints:
        (values,) = table.visible((constraint.column,)).values()
        if not np.isfinite(values).all():  # as of a zero-cost score that could not be computed
            raise HarnessError(
                f"benchmark {table.name}: column {constraint.column} has no finite number in "
                f"{int((~np.isfinite(values)).sum()):,} of {len(table):,} rows; no constraint can be put on it"
            )
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
