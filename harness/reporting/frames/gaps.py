"""Generalisation gaps by level and λ: MiLeNAS's Figure 2a as numbers, with the test images beside it."""

from __future__ import annotations

from typing import Any

import pandas as pd

from harness.reporting.frames.live import costs, curves
from harness.reporting.run import Run
from harness.reporting.words import PATH

# Of each phase what is shown: a quantity of `curves`, after the last epoch, by its column.
SUPERNET = {"supernet_train": "train_accuracy", "supernet_valid": "valid_accuracy", "supernet_gap": "valid_gap"}
TRAINED = {
    **{"train": "train_accuracy", "valid": "valid_accuracy", "test": "test_accuracy"},
    **{"valid_gap": "valid_gap", "test_gap": "test_gap"},
}
WITH_INTERVALS = ("supernet_gap", "valid_gap", "test_gap")
GAP_COLUMNS = (
    *("benchmark", "dataset", "method", "level", "order", "lambda", "n", *SUPERNET, *TRAINED),
    *(f"{gap}_{end}" for gap in WITH_INTERVALS for end in ("low", "high")),
)


def gaps(run: Run) -> pd.DataFrame:
    """Return how far training accuracy is above that of other images after the last epoch, in points.

    Returns
    -------
    DataFrame
        Columns `GAP_COLUMNS`, a row a benchmark and method, by ``lambda``: the factor of the validation loss over that of the
        training loss, 0 of single-level and infinite of bilevel search; NaN of methods without a level or with several, which
        come last. ``supernet_*`` are of the supernet, the others of the recommended architectures, trained from scratch; gaps
        have pointwise 95 % t intervals over ``n`` seeds, ``*_low, *_high``. NaN where there is no such training, and of the
        supernet of random search with weight sharing, of which each step trains another path.
    """
    frame = run.of(curves)
    last = frame.groupby(["benchmark", "method", "phase"], sort=False)["epoch"].transform("max")
    names = ["benchmark", "method", "phase", "quantity"]
    ends = {tuple(row[name] for name in names): row for _, row in frame[frame["epoch"] == last].iterrows()}
    levels = {(str(row["benchmark"]), str(row["method"])): row for _, row in run.of(costs).iterrows()}
    rows = []
    for place, benchmark in enumerate(run.benchmarks):
        for entrant in (one for own, one in run.pairs if own is benchmark):
            cost = levels[benchmark.name, entrant.name]
            level = str(cost["level"])
            row: dict[str, Any] = {"benchmark": benchmark.name, "dataset": benchmark.dataset, "method": entrant.name}
            row |= {"level": level, "order": cost["order"], "lambda": cost["lambda"], "place": place}
            for phase, columns in (("search", SUPERNET), ("evaluation", TRAINED)):
                for column, quantity in columns.items() if (phase, cost["pass"]) != ("search", PATH) else ():
                    if (end := ends.get((benchmark.name, entrant.name, phase, quantity))) is not None:
                        row |= {"n": end["n"], column: end["mean"]}
                        row |= {f"{column}_{side}": end[side] for side in ("low", "high") if column in WITH_INTERVALS}
            if "n" in row:
                rows.append(row)
    found = pd.DataFrame(rows, columns=[*GAP_COLUMNS, "place"])
    return found.sort_values(["place", "lambda"], kind="stable", ignore_index=True)[list(GAP_COLUMNS)]
