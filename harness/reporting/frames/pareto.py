"""Accuracy against what it costs: Pareto fronts of tables, and the hypervolumes that methods reach.

Goals are a score and columns of a table. A hypervolume is of the score and one column, measured from a reference point, by
default the worst value of each in the table, and given in percent of the table's own; beside it stands the exact expectation
of random search with as many draws.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.errors import HarnessError, unknown_name
from harness.reporting.frames.curves import EXACT
from harness.reporting.run import Benchmark, FloatArray, Run
from harness.statistics import (
    Estimate,
    attained_by_draws,
    expected_hypervolume,
    holm,
    hypervolume,
    mean_difference,
    pareto_front,
)
from harness.tabular.feasible import feasible_rows
from harness.tabular.table import TEST, VALID, Table

HYPERVOLUME_COLUMNS = (
    *("benchmark", "dataset", "method", "budget", "goal", "n"),
    *("hypervolume", "ci_low", "ci_high", "random", "p_value", "p_holm", "note"),
)
_POINTS = 200  # of a curve, at most


@dataclass(frozen=True)
class Goal:
    """A column beside the score, and whether more of it is better.

    Attributes
    ----------
    column
        Its name.
    maximize
        Whether larger is better; smaller is, of latency, parameters, operations and energy.
    """

    column: str
    maximize: bool = False

    @property
    def sign(self) -> float:
        """1 where larger is better, -1 where smaller is."""
        return 1.0 if self.maximize else -1.0

    def __str__(self) -> str:
        return f"{self.column} ({'more' if self.maximize else 'less'} is better)"


def goals_of(run: Run) -> list[Goal]:
    """What a run's suite showed to methods beside the score, to be had with less of it; losses are the score once more."""
    return [Goal(column) for column in run.resolved["metrics"] if "loss" not in column]


def points_of(table: Table, goals: Sequence[Goal], score: str = VALID) -> FloatArray:
    """(n_rows, 1 + goals) a score and columns of a table, larger is better.

    Parameters
    ----------
    table, goals
        The table and which of its columns.
    score
        ``"valid"``, as a search sees it, or ``"test"``.
    """
    if score not in (VALID, TEST):
        raise unknown_name("score", score, (VALID, TEST))
    sign = 1.0 if table.direction == "max" else -1.0
    return np.column_stack([sign * table.column(score), *(goal.sign * table.column(goal.column) for goal in goals)])


def table_front(
    table: Table, goals: Sequence[Goal], score: str = VALID, feasible: NDArray[np.bool_] | None = None
) -> pd.DataFrame:
    """Return the Pareto front of a table.

    Parameters
    ----------
    table, goals, score
        As in `points_of`.
    feasible
        (n_rows,) rows that count; default all.

    Returns
    -------
    DataFrame
        ``benchmark, architecture, valid, test`` and the goals' columns, one row an architecture, the best score first.
    """
    if not goals:
        listed = ", ".join(sorted(set(table.columns) - {VALID, TEST}))
        raise HarnessError(
            f"benchmark {table.name}: a front needs a goal beside the score; columns are {listed or 'none'}"
        )
    points = points_of(table, goals, score)
    rows = np.arange(len(table)) if feasible is None else np.flatnonzero(feasible)
    rows = rows[pareto_front(points[rows])]
    rows = rows[np.argsort(-points[rows, 0], kind="stable")]
    columns = {
        name: table.columns[name][rows] for name in dict.fromkeys([VALID, TEST, *(goal.column for goal in goals)])
    }
    texts = [table.space.format(code) for code in table.codes[rows]]
    return pd.DataFrame({"benchmark": table.name, "architecture": texts} | columns)


def run_fronts(run: Run, goals: Sequence[Goal], score: str = VALID) -> pd.DataFrame:
    """Return the fronts of all tables of a run, as `table_front` does, of feasible architectures."""
    fronts = [
        table_front(one.table, goals, score, feasible_rows(one.table, one.constraints))
        for one in run.benchmarks
        if one.table is not None
    ]
    return pd.concat(fronts, ignore_index=True) if fronts else pd.DataFrame()


def hypervolumes(
    run: Run, goals: Sequence[Goal], score: str = VALID, reference: Mapping[str, float] | None = None
) -> pd.DataFrame:
    """Return the hypervolume of what each method evaluated, beside random search's exact expectation.

    Parameters
    ----------
    run
        A run on tables whose suite shows columns to methods, so that what was evaluated is kept.
    goals
        Each with the score is a row of its own.
    score
        As in `points_of`.
    reference
        Where the area begins, by column, in the table's units; default the worst value in the table.

    Returns
    -------
    DataFrame
        The columns `HYPERVOLUME_COLUMNS`, and ``group, is_check``: means over seeds with 95 % t intervals, and ``random``, the
        exact expectation for as many draws, all in percent of the table's own hypervolume; ``p_value`` is two-sided, that
        the mean is random search's, ``p_holm`` adjusted over all claims: simulated random search is a check.
    """
    areas: dict[tuple[str, str], _Area] = {}  # the same for all methods
    rows: list[dict[str, Any]] = []
    for group, (benchmark, entrant) in enumerate(run.pairs):
        for goal in goals if benchmark.table is not None else ():
            if (key := (benchmark.name, goal.column)) not in areas:
                areas[key] = _Area(benchmark, goal, score, reference or {})
            area, draws = areas[key], benchmark.draws(entrant.budget)
            found = np.array([area.of(rows) for rows in _evaluated(run, group).values()])
            random = np.nan if draws is None else area.of_random(draws)
            estimate = Estimate(
                np.nan, np.nan, np.nan, 0.95, "t", note=area.why_not if len(found) else "no evaluations were kept"
            )
            p_value = np.nan
            if len(found) and not area.why_not:
                estimate = mean_difference(found, np.zeros_like(found), paired=True)
                if draws is not None:
                    p_value = mean_difference(found, np.full_like(found, random), paired=True).p_value
            rows.append(
                {
                    "benchmark": benchmark.name,
                    "dataset": benchmark.dataset,
                    "method": entrant.name,
                    "budget": entrant.budget.amount,
                    "goal": goal.column,
                    "n": len(found),
                    "hypervolume": estimate.estimate,
                    "ci_low": estimate.low,
                    "ci_high": estimate.high,
                    "random": random,
                    "p_value": p_value,
                    "p_holm": np.nan,
                    "note": estimate.note,
                    "group": group,
                    "is_check": entrant.is_check,
                }
            )
    frame = pd.DataFrame(rows, columns=[*HYPERVOLUME_COLUMNS, "group", "is_check"])
    claims = frame["p_value"].mask(frame["is_check"].astype(bool))
    return frame.assign(p_holm=holm(claims.to_numpy(dtype=np.float64)))


