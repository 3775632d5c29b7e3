"""Cells of a run, run again as the run's own suite has them: at the seeds of a baseline, or at further ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.problem.budget import Budget
from harness.regression.baseline import Cell, cells_of_run
from harness.running.records import read_run
from harness.running.runner import run_suite
from harness.suites.suite import Suite


def run_again(
    output: Path, cells: Sequence[Cell], jobs: int, seeds: Sequence[int] | None = None
) -> dict[tuple[Any, ...], Cell]:
    """Run cells, method by method, in the run's folder ``check``.

    Parameters
    ----------
    output
        Folder of the run.
    cells
        Which ones; their references measure the new ones too.
    jobs
        Workers.
    seeds
        At which; None for all that the cells have.

    Returns
    -------
    dict
        Cells by identity, but for those of methods that are not run at any of the seeds.
    """
    _, _, resolved = read_run(output)
    again: dict[tuple[Any, ...], Cell] = {}
    for label in dict.fromkeys(cell.label for cell in cells):
        mine = [cell for cell in cells if cell.label == label]
        # Only whole groups of equal seeds and budget make a suite; there is one for each method as a rule.
        own = {int(seed) for cell in mine for seed in (*cell.seeds, *cell.infeasible)} if seeds is None else set(seeds)
        benchmarks = {cell.benchmark for cell in mine}
        suite = Suite.from_resolved(resolved, methods=[label], benchmarks=benchmarks, where=str(output))
        if not suite.methods[0].seeds_of(own):
            continue
        suite = replace(
            suite,
            name=f"{resolved['name']} check",
            budgets=tuple(dict.fromkeys(Budget(cell.budget_kind, cell.budget) for cell in mine)),
            seeds=tuple(sorted(own)),
        )
        folder = output / "check" / label.replace("/", "_")
        run_suite(suite, folder, jobs=jobs)
        again |= cells_of_run(folder, like={cell.identity: cell for cell in mine}).cells
    return again
