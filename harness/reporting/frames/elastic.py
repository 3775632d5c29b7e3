"""Elastic supernets: is what a network inherits what it would reach alone, within bounds too, and what does one training save?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from harness.live.one_shot import ELASTIC
from harness.reporting.frames.live import of_phase
from harness.reporting.frames.one_shot import estimate, scored
from harness.reporting.run import Benchmark, Run
from harness.statistics.regions import Region, place

QUANTILES = (25, 50, 75)  # of the number of parameters, whose values are bounds
EQUAL = 1.0  # points within which inherited and stand-alone accuracy count as equal
_ESTIMATES = ("gap", "distance", *(f"regret_{quantile}" for quantile in QUANTILES))
INHERITED_COLUMNS = (
    *("benchmark", "dataset", "method", "n", "sample"),
    *(f"{name}{end}" for name in _ESTIMATES for end in ("", "_low", "_high")),
    *("p_equal", "epochs", "passes", "pays_from"),
)


def inherited(run: Run) -> pd.DataFrame:
    """Return what networks score with the weights of an elastic supernet beside what they reach alone.

    Returns
    -------
    DataFrame
        Columns `INHERITED_COLUMNS`, means over ``n`` seeds with 95 % t intervals, points of accuracy. Over ``sample`` networks:
        ``gap``, by how much validation accuracy with the inherited weights is above that of a training of its own, and
        ``distance``, its mean size; ``p_equal`` of two one-sided t tests of "the gap is 1 point or more, either way".
        ``regret_Q``: of the networks of the sample with at most as many parameters as Q percent of the table's have, by how much
        the best test score is above that of the one whose inherited accuracy is best. ``epochs`` of the training; ``passes``, in
        epochs of single passes; ``pays_from``: for so many bounds and more it takes fewer passes than training a network of its
        own for each. Empty where no supernet is elastic.
    """
    rows = []
    frame = run.of(scored)
    for number, (benchmark, entrant) in enumerate(run.pairs):
        if not benchmark.name.startswith(ELASTIC):
            continue
        own = frame[frame["group"] == number]
        cells = [cell for _, cell in own.groupby("seed", sort=False)]
        if not cells:
            continue
        gaps = [float((cell["shared"] - cell["valid"]).mean()) for cell in cells]
        estimates: dict[str, Sequence[float]] = {
            "gap": gaps,
            "distance": [float((cell["shared"] - cell["valid"]).abs().mean()) for cell in cells],
        }
        regrets = [_regrets(benchmark, cell) for cell in cells]
        estimates |= {f"regret_{quantile}": [one[quantile] for one in regrets] for quantile in QUANTILES}
        row: dict[str, Any] = {
            "benchmark": benchmark.name,
            "dataset": benchmark.dataset,
            "method": entrant.name,
            "n": len(cells),
            "sample": len(cells[0]),
            "p_equal": _p_equal(np.array(gaps)),
        }
        for name, values in estimates.items():
            row |= dict(zip((name, f"{name}_low", f"{name}_high"), estimate(values), strict=True))
        rows.append(row | _spent(run, benchmark, number))
    return pd.DataFrame(rows, columns=list(INHERITED_COLUMNS))


def _regrets(benchmark: Benchmark, cell: pd.DataFrame) -> dict[int, float]:
    """By quantile; NaN where no network of the sample is within its bound."""
    table = benchmark.table
    assert table is not None
    params = table.column("params")
    bounds = np.quantile(np.repeat(params, table.weights.astype(int)), np.array(QUANTILES) / 100)
    places = [table.rows[table.space.index(table.space.parse(text))] for text in cell["arch"]]
    found = {}
    for quantile, bound in zip(QUANTILES, bounds, strict=True):
        within = cell[params[places] <= bound]
        chosen = within["test"].iloc[int(within["shared"].argmax())] if len(within) else math.nan
        found[quantile] = float(within["test"].max() - chosen)
    return found


def _p_equal(gaps: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    error = float(gaps.std(ddof=1) / math.sqrt(len(gaps))) if len(gaps) > 1 else 0.0
    return place(float(gaps.mean()), error, len(gaps) - 1, Region(-EQUAL, EQUAL)).p_inside if error > 0 else math.nan


def _spent(run: Run, benchmark: Benchmark, group: int) -> dict[str, Any]:
    """Epochs of a search, its passes in epochs of single ones, and for how many bounds it is worth that."""
    rows = of_phase(run, "search")
    rows = rows[rows["group"] == group]
    sums = rows.groupby("seed")[["passes", "steps"]].sum()
    epochs = rows.groupby("seed").size()
    passes = float((sums["passes"] / sums["steps"] * epochs).mean())
    alone = int(benchmark.card["source"]["recording"]["spec"]["recipe"]["epochs"])
    return {"epochs": int(epochs.max()), "passes": passes, "pays_from": math.ceil(passes / alone)}
