"""Supernets that are judged by a table: how they rank architectures, and what they derive."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from harness.errors import HarnessError
from harness.reporting.families.one_shot import OneShot
from harness.reporting.frames.live import of_phase
from harness.reporting.run import Run
from harness.statistics import mean_band
from harness.statistics.ranking import kendall

SHARED = "shared weights"  # phase of the rows that hold what architectures score with a supernet's weights
TOP = 0.2  # share of the sample, by the table's validation score, that is "the top"
# What is estimated for each method: mean over seeds, with its interval.
ESTIMATES = ("tau_valid", "tau_test", "tau_top", "regret")
RANKING_COLUMNS = (
    *("benchmark", "dataset", "method", "n", "sample"),
    *(f"{name}{end}" for name in ESTIMATES for end in ("", "_low", "_high")),
)


def scored(run: Run) -> pd.DataFrame:
    """Return what architectures score with a supernet's weights and in the table.

    Returns
    -------
    DataFrame
        Columns ``group, seed, arch, shared`` (validation accuracy with the shared weights), ``valid, test`` (the table's).
    """
    rows = of_phase(run, SHARED)
    names = {"valid_accuracy": "shared", "table_valid": "valid", "table_test": "test"}
    columns = ["group", "seed", "arch", *names.values()]
    return rows.rename(columns=names)[columns] if len(rows) else pd.DataFrame(columns=columns)


def supernet_rankings(run: Run) -> pd.DataFrame:
    """Return how each method's supernets rank a sample of architectures, and the regret of what they derive.

    Returns
    -------
    DataFrame
        Columns `RANKING_COLUMNS`: means over ``n`` seeds with 95 % t intervals over them. ``tau_valid, tau_test`` are Kendall's
        tau-b of the accuracy with the shared weights and the table's validation and test score, over ``sample`` architectures;
        ``tau_top`` that of validation among the best `TOP` of them by the table. ``regret`` is what the table's best test score
        is above that of the derived architecture, in the table's unit.
    """
    rows = []
    frame = run.of(scored)
    for number, (benchmark, entrant) in enumerate(run.pairs):
        if not isinstance(benchmark.family, OneShot):
            continue
        own = frame[frame["group"] == number]
        cells = [cell for _, cell in own.groupby("seed", sort=False)]
        estimates = {
            "tau_valid": [_tau(cell["shared"], cell["valid"]) for cell in cells],
            "tau_test": [_tau(cell["shared"], cell["test"]) for cell in cells],
            "tau_top": [_top(cell) for cell in cells],
            "regret": list(benchmark.sign * (benchmark.best_test - run.scores(number))),
        }
        row: dict[str, Any] = {
            "benchmark": benchmark.name,
            "dataset": benchmark.dataset,
            "method": entrant.name,
            "n": len(run.finished(number)),
            "sample": len(cells[0]) if cells else 0,
        }
        for name, values in estimates.items():
            row |= dict(zip((name, f"{name}_low", f"{name}_high"), estimate(values), strict=True))
        rows.append(row)
    return pd.DataFrame(rows, columns=list(RANKING_COLUMNS))


def _top(cell: pd.DataFrame) -> float:
    best = cell["valid"].nlargest(max(2, round(TOP * len(cell)))).index
    return _tau(cell.loc[best, "shared"], cell.loc[best, "valid"])


def _tau(x: pd.Series[float], y: pd.Series[float]) -> float:
    try:
        return kendall(x.to_numpy(), y.to_numpy())
    except HarnessError:  # a supernet that scores all alike ranks nothing
        return math.nan


def estimate(values: Sequence[float]) -> tuple[float, float, float]:
    """Return mean and ends of its 95 % t interval over the seeds that have a value; NaN where none has."""
    known = np.array([value for value in values if not math.isnan(value)])
    if not len(known):
        return math.nan, math.nan, math.nan
    band = mean_band(known[:, None])
    return float(band.mean[0]), float(band.low[0]), float(band.high[0])
