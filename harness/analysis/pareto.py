"""Pareto fronts of benchmarks and runs, and the hypervolumes that methods reach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from harness.errors import HarnessError, unknown_name
from harness.reporting.figures import draw_front, draw_pareto
from harness.reporting.frames.pareto import HYPERVOLUME_COLUMNS, Goal, goals_of, hypervolumes, run_fronts, table_front
from harness.reporting.images import save_figure
from harness.reporting.run import load_run
from harness.running.records import RECORDS
from harness.tabular.catalogue import load_table
from harness.tabular.table import VALID


def pareto(
    what: str | Path,
    goals: Sequence[Goal] = (),
    score: str = VALID,
    reference: Mapping[str, float] | None = None,
    figure: Path | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the Pareto front of a table, and of a run the hypervolumes that its methods reach.

    Parameters
    ----------
    what
        Name of a benchmark, or the output folder of a run whose suite shows columns to methods (its key ``metrics``).
    goals
        Columns beside the score; of a run by default those that its suite shows.
    score
        ``"valid"`` or ``"test"``.
    reference
        Where hypervolumes begin, by column; see `harness.reporting.frames.pareto.hypervolumes`.
    figure
        File for a drawing of the score against the first goal, by its ending ``.svg``, ``.png`` or ``.pdf``.

    Returns
    -------
    front : DataFrame
        As of `harness.reporting.frames.pareto.table_front`.
    hypervolumes : DataFrame
        As of `harness.reporting.frames.pareto.hypervolumes`, without rows for a benchmark.
    """
    if unknown := [key for key in reference or {} if key != score and key not in [goal.column for goal in goals]]:
        raise unknown_name("goal", unknown[0], [score, *(goal.column for goal in goals)], "reference")
    if not (Path(what) / RECORDS).is_file():
        table = load_table(str(what))
        front = table_front(table, goals, score)
        if figure is not None:
            save_figure(figure, lambda: draw_front(table, goals[0], score))
        return front, pd.DataFrame(columns=HYPERVOLUME_COLUMNS)
    run = load_run(Path(what))
    goals = list(goals) or goals_of(run)
    if not run.evaluations:
        raise HarnessError(
            f'{what}: it kept no evaluations; they are kept where a suite shows columns: metrics = ["latency"]'
        )
    if not goals:
        raise HarnessError(f"{what}: wanted a goal beside the score, such as a column of its tables")
    if figure is not None:
        save_figure(figure, lambda: draw_pareto(run, goals[0], score))
    return run_fronts(run, goals, score), hypervolumes(run, goals, score, reference)[list(HYPERVOLUME_COLUMNS)]
