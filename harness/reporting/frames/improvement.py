"""Relative improvement over random search, the tests that go with it, and who wins how often."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from harness.errors import HarnessError
from harness.problem.budget import Budget
from harness.reporting.families import AVERAGE, Baseline
from harness.reporting.run import Benchmark, FloatArray, Run
from harness.statistics import (
    ExactBaseline,
    RelativeImprovement,
    detectable_improvement,
    exact_two_sided_p_value,
    holm,
    relative_improvement,
)

RI_COLUMNS = (
    "benchmark",
    "dataset",
    "method",
    "baseline",
    "n_method",
    "n_baseline",
    "ri",
    "ci_low",
    "ci_high",
    "p_value",
    "p_holm",
)
LEVEL = 0.05  # of every claim


def baselines(run: Run, benchmark: Benchmark, budget: Budget) -> Iterator[Baseline]:
    """Yield the average architecture and random search at equal budget, as far as there are such; one of them is the main one."""
    return run.family.baselines(run, benchmark, budget)


def main_baseline(run: Run, benchmark: Benchmark, budget: Budget) -> Baseline:
    """Return the one of `baselines` that claims are about."""
    return next(baseline for baseline in baselines(run, benchmark, budget) if baseline.is_main)


def relative_improvements(run: Run) -> pd.DataFrame:
    """Return RI of every method on every benchmark over every baseline: equal budgets first, the average architecture last.

    Returns
    -------
    DataFrame
        The columns `RI_COLUMNS`, and ``group, budget, is_check, is_main, scatter`` (see `Baseline`), ``detectable`` (the
        smallest true RI that as many seeds find with 80 % power), ``test, note`` (why there is no test) and ``result``. An
        improvement is positive whatever the table's direction: where lower is better, RI = 100 (r - a) / |r|; ``result`` has
        the other sign there. ``p_holm`` is adjusted over all claims against the same baseline; random search and random
        architectures of the run are checks or baselines, and claim nothing.
    """
    rows: list[dict[str, Any]] = []
    for group, (benchmark, entrant) in enumerate(run.pairs):
        for baseline in baselines(run, benchmark, entrant.budget):
            rows.append(
                {
                    "benchmark": benchmark.name,
                    "dataset": benchmark.dataset,
                    "method": entrant.name,
                    "baseline": baseline.name,
                    "n_baseline": baseline.size,
                    "p_holm": np.nan,
                    "group": group,
                    "budget": entrant.budget.amount,
                    "is_check": entrant.is_check,
                    "is_main": baseline.is_main,
                    "scatter": baseline.scatter,
                    **improvement_of(run, group, baseline),
                }
            )
    frame = pd.DataFrame(rows).astype({"n_baseline": "Int64"})
    claims = frame["p_value"].mask(frame["is_check"])
    frame["p_holm"] = claims.groupby(frame["baseline"]).transform(lambda p: holm(p.to_numpy()))
    is_average = frame["baseline"] == AVERAGE
    return frame.iloc[np.lexsort((frame["budget"], is_average))].reset_index(drop=True)


def improvement_of(run: Run, group: int, baseline: Baseline) -> dict[str, Any]:
    """Return RI of a group over a baseline: ``n_method`` (seeds; where they are paired, the common
    ones), ``ri, ci_low, ci_high, p_value, detectable, test, note, result``.

    Signed and explained as in `relative_improvements`.
    """
    benchmark, entrant = run.pairs[group]
    scores = run.scores(group)
    result, note = _improvement(scores, baseline, run.finished(group)["seed"].to_numpy())
    low, high = (result.low, result.high) if benchmark.sign > 0 else (-result.high, -result.low)
    p_value, test = result.p_value, result.method
    is_claim = not (entrant.is_check or entrant.is_unbounded) and np.isfinite(result.estimate)
    if isinstance(baseline.scores, ExactBaseline) and is_claim and len(scores) > 1 and np.ptp(scores) == 0:
        # Searches that all end at one score have no spread to test by; the law of random search has.
        # Seeds that change nothing at all bring one answer, not as many as there are seeds.
        counted = scores[:1] if is_one_search(run, group) else scores
        p_value, test = exact_two_sided_p_value(counted, baseline.scores), "exact law"
        note = "all seeds equal: no interval; the p-value is by the exact law of random search"
    return {
        "n_method": result.n_method,
        "ri": benchmark.sign * result.estimate,
        "ci_low": low,
        "ci_high": high,
        "p_value": p_value,
        "detectable": _detectable(scores, baseline, result),
        "test": test,
        "note": note,
        "result": result,
    }


def is_one_search(run: Run, group: int) -> bool:
    """Whether all seeds of a group went the same way: the same incumbents after the same evaluations, if any."""
    if (steps := run.steps.get(group)) is None:
        return True
    done = steps[steps["cell"].isin(run.finished(group).index)]
    ways = {tuple(map(tuple, own[["step", "incumbent_test"]].to_numpy())) for _, own in done.groupby("cell")}
    return len(ways) <= 1


def win_counts(run: Run) -> pd.DataFrame:
    """Return, for every claim's method and baseline, on how many benchmarks it wins or loses after Holm's adjustment.

    Returns
    -------
    DataFrame
        Columns ``method, baseline, benchmarks, wins, undecided, losses, untested, family, budget``.
    """
    improvements = run.of(relative_improvements)
    improvements = improvements[~improvements["is_check"]]
    family = improvements.groupby("baseline")["p_holm"].count()
    decided = improvements["p_holm"] < LEVEL
    counted = improvements.assign(
        wins=decided & (improvements["ri"] > 0),
        losses=decided & (improvements["ri"] < 0),
        undecided=~decided & improvements["p_holm"].notna(),
        untested=improvements["p_holm"].isna(),
    )
    frame = (
        counted.groupby(["baseline", "method"], sort=False)
        .agg(
            benchmarks=("benchmark", "size"),
            wins=("wins", "sum"),
            undecided=("undecided", "sum"),
            losses=("losses", "sum"),
            untested=("untested", "sum"),
            budget=("budget", "first"),
        )
        .reset_index()
    )
    return frame.assign(family=frame["baseline"].map(family))


def verdict(p_holm: float, ri: float) -> str:
    """Return ``better``, ``worse`` or, where the test does not decide, an empty text."""
    if not p_holm < LEVEL:
        return ""
    return "better" if ri > 0 else "worse"


def _improvement(scores: FloatArray, baseline: Baseline, seeds: FloatArray) -> tuple[RelativeImprovement, str]:
    """Return RI with higher taken for better, all NaN where there is none, and why it or its interval is missing."""
    if len(scores) == 0:
        note = "no cell finished"
    elif baseline.size == 0:
        note = "no exact law here, and no random search in the run"
    elif scores is baseline.scores:
        note = "it is the baseline itself"
    else:
        try:
            result = _compared(scores, baseline, seeds)
        except HarnessError as error:
            note = str(error)
        else:
            return result, result.note
    nan = float("nan")
    return RelativeImprovement(nan, nan, nan, nan, nan, len(scores), None, baseline.name, "", 0.95, nan, note), note


def _compared(scores: FloatArray, baseline: Baseline, seeds: FloatArray) -> RelativeImprovement:
    if baseline.seeds is None or isinstance(baseline.scores, ExactBaseline):
        return relative_improvement(scores, baseline.scores, architectures=baseline.architectures)
    _, own, other = np.intersect1d(seeds, baseline.seeds, return_indices=True)
    if len(own) == 0:
        raise HarnessError("it has no seed in common with the baseline")
    return relative_improvement(scores[own], baseline.scores[other], True, architectures=baseline.architectures)


def _detectable(scores: FloatArray, baseline: Baseline, result: RelativeImprovement) -> float:
    if baseline.seeds is not None and result.log_error > 0:
        n = result.n_method
        return detectable_improvement(n, 100.0 * result.log_error * n**0.5, exact_baseline=True)
    spread = float(scores.std(ddof=1)) if len(scores) > 1 else 0.0
    if np.isnan(result.p_value) or spread == 0:
        return float("nan")
    cv = 100.0 * spread / abs(baseline.mean)
    return detectable_improvement(len(scores), cv, exact_baseline=baseline.size is None)
