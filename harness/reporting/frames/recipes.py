"""Recipes that searches chose together with the architecture that they are for."""

from __future__ import annotations

import numpy as np
import pandas as pd

from harness.reporting.frames.live import of_phase
from harness.reporting.run import Run
from harness.training.settings import CHOSEN

RECIPE_COLUMNS = ("benchmark", "dataset", "method", *CHOSEN, "seeds", "valid", "test")


def recipes(run: Run) -> pd.DataFrame:
    """Return the recipes that were chosen, the commonest of a method first.

    Returns
    -------
    DataFrame
        Columns `RECIPE_COLUMNS`: values of the recipe (NaN where a method chooses no such value), at how many ``seeds`` it was
        chosen, and mean accuracies (percent) after the last epoch of the final trainings by it.
    """
    trained = of_phase(run, "evaluation")
    columns = [f"recipe_{key}" for key in CHOSEN]
    if trained.columns.intersection(columns).empty:
        return pd.DataFrame(columns=list(RECIPE_COLUMNS))
    trained = trained.reindex(columns=[*trained.columns, *(key for key in columns if key not in trained)])
    # An epoch's own learning rate gives way to that which the training began with.
    last = trained.groupby("cell", sort=False).tail(1).dropna(subset=columns, how="all")
    last = last.assign(**{key: last[f"recipe_{key}"] for key in CHOSEN})
    pairs = [run.pairs[group] for group in last["group"]]
    last = last.assign(
        benchmark=[benchmark.name for benchmark, _ in pairs],
        dataset=[benchmark.dataset for benchmark, _ in pairs],
        method=[entrant.name for _, entrant in pairs],
    )
    accuracies = {"seeds": ("cell", "nunique"), "valid": ("valid_accuracy", "mean"), "test": ("test_accuracy", "mean")}
    counted = last.groupby(["group", *RECIPE_COLUMNS[:-3]], sort=True, dropna=False).agg(**accuracies).reset_index()
    order = np.lexsort([-counted["seeds"], counted["group"]])
    return counted.iloc[order].reset_index(drop=True)[list(RECIPE_COLUMNS)]
