"""A finished run as the report sees it: the suite's own cells and, for every benchmark, the law of random search."""

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

from harness.errors import HarnessError
from harness.live.benchmark import is_live
from harness.live.one_shot import PREFIX as ONE_SHOT
from harness.problem.budget import Budget
from harness.problem.constraint import Constraint
from harness.reporting.words import stated
from harness.running.records import edited, read_epochs, read_evaluations, read_run
from harness.statistics import RandomSearchLaw
from harness.suites.catalogue import load_benchmark
from harness.suites.group import Group, MethodSpec, constraints_of, groups_of, method_spec
from harness.tabular.curves import random_draws
from harness.tabular.feasible import feasible_rows
from harness.tabular.law import random_search_law
from harness.tabular.table import Table

FloatArray = NDArray[np.float64]
T = TypeVar("T")
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
        """Whether this is random search, simulated, or random architectures: a check or a baseline, and no claim."""
        return self.method.name == "random" or self.is_average

    @property
    def is_unbounded(self) -> bool:
        """Whether it read whole tables, so that its budget says nothing."""
        return self.method.reads_whole_table

    @property
    def is_average(self) -> bool:
        """Whether this is the average of random architectures: the baseline of a live benchmark."""
        return self.method.name == "random-architecture"


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
    def is_live(self) -> bool:
        """Whether its architectures were trained in the run itself: there is no table of them."""
        return is_live(self.name)

    @property
    def is_one_shot(self) -> bool:
        """Whether a supernet was searched, and what it derived looked up in a table."""
        return self.name.startswith(ONE_SHOT)

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
        return None if self.table is None or self.is_one_shot else random_draws(self.table, budget)

    @cached_property
    def law(self) -> RandomSearchLaw | None:
        """The exact law of random search under the same constraints; None without the table."""
        return None if self.table is None else random_search_law(self.table, self.constraints)


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
        Records of the suite's cells in its order, with the columns of `harness.running.records.RECORD_COLUMNS` and ``group``,
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
    def is_live(self) -> bool:
        """Whether its benchmarks are live ones: no suite has both tables and live ones."""
        return self.benchmarks[0].is_live

    @property
    def has_supernets(self) -> bool:
        """Whether its searches are on supernets, live or judged by a table."""
        return self.is_live or self.benchmarks[0].is_one_shot

    @property
    def noun(self) -> str:
        """What its benchmarks are called."""
        return "live benchmark" if self.is_live else "table"

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

    @property
    def n_missing(self) -> int:
        """Cells of the suite that the records do not hold."""
        return len(self.keys) * len(self.seeds) - len(self.cells)


def load_run(folder: Path) -> Run:
    """Read a run folder, and the tables that it names.

    Raises
    ------
    HarnessError
        If the folder holds no finished run, or a file of it is damaged.
    """
    records, traces, resolved = read_run(folder)
    try:
        environment = json.loads((folder / "environment.json").read_text(encoding="utf-8"))
        benchmarks = tuple(_benchmark(name, resolved) for name in resolved["benchmarks"])
        methods = [method_spec(method) for method in resolved["methods"]]
        budgets = list(dict.fromkeys(Budget(**budget) for budget in resolved["budgets"]))
        seeds, groups = tuple(resolved["seeds"]), groups_of(resolved)
    except OSError as error:
        raise HarnessError(f"{folder / 'environment.json'}: {error.strerror}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise HarnessError(f"{folder}: damaged: suite.resolved.json or environment.json: {error!r}") from error
    entrants = tuple(
        Entrant(method.label if len(budgets) == 1 else f"{method.label}@{budget.short}", method, budget)
        for budget in budgets
        for method in methods
    )
    cells, traces = _own_cells(records, traces, groups, seeds)
    keys = tuple(group.key(min(seeds)) for group in groups)
    epochs = _own_epochs(read_epochs(folder), cells)
    edits = tuple(edited(folder))
    return Run(folder, resolved, environment, benchmarks, entrants, seeds, cells, traces, keys, epochs, edits)


def by_group(frame: pd.DataFrame) -> dict[int, pd.DataFrame]:
    """Return the rows of every group by its number."""
    return {cast(int, group): rows for group, rows in frame.groupby("group", sort=False)}


def _own_cells(
    records: pd.DataFrame, traces: pd.DataFrame, groups: Sequence[Group], seeds: Sequence[int]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the suite's records and traces; a folder may hold cells of other suites too."""
    keys = [group.key(seed) for group in groups for seed in seeds]
    place = pd.Index(records["cell"]).get_indexer(pd.Index(keys))
    group = np.repeat(np.arange(len(groups)), len(seeds))[place >= 0]
    cells = records.iloc[place[place >= 0]].assign(group=group).reset_index(drop=True)
    owner = pd.Index(cells["cell"]).get_indexer(pd.Index(traces["cell"]))
    columns = ["step", "cumulative_epochs", "cumulative_cost_s", "incumbent_test"]
    steps = traces.loc[owner >= 0, columns].reset_index(drop=True)
    return cells, steps.assign(cell=owner[owner >= 0], group=group[owner[owner >= 0]])


def _own_epochs(epochs: pd.DataFrame | None, cells: pd.DataFrame) -> pd.DataFrame:
    """Return the epochs of finished cells, in the order of these: one that failed is in no mean."""
    if epochs is None:
        return pd.DataFrame()
    own = cells.loc[cells["status"] == "ok", ["cell", "group", "seed", "method_params"]].reset_index(names="place")
    placed = own.merge(epochs, on="cell").sort_values("place", kind="stable", ignore_index=True)
    return stated(placed).drop(columns=["place", "method_params"])


def _benchmark(name: str, resolved: Mapping[str, Any]) -> Benchmark:
    card, data_sha256 = resolved["tables"][name], resolved["data_sha256"][name]
    if is_live(name):
        return Benchmark(name, card, data_sha256, None)
    try:
        found = load_benchmark(name)
        table = found if isinstance(found, Table) else found.table
        if table is not None:
            table.verify()
    except Exception as error:  # a plug-in's loader may raise anything
        return Benchmark(name, card, data_sha256, None, f"it cannot be loaded here ({_head(error)})")
    if found.sha256 != data_sha256:
        return Benchmark(name, card, data_sha256, None, "the one on this machine is not the one that was searched")
    return Benchmark(name, card, data_sha256, table, constraints=constraints_of(resolved))


def _head(error: Exception) -> str:
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0].partition(";")[0]
