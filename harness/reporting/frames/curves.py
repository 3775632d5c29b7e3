"""Curves: random search at every budget, incumbents over evaluations, and the distribution of final scores."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.reporting.run import FloatArray, Run, by_group
from harness.statistics import incumbents_on_grid, mean_band

EXACT = "random search, exact"  # what the law is called among the methods of a figure
_Z = 1.959964  # standard errors on each side of a 95 % interval
_GRID = 60  # points of a curve, at most
_LEVELS = 100  # points of a distribution, at most
# Column of the traces that says how much of a budget is spent.
SPENT = {"evaluations": "step", "epochs": "cumulative_epochs", "simulated_s": "cumulative_cost_s"}


def random_curves(run: Run) -> pd.DataFrame:
    """Return the exact law of random search at many budgets, from one draw to ten times the largest budget or 1,000.

    Returns
    -------
    DataFrame
        One row a benchmark with a table and n: ``benchmark, dataset, unit, n, mean, std, low, high`` (5 % and 95 %
        quantiles of one search), ``ri`` over ``random@1``, and ``is_shown`` (1, 2, 5, 10, ... and what the budgets pay for).
    """
    every = {benchmark.draws(budget) for benchmark in run.benchmarks for budget in run.budgets}
    budgets = {draws for draws in every if draws is not None}
    end = max(10 * max(budgets, default=0), 1000)
    shown = sorted({*budgets, *(n for k in range(12) for n in (10**k, 2 * 10**k, 5 * 10**k) if n <= end)})
    grid = np.union1d(_steps(end), shown)
    frames = []
    for benchmark in run.benchmarks:
        if (law := benchmark.law) is None:
            continue
        mean = law.mean(grid)
        columns = {
            "benchmark": benchmark.name,
            "dataset": benchmark.dataset,
            "unit": benchmark.unit,
            "n": grid,
            "mean": mean,
            "std": law.std(grid),
            "low": law.quantile(0.05, grid),
            "high": law.quantile(0.95, grid),
            "ri": benchmark.sign * 100.0 * (mean / mean[0] - 1.0) if mean[0] > 0 else np.nan,
            "is_shown": np.isin(grid, shown),
        }
        frames.append(pd.DataFrame(columns))
    return _joined(frames, ["benchmark", "dataset", "unit", "n", "mean", "std", "low", "high", "ri", "is_shown"])


def anytime(run: Run) -> pd.DataFrame:
    """Return mean incumbent test scores by what is spent, and the exact mean of random search beside them where it is known.

    Returns
    -------
    DataFrame
        Columns ``benchmark, dataset, unit, budget, method, step, mean, low, high, n``: step functions over the seeds with
        the pointwise 95 % t interval of their mean, NaN before all of them have an incumbent; ``step`` is in the unit of the
        budget. Rows of method `EXACT` have the law's mean, and the interval in which the mean of as many searches as the suite
        has seeds lies.
    """
    frames = []
    traces = by_group(run.traces)
    for benchmark in run.benchmarks:
        for budget in run.budgets:
            grid = _steps(budget.amount)
            shared = {
                "benchmark": benchmark.name,
                "dataset": benchmark.dataset,
                "unit": benchmark.unit,
                "budget": budget.amount,
            }
            draws = np.array([benchmark.draws(replace(budget, amount=int(step))) or 0 for step in grid])
            if benchmark.law is not None and draws.any():
                at, draws = grid[draws > 0], draws[draws > 0]
                mean, reach = benchmark.law.mean(draws), _Z * benchmark.law.std(draws) / np.sqrt(len(run.seeds))
                curve = {"method": EXACT, "step": at, "mean": mean, "low": mean - reach, "high": mean + reach}
                frames.append(pd.DataFrame(shared | curve | {"n": len(run.seeds)}))
            for entrant in run.entrants:
                group = run.group(benchmark, entrant)
                if run.has_supernets or entrant.budget != budget or len(run.finished(group)) == 0:
                    continue  # of a live search, no incumbent but the last one is ever tested
                if group not in traces:
                    continue  # a method may recommend without evaluating anything
                done = traces[group][traces[group]["cell"].isin(run.finished(group).index)]
                incumbents = incumbents_on_grid(done, grid, SPENT[budget.kind], "incumbent_test").to_numpy()
                band = mean_band(incumbents)
                curve = {"method": entrant.name, "step": grid, "mean": band.mean, "low": band.low, "high": band.high}
                frames.append(pd.DataFrame(shared | curve | {"n": len(incumbents)}))
    return _joined(frames, ["benchmark", "dataset", "unit", "budget", "method", "step", "mean", "low", "high", "n"])


def distributions(run: Run) -> pd.DataFrame:
    """Return cumulative distributions of final test scores, and the exact one of random search beside them.

    Returns
    -------
    DataFrame
        Columns ``benchmark, dataset, unit, budget, method, test, share``: the share of seeds (of probability, for method
        `EXACT`) with at most this test score.
    """
    frames = []
    for benchmark in run.benchmarks:
        for budget in run.budgets:
            shared = {
                "benchmark": benchmark.name,
                "dataset": benchmark.dataset,
                "unit": benchmark.unit,
                "budget": budget.amount,
            }
            draws = benchmark.draws(budget)
            if benchmark.law is not None and draws is not None:
                values, probability = benchmark.law.pmf(draws)
                frames.append(pd.DataFrame(shared | {"method": EXACT} | _steps_of_cdf(values, np.cumsum(probability))))
            for entrant in run.entrants:
                scores, counts = np.unique(run.scores(run.group(benchmark, entrant)), return_counts=True)
                if entrant.budget == budget and len(scores):
                    share = np.cumsum(counts) / counts.sum()
                    frames.append(pd.DataFrame(shared | {"method": entrant.name} | _steps_of_cdf(scores, share)))
    return _joined(frames, ["benchmark", "dataset", "unit", "budget", "method", "test", "share"])


def _steps(end: int) -> NDArray[np.int64]:
    """Return whole numbers from 1 to `end`, evenly spaced in logarithm, all of them while they are few."""
    if end <= _GRID:
        return np.arange(1, end + 1)
    return np.unique(np.rint(np.geomspace(1, end, _GRID)).astype(np.int64))


def _steps_of_cdf(values: FloatArray, share: FloatArray) -> dict[str, FloatArray]:
    """Return the points at which a distribution passes `_LEVELS` even levels: all its steps where they are few."""
    levels = (np.arange(_LEVELS) + 0.5) / _LEVELS
    at = np.unique(np.searchsorted(share, levels * share[-1]))
    return {"test": values[at], "share": share[at]}


def _joined(frames: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)
