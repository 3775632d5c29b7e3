"""Aggregates over data sets on one scale: where each run stands between the average architecture and the table's best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from harness.problem.budget import Budget
from harness.reporting.frames.curves import EXACT
from harness.reporting.run import Benchmark, Entrant, FloatArray, Run
from harness.statistics import Estimate, interquartile_mean, interquartile_mean_of_law, performance_profile
from harness.statistics._validate import ROUNDING
from harness.streams import generator

ENOUGH = 5  # data sets from which on an aggregate says more than its parts (Agarwal et al. 2021)
IQM_COLUMNS = ("budget", "method", "datasets", "runs", "iqm", "low", "high", "note")
PROFILE_COLUMNS = ("budget", "method", "score", "share", "low", "high")
_THRESHOLDS = 101
_RESAMPLED = 20_000_000  # runs that a bootstrap draws in all, at most: with many runs it needs fewer resamples


def scaled(run: Run) -> tuple[Benchmark, ...]:
    """Return the benchmarks that have the scale: a table here, whose best architecture is better than the average.

    Random search is beside the methods: where a budget leaves its number of draws to chance there is no scale either.
    """
    return tuple(
        benchmark
        for benchmark in run.benchmarks
        if benchmark.law is not None
        and not np.isclose(benchmark.best_test, benchmark.law.mean(1), rtol=ROUNDING, atol=0.0)
        and all(benchmark.draws(budget) is not None for budget in run.budgets)
    )


def normalised(benchmark: Benchmark, scores: FloatArray) -> FloatArray:
    """Return test scores on a scale with ``random@1``, the average architecture, at 0 and the table's best at 100."""
    assert benchmark.law is not None
    average = benchmark.law.mean(1)
    return np.asarray(100.0 * (scores - average) / (benchmark.best_test - average), dtype=np.float64)


def interquartile_means(run: Run) -> pd.DataFrame:
    """Return the interquartile mean of all normalised runs on all tables, for each method and for random search, exactly.

    Returns
    -------
    DataFrame
        Columns `IQM_COLUMNS` and ``is_check``: the ends are those of the 95 % interval by stratified bootstrap (BCa),
        missing for random search (method `EXACT`), which has no error. Empty below `ENOUGH` tables.
    """
    rows: list[dict[str, Any]] = []
    tables = scaled(run)
    for budget in run.budgets if len(tables) >= ENOUGH else ():
        shared = {"budget": budget.amount, "datasets": len(tables), "low": np.nan, "high": np.nan, "note": ""}
        laws = [_law(benchmark, budget) for benchmark in tables]
        values, probability = (np.concatenate(parts) for parts in zip(*laws, strict=True))
        exact = {"method": EXACT, "runs": None, "iqm": interquartile_mean_of_law(values, probability)}
        rows.append(shared | exact | {"is_check": False})
        for entrant in _entrants(run, budget):
            tasks = _tasks(run, entrant, tables)
            runs = sum(map(len, tasks))
            row = shared | {"method": entrant.name, "runs": runs, "is_check": entrant.is_check}
            if absent := sum(len(task) == 0 for task in tasks):
                rows.append(row | {"iqm": np.nan, "note": f"no run on {absent} of them"})
                continue
            found = _iqm(tasks, runs)
            rows.append(row | {"iqm": found.estimate, "low": found.low, "high": found.high, "note": found.note})
    return pd.DataFrame(rows, columns=[*IQM_COLUMNS, "is_check"]).astype({"runs": "Int64"})


def profiles(run: Run) -> pd.DataFrame:
    """Return performance profiles: the share of runs above each normalised score, all tables weighing the same.

    Returns
    -------
    DataFrame
        Columns `PROFILE_COLUMNS`: the ends are those of a simultaneous 95 % band by stratified bootstrap, missing for
        random search (method `EXACT`), whose profile is exact. Methods without a run on some table are left out. Empty
        below `ENOUGH` tables.
    """
    frames = []
    tables = scaled(run)
    for budget in run.budgets if len(tables) >= ENOUGH else ():
        found = {entrant.name: _tasks(run, entrant, tables) for entrant in _entrants(run, budget)}
        found = {name: tasks for name, tasks in found.items() if all(map(len, tasks))}
        laws = [_law(benchmark, budget) for benchmark in tables]
        lowest = [float(np.quantile(np.concatenate(tasks), 0.02)) for tasks in found.values()]
        start = min([0.0, *(5.0 * np.floor(low / 5.0) for low in lowest)])
        thresholds = np.linspace(start, 100.0, _THRESHOLDS)
        exact = np.mean([_share_above(values, probability, thresholds) for values, probability in laws], axis=0)
        shared = {"budget": budget.amount, "score": thresholds}
        frames.append(pd.DataFrame(shared | {"method": EXACT, "share": exact, "low": np.nan, "high": np.nan}))
        for name, tasks in found.items():
            profile = performance_profile(tasks, thresholds, generator("report", "profile"))
            frames.append(pd.DataFrame(shared | {"method": name} | vars(profile)))
    columns = list(PROFILE_COLUMNS)
    return pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)


def _entrants(run: Run, budget: Budget) -> list[Entrant]:
    return [entrant for entrant in run.entrants if entrant.budget == budget]


def _tasks(run: Run, entrant: Entrant, tables: Sequence[Benchmark]) -> list[FloatArray]:
    """Return an entrant's normalised final scores, an array a table."""
    return [normalised(benchmark, run.scores(run.group(benchmark, entrant))) for benchmark in tables]


def _law(benchmark: Benchmark, budget: Budget) -> tuple[FloatArray, FloatArray]:
    """Return the normalised values that random search may end with, and their probabilities."""
    draws = benchmark.draws(budget)
    assert benchmark.law is not None
    assert draws is not None  # see `scaled`
    values, probability = benchmark.law.pmf(draws)
    return normalised(benchmark, values), probability


def _iqm(tasks: Sequence[FloatArray], runs: int) -> Estimate:
    resamples = max(200, min(2000, _RESAMPLED // runs))
    return interquartile_mean(tasks, generator("report", "interquartile mean"), n_bootstrap=resamples)


def _share_above(values: FloatArray, probability: FloatArray, thresholds: FloatArray) -> FloatArray:
    order = np.argsort(values, kind="stable")
    upto = np.r_[0.0, np.cumsum(probability[order])]
    return 1.0 - upto[np.searchsorted(values[order], thresholds, side="right")]
