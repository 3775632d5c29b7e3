"""What every method found, and what that is worth in draws of random search."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from harness.reporting.run import FloatArray, Run
from harness.statistics import speed_up

EQUIVALENT_COLUMNS = (
    "benchmark",
    "dataset",
    "method",
    "budget",
    "n",
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
        One row a benchmark with a table and method with a finished cell: ``benchmark, dataset, method, budget, n, draws,
        draws_low, draws_high, speed_up, speed_up_low, speed_up_high``; infinite for never reached, NaN at the ends
        where there is no interval. The ends are those of the t interval of the mean.
    """
    rows: list[dict[str, Any]] = []
    for group, (benchmark, entrant) in enumerate(run.pairs):
        scores = run.scores(group)
        if benchmark.law is None or len(scores) == 0:
            continue
        found = speed_up(scores, benchmark.law, entrant.budget.amount)
        rates = {"speed_up": found.estimate, "speed_up_low": found.low, "speed_up_high": found.high}
        rows.append(
            {
                "benchmark": benchmark.name,
                "dataset": benchmark.dataset,
                "method": entrant.name,
                "budget": entrant.budget.amount,
                "n": len(scores),
                **{
                    key.replace("speed_up", "draws"): np.rint(rate * entrant.budget.amount)
                    for key, rate in rates.items()
                },
                **rates,
                "group": group,
                "is_check": entrant.is_check,
            }
        )
    return pd.DataFrame(rows, columns=[*EQUIVALENT_COLUMNS, "group", "is_check"])


def _mean(values: FloatArray) -> float:
    return float(values.mean()) if len(values) else np.nan


def _std(values: FloatArray) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else np.nan
