"""Reading a run folder for a report, and the tables that it names."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from harness.errors import HarnessError
from harness.problem.budget import Budget
from harness.reporting.families import family_of
from harness.reporting.run.compared import Benchmark, Entrant
from harness.reporting.run.model import Run
from harness.reporting.words import with_words
from harness.running.folder import frames_of
from harness.running.records import JOURNAL, SUITE, edited, read_epochs, read_resolved, read_run
from harness.suites.catalogue import load_benchmark
from harness.suites.group import Group, cells_of, constraints_of, groups_of, method_spec
from harness.tabular.table import Table


def load_run(folder: Path, *, partial: bool = False) -> Run:
    """Read a run folder, and the tables that it names.

    Parameters
    ----------
    folder
        Output folder of a run.
    partial
        Whether a run that has not come to its end is read, too.

    Raises
    ------
    HarnessError
        If the folder holds no finished run, or a file of it is damaged.
    """
    if partial and (folder / JOURNAL).exists():
        there, resolved = frames_of(folder), read_resolved(folder / SUITE)
        records, traces, epochs = there.records, there.traces, there.epochs
    else:
        records, traces, resolved = read_run(folder)
        tracked = read_epochs(folder)
        epochs = pd.DataFrame() if tracked is None else tracked
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
    keys = tuple(group.key(min(group.method.seeds_of(seeds))) for group in groups)
    own, edits = _own_epochs(epochs, cells), tuple(edited(folder))
    return Run(folder, resolved, environment, benchmarks, entrants, seeds, cells, traces, keys, own, edits)


def _own_cells(
    records: pd.DataFrame, traces: pd.DataFrame, groups: Sequence[Group], seeds: Sequence[int]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the suite's records and traces; a folder may hold cells of other suites too."""
    wanted = cells_of(groups, seeds)
    number = {group: place for place, group in enumerate(groups)}
    place = pd.Index(records["cell"]).get_indexer(pd.Index(list(wanted)))
    group = np.array([number[group] for group, _ in wanted.values()])[place >= 0]
    cells = records.iloc[place[place >= 0]].assign(group=group).reset_index(drop=True)
    owner = pd.Index(cells["cell"]).get_indexer(pd.Index(traces["cell"]))
    columns = ["step", "cumulative_epochs", "cumulative_cost_s", "incumbent_test"]
    steps = traces.loc[owner >= 0, columns].reset_index(drop=True)
    return cells, steps.assign(cell=owner[owner >= 0], group=group[owner[owner >= 0]])


def _own_epochs(epochs: pd.DataFrame, cells: pd.DataFrame) -> pd.DataFrame:
    """Return the epochs of finished cells, in the order of these: one that failed is in no mean."""
    if not len(epochs):
        return pd.DataFrame()
    own = cells.loc[cells["status"] == "ok", ["cell", "group", "seed", "method_params"]].reset_index(names="place")
    placed = own.merge(epochs, on="cell").sort_values("place", kind="stable", ignore_index=True)
    return with_words(placed).drop(columns=["place", "method_params"])


def _benchmark(name: str, resolved: Mapping[str, Any]) -> Benchmark:
    card, data_sha256 = resolved["tables"][name], resolved["data_sha256"][name]
    if family_of(name).trains:
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
