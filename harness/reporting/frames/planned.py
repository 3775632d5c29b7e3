"""Pairs of methods that a suite names before it is run: seed by seed, and what each statistic would take."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from harness.errors import HarnessError
from harness.reporting.frames.collapse import collapsed
from harness.reporting.run import Benchmark, Entrant, Run
from harness.statistics import (
    holm,
    mean_difference,
    paired_win_probability,
    seeds_for_rates,
    seeds_for_wins,
    seeds_needed,
)
from harness.statistics._validate import FloatArray


class Plan(NamedTuple):
    """What is to be found: a relative improvement (percent), with a power, at a level."""

    detect: float = 2.0
    power: float = 0.8
    level: float = 0.05


PLAN = Plan()
PLANNED_COLUMNS = (
    *("benchmark", "dataset", "a", "b", "n", "wins", "ties", "losses"),
    *("win_probability", "win_low", "win_high", "p_value", "p_holm", "seeds_win"),
    *("ri", "ri_low", "ri_high", "median_difference", "seeds_ri"),
    *("collapsed_a", "collapsed_b", "seeds_collapse"),
)


def planned_pairs(run: Run) -> pd.DataFrame:
    """Return the pairs that the suite names, in its order; empty where it names none.

    Returns
    -------
    DataFrame
        Columns `PLANNED_COLUMNS`, a row a benchmark, budget and pair; see `pair_of`. ``p_holm`` is adjusted over all rows.
    """
    rows = [
        pair_of(run, benchmark, entrants[a], entrants[b])
        for budget in run.budgets
        for entrants in [{one.method.label: one for one in run.entrants if one.budget == budget}]
        for benchmark in run.benchmarks
        for a, b in run.resolved.get("pairs", ())
        if all(entrants[label].method.runs_on(benchmark.name) for label in (a, b))
    ]
    frame = pd.DataFrame(rows, columns=[name for name in PLANNED_COLUMNS if name != "p_holm"])
    frame = frame.assign(p_holm=holm(frame["p_value"].to_numpy(dtype=np.float64)))
    return frame[list(PLANNED_COLUMNS)]


def pair_of(run: Run, benchmark: Benchmark, a: Entrant, b: Entrant, plan: Plan = PLAN) -> dict[str, Any]:
    """Return the comparison of two methods over the ``n`` seeds that both finished.

    Returns
    -------
    dict
        ``win_probability`` with its 95 % interval ``win_low, win_high`` and the ``p_value`` of the exact sign test; ``ri``, the
        difference of the means in percent of the size of b's, with the paired t interval ``ri_low, ri_high``, in which one
        collapsed seed may outweigh all others; ``median_difference`` of the scores, positive where a is better;
        ``collapsed_a, collapsed_b`` of the n seeds. And the seeds that it takes by `plan`: ``seeds_win`` find the win probability
        that is seen here, ``seeds_collapse`` the difference of the rates of collapse, ``seeds_ri`` the RI of the plan at the
        deviation that is seen. Infinite where there is nothing to be found, NaN where nothing can be said.
    """
    head = {"benchmark": benchmark.name, "dataset": benchmark.dataset, "a": a.name, "b": b.name}
    groups = [run.group(benchmark, one) for one in (a, b)]
    scores = benchmark.sign * run.common_scores(benchmark, (a, b))
    first, second = scores.to_numpy(dtype=np.float64)
    row = head | seed_by_seed(first, second, plan)
    if run.family.has_supernets and row["n"]:
        gone = [
            pd.Series(collapsed(run, group), run.finished(group)["seed"]).reindex(scores.columns) for group in groups
        ]
        shares = [float(one.mean()) for one in gone]
        row |= {"collapsed_a": int(gone[0].sum()), "collapsed_b": int(gone[1].sum())}
        row["seeds_collapse"] = seeds_for_rates(shares[0], shares[1], *plan[1:])
    return row


def seed_by_seed(first: FloatArray, second: FloatArray, plan: Plan = PLAN) -> dict[str, Any]:
    """Return what `pair_of` says of two methods from their scores (n,) at common seeds, higher being better."""
    n = len(first)
    row: dict[str, Any] = {"n": n}
    if n == 0:
        return row
    gap, wins = first - second, paired_win_probability(first, second)
    row |= {"wins": int((gap > 0).sum()), "ties": int((gap == 0).sum()), "losses": int((gap < 0).sum())}
    row |= {"win_probability": wins.estimate, "win_low": wins.low, "win_high": wins.high, "p_value": wins.p_value}
    row |= {"median_difference": float(np.median(gap))}
    row["seeds_win"] = seeds_for_wins(wins.estimate, row["ties"] / n, *plan[1:]) if row["ties"] < n else math.inf
    unit = abs(float(second.mean()))
    if unit == 0:
        return row
    difference = mean_difference(first, second, paired=True)
    row |= {"ri": 100 * difference.estimate / unit, "ri_low": 100 * difference.low / unit}
    row |= {"ri_high": 100 * difference.high / unit}
    spread = 100 * float(np.std(gap, ddof=1)) / unit if n > 1 else math.nan
    try:
        row["seeds_ri"] = seeds_needed(plan.detect, spread, True, *plan[1:]) if spread > 0 else math.nan
    except HarnessError:  # more than anybody runs
        row["seeds_ri"] = math.inf
    return row
