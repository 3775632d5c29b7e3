"""The exact law of random search on a table."""

from __future__ import annotations

from collections.abc import Sequence

from harness.problem.constraint import Constraint
from harness.statistics.law import RandomSearchLaw
from harness.tabular.feasible import feasible_rows
from harness.tabular.table import Table


def random_search_law(table: Table, constraints: Sequence[Constraint] = ()) -> RandomSearchLaw:
    """The exact law of random search on a table, under constraints if there are any."""
    feasible = feasible_rows(table, constraints) if constraints else None
    return RandomSearchLaw(table.valid, table.test, table.weights, direction=table.direction, feasible=feasible)
