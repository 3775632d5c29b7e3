"""Curves: random search at every budget, incumbents over evaluations and their regret, distributions of final scores."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.reporting.run import Benchmark, Entrant, FloatArray, Run
from harness.statistics import area_under_regret, incumbents_on_grid, mean_difference, simultaneous_band
from harness.streams import generator

EXACT = "random search, exact"  # what the law is called among the methods of a figure
_GRID = 60  # points of a curve, at most
_RESAMPLES = 1000  # of a band's bootstrap, which make its width certain to about 1 %
_LEVELS = 100  # points of a distribution, at most
# Column of the traces that says how much of a budget is spent.
SPENT = {"evaluations": "step", "epochs": "cumulative_epochs", "simulated_s": "cumulative_cost_s"}
_EVERY = 512  # evaluations up to which the exact regret is taken at each; with more it is a sum over so many steps
AREA_COLUMNS = (
    *("benchmark", "dataset", "unit", "budget", "method", "n", "area", "low", "high"),
    *("random", "less", "less_low", "less_high", "note"),
)


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
            "ri": benchmark.sign * np.sign(mean[0]) * 100.0 * (mean / mean[0] - 1.0) if mean[0] != 0 else np.nan,
            "is_shown": np.isin(grid, shown),
        }
        frames.append(pd.DataFrame(columns))
    return _joined(frames, ["benchmark", "dataset", "unit", "n", "mean", "std", "low", "high", "ri", "is_shown"])


def anytime(run: Run) -> pd.DataFrame:
    """Return mean incumbent test scores by what is spent, and the exact mean of random search beside them where it is known.

    Returns
    -------
    DataFrame
        Columns ``benchmark, dataset, unit, budget, method, step, mean, low, high, n``: step functions over the seeds with a
        simultaneous 95 % band, which covers the whole mean curve at once, for each curve by itself; NaN before all of them
        have an incumbent. ``step`` is in the unit of the budget. Rows of method `EXACT` have the law's mean, which has no
        error and no band.
    """
    frames = []
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
                curve = {"method": EXACT, "step": grid[draws > 0], "mean": benchmark.law.mean(draws[draws > 0])}
                frames.append(pd.DataFrame(shared | curve | {"low": np.nan, "high": np.nan, "n": pd.NA}))
            for entrant in run.entrants:
                steps = _trace(run, benchmark, entrant)
                if steps is None or entrant.budget != budget:
                    continue
                incumbents = incumbents_on_grid(steps, grid, SPENT[budget.kind], "incumbent_test").to_numpy()
                band = simultaneous_band(incumbents, generator("report", "anytime"), n_bootstrap=_RESAMPLES)
                curve = {"method": entrant.name, "step": grid, "mean": band.mean, "low": band.low, "high": band.high}
                frames.append(pd.DataFrame(shared | curve | {"n": len(incumbents)}))
    columns = ["benchmark", "dataset", "unit", "budget", "method", "step", "mean", "low", "high", "n"]
    return _joined(frames, columns).astype({"n": "Int64"})


def areas_under_regret(run: Run) -> pd.DataFrame:
    """Return each method's mean regret over the logarithm of its evaluations, and random search's exact one beside it.

    Returns
    -------
    DataFrame
        One row a benchmark with a table and method, where budgets are in evaluations and nothing is constrained: columns
        `AREA_COLUMNS`, ``group`` and ``is_check``. Regret is the distance of the incumbent's test score from the best one in
        the table, in the table's unit; ``area`` is its mean over log evaluations from 1 to the budget, and over seeds, with
        its 95 % t interval ``low, high``; ``random`` the exact area of random search; ``less`` how much smaller the
        method's is, in percent of that, with its interval.
    """
    rows: list[dict[str, Any]] = []
    for group, (benchmark, entrant) in enumerate(run.pairs):
        steps, budget = _trace(run, benchmark, entrant), entrant.budget.amount
        if benchmark.law is None or steps is None or entrant.budget.kind != "evaluations" or budget < 2:
            continue
        if benchmark.constraints:
            continue  # there is no regret before a search has an answer
        grid = np.union1d([1, budget], steps["step"])
        incumbents = incumbents_on_grid(steps, grid, value="incumbent_test").to_numpy()
        areas = area_under_regret(_regret(benchmark, incumbents), grid)
        points = _steps(budget, _EVERY)
        random = float(area_under_regret(_regret(benchmark, benchmark.law.mean(points))[np.newaxis], points)[0])
        less = mean_difference(np.full_like(areas, random), areas, paired=True)
        percent = 100.0 / random if random > 0 else np.nan
        rows.append(
            {
                "benchmark": benchmark.name,
                "dataset": benchmark.dataset,
                "unit": benchmark.unit,
                "budget": budget,
                "method": entrant.name,
                "n": len(areas),
                "area": areas.mean(),
                "low": random - less.high,
                "high": random - less.low,
                "random": random,
                "less": percent * less.estimate,
                "less_low": percent * less.low,
                "less_high": percent * less.high,
                "note": less.note,
                "group": group,
                "is_check": entrant.is_check,
            }
        )
    return pd.DataFrame(rows, columns=[*AREA_COLUMNS, "group", "is_check"])


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


def _trace(run: Run, benchmark: Benchmark, entrant: Entrant) -> pd.DataFrame | None:
    """Return the steps of a pair's finished cells; None where there is none."""
    group = run.group(benchmark, entrant)
    if run.family.has_supernets or group not in run.steps:
        return None  # of a supernet, no incumbent but the last one is ever tested; some methods evaluate nothing
    steps = run.steps[group]
    done = steps[steps["cell"].isin(run.finished(group).index)]
    return done if len(done) else None


def _regret(benchmark: Benchmark, scores: FloatArray) -> FloatArray:
    return np.asarray(benchmark.sign * (benchmark.best_test - scores), dtype=np.float64)


def _steps(end: int, most: int = _GRID) -> NDArray[np.int64]:
    """Return whole numbers from 1 to `end`, evenly spaced in logarithm, all of them while they are at most `most`."""
    if end <= most:
        return np.arange(1, end + 1)
    return np.unique(np.rint(np.geomspace(1, end, most)).astype(np.int64))


def _steps_of_cdf(values: FloatArray, share: FloatArray) -> dict[str, FloatArray]:
    """Return the points at which a distribution passes `_LEVELS` even levels: all its steps where they are few."""
    levels = (np.arange(_LEVELS) + 0.5) / _LEVELS
    at = np.unique(np.searchsorted(share, levels * share[-1]))
    return {"test": values[at], "share": share[at]}


def _joined(frames: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)
