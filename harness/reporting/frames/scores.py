"""What every method found, and what that is worth in draws of random search."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from harness.reporting.run import Benchmark, Entrant, FloatArray, Run
from harness.statistics import speed_up

EQUIVALENT_COLUMNS = (
    "benchmark",
    "dataset",
    "method",
    "budget",
    "n",
    "evaluations",
    "draws",
    "draws_low",
    "draws_high",
    "speed_up",
    "speed_up_low",
    "speed_up_high",
)


def summary(run: Run) -> pd.DataFrame:
    """Return one row a method and benchmark: its final scores over seeds, in the table's unit.

    Returns
    -------
    DataFrame
        Columns ``benchmark, dataset, method, budget, unit, n, n_failed``, mean, std, min, median and max of ``test`` and
        mean and std of ``valid``, ``best_test`` (of the table), ``regret`` (how far the mean is from it, at least 0),
        ``selection_loss`` (how much better the best test score among the evaluated architectures was, in the mean),
        and the means ``n_evaluations, n_unique, simulated_s, params, flops, latency``.
    """
    rows: list[dict[str, Any]] = []
    failed = run.cells[run.cells["status"] == "failed"].groupby("group").size()
    for group, (benchmark, entrant) in enumerate(run.pairs):
        done = run.finished(group)
        test, valid = run.scores(group), done["valid"].to_numpy(dtype=np.float64)
        rows.append(
            {
                "benchmark": benchmark.name,
                "dataset": benchmark.dataset,
                "method": entrant.name,
                "budget": entrant.budget.amount,
                "unit": benchmark.unit,
                "n": len(done),
                "n_failed": int(failed.get(group, 0)),
                "test_mean": _mean(test),
                "test_std": _std(test),
                "test_min": test.min() if len(test) else np.nan,
                "test_median": float(np.median(test)) if len(test) else np.nan,
                "test_max": test.max() if len(test) else np.nan,
                "valid_mean": _mean(valid),
                "valid_std": _std(valid),
                "best_test": benchmark.best_test,
                "regret": benchmark.sign * (benchmark.best_test - _mean(test)),
                "selection_loss": benchmark.sign * (_mean(done["test_best"].to_numpy()) - _mean(test)),
                **{column: _mean(done[column].to_numpy(dtype=np.float64)) for column in _MEANS},
                "group": group,
                "is_check": entrant.is_check,
            }
        )
    return pd.DataFrame(rows)


_MEANS = ("n_evaluations", "n_unique", "simulated_s", "params", "flops", "latency")


def random_equivalents(run: Run) -> pd.DataFrame:
    """Return how many random draws each method's mean is worth: the smallest n whose expected test score reaches it.

    Returns
    -------
    DataFrame
        One row a benchmark with a table and method with a finished cell: ``benchmark, dataset, method, budget, n,
        evaluations`` (that it made, in the mean; of a budget in epochs as many whole trainings as its epochs), ``draws,
        draws_low, draws_high``, infinite for never reached, NaN at the ends where there is no interval, and ``speed_up,
        speed_up_low, speed_up_high``, these over the evaluations, NaN for a method that makes none. The ends are those of the
        95 % t interval of the mean. No row where random search's number of trainings is left to chance.
    """
    rows: list[dict[str, Any]] = []
    for group, (benchmark, entrant) in enumerate(run.pairs):
        scores = run.scores(group)
        if benchmark.law is None or benchmark.draws(entrant.budget) is None or len(scores) == 0:
            continue
        evaluations = _trainings(benchmark, entrant, run.finished(group))
        found = speed_up(scores, benchmark.law, 1)
        draws = np.array([found.estimate, found.low, found.high])
        rates = draws / evaluations if evaluations > 0 else np.full(3, np.nan)
        rows.append(
            {
                "benchmark": benchmark.name,
                "dataset": benchmark.dataset,
                "method": entrant.name,
                "budget": entrant.budget.amount,
                "n": len(scores),
                "evaluations": evaluations,
                **dict(zip(("draws", "draws_low", "draws_high"), draws, strict=True)),
                **dict(zip(("speed_up", "speed_up_low", "speed_up_high"), rates, strict=True)),
                "group": group,
                "is_check": entrant.is_check,
            }
        )
    return pd.DataFrame(rows, columns=[*EQUIVALENT_COLUMNS, "group", "is_check"])


def _trainings(benchmark: Benchmark, entrant: Entrant, done: pd.DataFrame) -> float:
    """Return how many evaluations the searches made, in the mean; of a budget in epochs whole trainings of as many epochs."""
    table = benchmark.table
    if entrant.budget.kind == "epochs" and table is not None and table.epochs is not None:
        return float(done["epochs"].mean()) / table.epochs
    return float(done["n_evaluations"].mean())


def _mean(values: FloatArray) -> float:
    return float(values.mean()) if len(values) else np.nan


def _std(values: FloatArray) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else np.nan
