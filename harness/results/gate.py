"""Results from elsewhere in the regression gate: as cells of a baseline, or as what is checked against one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.errors import HarnessError
from harness.regression.baseline import Baseline, Cell
from harness.results.model import Results


def cells_of_results(results: Results, name: str, like: Mapping[tuple[Any, ...], Cell] | None = None) -> Baseline:
    """Return results as cells: a method on a data set each.

    Parameters
    ----------
    results
        Of any methods. A hundredth of an RI point is one of the mean of their baseline; where they have none, or several, of the
        mean of all methods' means.
    name
        What messages call them.
    like
        Cells, by identity, that are to be compared with: RI points are those of these.

    Raises
    ------
    HarnessError
        If a seed is no whole number, or only some scores of a method have one.
    """
    cells = {}
    for dataset in results.datasets:
        reference = _reference(results, dataset)
        for method in results.methods:
            runs = results.of(dataset, method)
            if len(runs) == 0:
                continue
            seeds, scores = _by_seed(runs, f"{dataset}: {method}")
            cell = Cell(
                benchmark=dataset,
                label=method,
                budget_kind="",
                budget=0,
                method=results.families.get(method, method),
                method_params="{}",
                data_sha256=f"{runs['unit'].iloc[0]}, {results.direction}",
                sign=int(results.sign),
                unit=str(runs["unit"].iloc[0]),
                reference=reference,
                seeds=seeds,
                valid=scores,
                test=scores,
            )
            old = (like or {}).get(cell.identity)
            cells[cell.identity] = cell if old is None else replace(cell, reference=old.reference)
    return Baseline(name, cells)


def _reference(results: Results, dataset: str) -> float:
    """Mean score of the baseline, or of all methods' means; 0 where the baseline has no score."""
    wanted = results.methods if results.baseline is None else [results.baseline]
    means = [float(runs["score"].mean()) for method in wanted if len(runs := results.of(dataset, method))]
    return abs(float(np.mean(means))) if means else 0.0


def _by_seed(runs: pd.DataFrame, where: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(n,) seeds, ascending, and scores; scores without seeds are numbered by size, so that their order says nothing."""
    scores = runs["score"].to_numpy(dtype=np.float64)
    blank = runs["seed"] == ""
    if blank.all():
        return np.arange(len(runs), dtype=np.int64), np.sort(scores)
    wrong = [seed for seed in runs["seed"] if not seed.isdecimal()]
    if wrong:
        said = (
            f"a score without a seed beside others that have one ({int(blank.sum())})"
            if blank.any()
            else f"seed {wrong[0]!r}"
        )
        raise HarnessError(f"{where}: {said}; wanted a whole number with every score, or none")
    seeds = runs["seed"].to_numpy(dtype=np.int64)
    order = np.argsort(seeds)
    return seeds[order], scores[order]
