"""What a run compares: methods at budgets, on benchmarks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.problem.budget import Budget
from harness.problem.constraint import Constraint
from harness.reporting.families import Family, family_of
from harness.statistics import RandomSearchLaw
from harness.suites.group import MethodSpec
from harness.tabular.curves import random_draws
from harness.tabular.feasible import feasible_rows
from harness.tabular.law import random_search_law
from harness.tabular.table import Table

FloatArray = NDArray[np.float64]
PERCENT_UNITS = ("percent", "fraction")  # shown in percent, whichever of the two a table is in


@dataclass(frozen=True)
class Entrant:
    """A method at one of the suite's budgets: what is compared.

    Attributes
    ----------
    name
        What tables and figures call it: its label, with ``@budget`` behind it where the suite has several budgets.
    method, budget
        What was run, and how long.
    """

    name: str
    method: MethodSpec
    budget: Budget

    @property
    def is_check(self) -> bool:
        """Whether this is random search, simulated, or random architectures: a check or a baseline, and no claim.

        Random search over recipes too is a method like others.
        """
        return (self.method.name == "random" and not self.method.recipe) or self.is_average

    @property
    def is_unbounded(self) -> bool:
        """Whether it read whole tables, so that its budget says nothing."""
        return self.method.reads_whole_table

    @property
    def is_average(self) -> bool:
        """Whether this is the average of random architectures: the baseline of a live benchmark."""
        return self.method.name == "random-architecture" and not self.method.recipe


@dataclass(frozen=True, eq=False)
class Benchmark:
    """A benchmark of the run.

    Attributes
    ----------
    name, card, data_sha256
        As the resolved suite has them.
    table
        The table that was searched; None where this machine does not have it, and of a live benchmark.
    why_not
        Why it does not have it; else empty.
    constraints
        What an architecture had to satisfy.
    """

    name: str
    card: Mapping[str, Any]
    data_sha256: str
    table: Table | None
    why_not: str = ""
    constraints: tuple[Constraint, ...] = ()

    @property
    def family(self) -> Family:
        """What a report must know of its kind."""
        return family_of(self.name)

    @property
    def dataset(self) -> str:
        """Name of the data set."""
        return str(self.card["dataset"])

    @property
    def unit(self) -> str:
        """Unit of validation and test scores."""
        return str(self.card["unit"])

    @property
    def sign(self) -> float:
        """1 where higher is better, -1 where lower is."""
        return 1.0 if self.card["direction"] == "max" else -1.0

    @property
    def best_test(self) -> float:
        """Best test score of a feasible architecture of the table; NaN without the table."""
        if self.table is None:
            return float("nan")
        return self.sign * float((self.sign * self.table.test)[self.feasible].max())

    @cached_property
    def feasible(self) -> NDArray[np.bool_]:
        """(n_rows,) whether each architecture of the table, which must be here, satisfies the constraints."""
        assert self.table is not None
        rows = feasible_rows(self.table, self.constraints)
        rows.setflags(write=False)  # many statistics are handed it
        return rows

    def draws(self, budget: Budget) -> int | None:
        """Return how many architectures random search evaluates at a budget; None by chance, and without the table.

        Where it is a number the exact law of as many draws is the baseline; else the simulated random search of the run.
        """
        return None if self.table is None or self.family.has_supernets else random_draws(self.table, budget)

    @cached_property
    def law(self) -> RandomSearchLaw | None:
        """The exact law of random search under the same constraints; None without the table."""
        return None if self.table is None else random_search_law(self.table, self.constraints)