def hypervolumes_of(run: Run, group: int, goal: Goal, score: str = VALID) -> dict[str, float]:
    """Return the hypervolumes of a group's searches, in percent of the table's own, by the key of the cell."""
    benchmark, _ = run.pairs[group]
    if benchmark.table is None:
        return {}
    area = _Area(benchmark, goal, score, {})
    return {cell: area.of(rows) for cell, rows in _evaluated(run, group).items()}


def attainment(run: Run, benchmark: Benchmark, goal: Goal, score: str = VALID) -> pd.DataFrame:
    """Return what half of a method's searches attain on a table, for every method, and what random search does.

    Returns
    -------
    DataFrame
        ``method, column, score``: the best score that at least half of the seeds reach with no worse a value of the column,
        in the table's own units, where there is one (Fonseca & Fleming 1996: the median attainment surface). Method `EXACT`
        is random search, exactly, with as many draws as the largest budget has; without rows where that is unknown.
    """
    assert benchmark.table is not None
    table, sign = benchmark.table, benchmark.sign
    points = points_of(table, [goal], score)
    frames = []

    def add(name: str, values: FloatArray, scores: FloatArray) -> None:
        known = np.isfinite(scores)
        frame = pd.DataFrame({"column": goal.sign * values[known], "score": sign * scores[known]})
        frames.append(frame.assign(method=name))

    draws = max((count for budget in run.budgets if (count := benchmark.draws(budget))), default=None)
    if draws is not None:
        levels = _some(points[benchmark.feasible, 1])
        scores = attained_by_draws(points, levels, draws, 0.5, table.weights, benchmark.feasible)
        add(EXACT, levels, scores)
    points[~benchmark.feasible] = -np.inf
    for entrant in run.entrants:
        sets = [points[rows] for rows in _evaluated(run, run.group(benchmark, entrant)).values()]
        levels = _some(np.concatenate([one[:, 1] for one in sets])) if sets else np.empty(0)
        best = [[one[one[:, 1] >= level, 0].max(initial=-np.inf) for level in levels] for one in sets]
        # What half of them reach.
        add(entrant.name, levels, np.sort(best, axis=0)[len(sets) // 2] if len(levels) else np.empty(0))
    return pd.concat(frames, ignore_index=True)


def _some(values: FloatArray) -> FloatArray:
    """Return the distinct finite values, thinned to what a curve needs."""
    values = np.unique(values[np.isfinite(values)])
    return values[np.unique(np.linspace(0, len(values) - 1, _POINTS).astype(int))] if len(values) else values


class _Area:
    """Hypervolumes on one table, in percent of its own; NaN where that is nothing, and `why_not` says so."""

    def __init__(self, benchmark: Benchmark, goal: Goal, score: str, reference: Mapping[str, float]) -> None:
        table = benchmark.table
        assert table is not None
        self._points, self._feasible, self._weights = points_of(table, [goal], score), benchmark.feasible, table.weights
        self._reference = self._points.min(axis=0)
        for place, (column, sign) in enumerate(((score, benchmark.sign), (goal.column, goal.sign))):
            if column in reference:
                self._reference[place] = sign * reference[column]
        self._whole = hypervolume(self._points[self._feasible], self._reference)
        self._random: dict[int, float] = {}  # by number of draws
        self.why_not = "" if self._whole > 0 else "no architecture is better than the reference point in both goals"
        if self.why_not and {score, goal.column} & set(reference):
            raise HarnessError(f"benchmark {table.name}: {self.why_not}")

    def of(self, rows: NDArray[np.int64]) -> float:
        if self.why_not:
            return np.nan
        return 100.0 * hypervolume(self._points[rows[self._feasible[rows]]], self._reference) / self._whole

    def of_random(self, draws: int) -> float:
        if self.why_not:
            return np.nan
        if draws not in self._random:  # a sum over the whole table
            area = expected_hypervolume(self._points, self._reference, draws, self._weights, self._feasible)
            self._random[draws] = 100.0 * area / self._whole
        return self._random[draws]


def _evaluated(run: Run, group: int) -> dict[str, NDArray[np.int64]]:
    """Return the rows that each search of a group evaluated, by the key of its cell; searches that failed are left out."""
    cells = run.cells[(run.cells["group"] == group) & (run.cells["status"] != "failed")]
    return {cell: run.evaluations[cell] for cell in cells["cell"] if cell in run.evaluations}
