"""A finished run as the report sees it: all that a report is made from, by group of cells."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.problem.budget import Budget
from harness.problem.constraint import Constraint
from harness.reporting.families import Family
from harness.reporting.run.compared import PERCENT_UNITS, Benchmark, Entrant, FloatArray
from harness.running.records import read_evaluations
from harness.suites.group import constraints_of

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Run:
    """All that a report is made from.

    Attributes
    ----------
    folder
        The run folder.
    resolved, environment
        What ``suite.resolved.json`` and ``environment.json`` hold.
    benchmarks, entrants, seeds
        In the order of the suite.
    cells
        Records of the suite's cells in its order, with the columns of `harness.running.columns.RECORD_COLUMNS` and ``group``,
        the number of the pair (benchmark, entrant).
    traces
        Steps of these cells: ``cell`` (the row of `cells`), ``step, cumulative_epochs, cumulative_cost_s, incumbent_test,
        group``.
    keys
        Key of each group's first cell: what its records are found by.
    epochs
        Epochs of finished live cells, with ``group`` and ``seed`` too; without rows where there are none.
    edits
        Sentences on files that are not as the harness wrote them.
    """

    folder: Path
    resolved: Mapping[str, Any]
    environment: Mapping[str, Any]
    benchmarks: tuple[Benchmark, ...]
    entrants: tuple[Entrant, ...]
    seeds: tuple[int, ...]
    cells: pd.DataFrame
    traces: pd.DataFrame
    keys: tuple[str, ...]
    epochs: pd.DataFrame = field(default_factory=pd.DataFrame)
    edits: tuple[str, ...] = ()
    _computed: dict[Callable[..., Any], Any] = field(default_factory=dict, repr=False)

    def of(self, compute: Callable[[Run], T]) -> T:
        """Return what a function computes of this run; several sections share what is computed once."""
        if compute not in self._computed:
            self._computed[compute] = compute(self)
        return cast(T, self._computed[compute])

    @cached_property
    def pairs(self) -> list[tuple[Benchmark, Entrant]]:
        """Benchmarks and entrants by group number, as `harness.suites.suite.Suite.groups` numbers them."""
        every = itertools.product(self.benchmarks, self.entrants)
        return [(benchmark, entrant) for benchmark, entrant in every if entrant.method.runs_on(benchmark.name)]

    @cached_property
    def budgets(self) -> tuple[Budget, ...]:
        """The suite's budgets, which are of one kind."""
        return tuple(dict.fromkeys(entrant.budget for entrant in self.entrants))

    @property
    def unit(self) -> str:
        """What budgets are counted in: a plural noun."""
        return f"{self.budgets[0].noun}s"

    @property
    def family(self) -> Family:
        """Of its benchmarks: no suite has benchmarks of several."""
        return self.benchmarks[0].family

    @cached_property
    def titles(self) -> dict[str, str]:
        """What tables and figures call each benchmark: its data set, or its name where two share that or it is one word."""
        datasets = [benchmark.dataset for benchmark in self.benchmarks]
        return {
            b.name: b.dataset if "/" in b.name and datasets.count(b.dataset) == 1 else b.name for b in self.benchmarks
        }

    def group(self, benchmark: Benchmark, entrant: Entrant) -> int:
        """Return the number of a pair; -1, a group without cells, where the suite does not run this method on this benchmark."""
        return self._numbers.get((benchmark.name, entrant.name), -1)

    @cached_property
    def _numbers(self) -> dict[tuple[str, str], int]:
        return {(benchmark.name, entrant.name): number for number, (benchmark, entrant) in enumerate(self.pairs)}

    def anchor(self, group: int) -> str:
        """Return the name under which the page lists a group's cells."""
        return f"cells-{self.keys[group][:12]}"

    @cached_property
    def _finished(self) -> dict[int, pd.DataFrame]:
        return by_group(self.cells[self.cells["status"] == "ok"])

    def finished(self, group: int) -> pd.DataFrame:
        """Return the records of a group's cells that did not fail, in the order of the suite's seeds."""
        return self._finished.get(group, self.cells.iloc[:0])

    @cached_property
    def steps(self) -> dict[int, pd.DataFrame]:
        """Rows of `traces` by group number; groups without a step are left out."""
        return by_group(self.traces)

    @cached_property
    def _scores(self) -> dict[int, FloatArray]:
        return {group: self.finished(group)["test"].to_numpy(dtype=np.float64) for group in range(-1, len(self.keys))}

    def scores(self, group: int) -> FloatArray:
        """Return a group's final test scores, one a seed, in the table's own unit."""
        return self._scores[group]

    def common_scores(self, benchmark: Benchmark, entrants: Sequence[Entrant]) -> pd.DataFrame:
        """Return the final test scores of methods (rows, by name) over the seeds that all of them finished (columns)."""
        columns = {
            entrant.name: self.finished(self.group(benchmark, entrant)).set_index("seed")["test"]
            for entrant in entrants
        }
        return pd.DataFrame(columns).dropna().T

    @cached_property
    def _first_draws(self) -> dict[int, FloatArray]:
        first = by_group(self.traces[self.traces["step"] == 1])
        return {group: part["incumbent_test"].to_numpy(dtype=np.float64) for group, part in first.items()}

    def average_architecture(self, benchmark: Benchmark, budget: Budget) -> int | None:
        """Return the group of a live benchmark's random architectures; None if the run has none."""
        found = (entrant for entrant in self.entrants if entrant.is_average and entrant.budget == budget)
        entrant = next(found, None)
        return None if entrant is None else self.group(benchmark, entrant)

    def simulated_random(self, benchmark: Benchmark, budget: Budget) -> int | None:
        """Return the group of the simulated random search at a budget; None if the run has none."""
        checks = [
            entrant
            for entrant in self.entrants
            if entrant.is_check and not entrant.is_average and entrant.budget == budget
        ]
        if not checks:
            return None
        # Independent draws are what the exact law is of.
        best = max(checks, key=lambda entrant: bool(entrant.method.params.get("replace", True)))
        return self.group(benchmark, best)

    def sampled_random(self, benchmark: Benchmark, budget: Budget) -> FloatArray:
        """Return what the simulated random search of this run found within a budget, one score a seed; empty without one."""
        group = self.simulated_random(benchmark, budget)
        return np.empty(0) if group is None else self.scores(group)

    def first_draws(self, benchmark: Benchmark, budget: Budget) -> FloatArray:
        """Return what the first architecture of each simulated random search of this run scores; empty without one."""
        group = self.simulated_random(benchmark, budget)
        return np.empty(0) if group is None else self._first_draws.get(group, np.empty(0))

    @cached_property
    def evaluations(self) -> Mapping[str, NDArray[np.int64]]:
        """Rows that were evaluated, in order, by the key of the cell; empty where the suite shows no columns to methods."""
        return read_evaluations(self.folder)

    @property
    def constraints(self) -> tuple[Constraint, ...]:
        """What an architecture had to satisfy to be an answer."""
        return constraints_of(self.resolved)

    @property
    def in_percent(self) -> bool:
        """Whether all scores are shown in percent."""
        return all(benchmark.unit in PERCENT_UNITS for benchmark in self.benchmarks)

    def settings(self, group: int) -> dict[str, Any]:
        """Return how a group on a live benchmark was searched and evaluated, with nothing left to defaults; {} on a table."""
        benchmark, entrant = self.pairs[group]
        places = itertools.product(self.resolved["benchmarks"], self.budgets)
        shared = dict(zip(places, self.resolved["settings"], strict=True))[benchmark.name, entrant.budget]
        return dict(json.loads(entrant.method.settings(shared))) if shared else {}

    @property
    def n_missing(self) -> int:
        """Cells of the suite that the records do not hold."""
        return sum(len(entrant.method.seeds_of(self.seeds)) for _, entrant in self.pairs) - len(self.cells)


def by_group(frame: pd.DataFrame) -> dict[int, pd.DataFrame]:
    """Return the rows of every group by its number."""
    return {cast(int, group): rows for group, rows in frame.groupby("group", sort=False)}
