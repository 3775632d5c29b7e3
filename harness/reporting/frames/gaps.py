"""Generalisation gaps by level and λ: MiLeNAS's Figure 2a as numbers, with the test images beside it."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from harness.reporting.frames.live import costs, curves
from harness.reporting.run import Entrant, Run

# Means over seeds after the last epoch: accuracies of the supernet and, trained from scratch, of what was recommended.
SUPERNET = {"supernet_train": "train_accuracy", "supernet_valid": "valid_accuracy", "supernet_gap": "valid_gap"}
TRAINED = {"train": "train_accuracy", "valid": "valid_accuracy", "test": "test_accuracy"}
TRAINED_GAPS = {"valid_gap": "valid_gap", "test_gap": "test_gap"}
GAPS = ("supernet_gap", *TRAINED_GAPS)
GAP_COLUMNS = (
    *("benchmark", "dataset", "method", "level", "lambda", "n", *SUPERNET, *TRAINED, *TRAINED_GAPS),
    *(f"{gap}_{end}" for gap in GAPS for end in ("low", "high")),
)


def gaps(run: Run) -> pd.DataFrame:
    """Return how far training accuracy is above that of other images after the last epoch, in points.

    Returns
    -------
    DataFrame
        Columns `GAP_COLUMNS`, a row a benchmark and method, by ``lambda``: the factor of the validation loss over that of the
        training loss, 0 of single-level and infinite of bilevel search; NaN of methods without a level, which come last.
        ``supernet_*`` are of the supernet, the others of the recommended architectures, trained from scratch; gaps have
        pointwise 95 % t intervals over ``n`` seeds, ``*_low, *_high``. NaN where there is no such training.
    """
    frame = run.of(curves)
    last = frame.groupby(["benchmark", "method", "phase"], sort=False)["epoch"].transform("max")
    names = ["benchmark", "method", "phase", "quantity"]
    ends = {tuple(row[name] for name in names): row for _, row in frame[frame["epoch"] == last].iterrows()}
    levels = run.of(costs).set_index(["benchmark", "method"])["level"]
    rows = []
    for benchmark, entrant in run.pairs:
        level = str(levels[benchmark.name, entrant.name])
        row: dict[str, Any] = {"benchmark": benchmark.name, "dataset": benchmark.dataset, "method": entrant.name}
        row |= {"level": level, "lambda": _lambda(level, entrant)}
        for phase, columns in (("search", SUPERNET), ("evaluation", TRAINED | TRAINED_GAPS)):
            for column, quantity in columns.items():
                if (end := ends.get((benchmark.name, entrant.name, phase, quantity))) is not None:
                    row |= {"n": end["n"], column: end["mean"]}
                    row |= {f"{column}_{side}": end[side] for side in ("low", "high") if column in GAPS}
        if "n" in row:
            rows.append(row)
    found = pd.DataFrame(rows, columns=list(GAP_COLUMNS))
    found = found.sort_values("lambda", kind="stable")
    return found.sort_values("benchmark", kind="stable", key=_places(run)).reset_index(drop=True)


def _places(run: Run) -> Any:
    places = {benchmark.name: place for place, benchmark in enumerate(run.benchmarks)}
    return lambda names: names.map(places)


def _lambda(level: str, entrant: Entrant) -> float:
    """Return λ of a level; NaN where it has none, or changes in the course of the search."""
    if level == "MixedLevel":
        params = entrant.method.params
        return float(params.get("lambda_valid", math.nan)) / float(params.get("lambda_train", 1.0))
    return {"SingleLevel": 0.0, "Bilevel": math.inf}.get(level, math.nan)
