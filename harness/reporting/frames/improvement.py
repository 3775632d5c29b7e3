"""Relative improvement over random search, the tests that go with it, and who wins how often."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from harness.errors import HarnessError
from harness.problem import Budget
from harness.reporting.run import Benchmark, FloatArray, Run
from harness.statistics import ExactBaseline, RelativeImprovement, exact_random_baseline, holm, relative_improvement

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


@dataclass(frozen=True)
class Baseline:
    """A named baseline on one benchmark: exact, or the scores of a sample where there is no table."""

    name: str
    scores: ExactBaseline | FloatArray


def baselines(run: Run, benchmark: Benchmark, budget: Budget) -> Iterator[Baseline]:
    """Yield ``random@1``, the average architecture, and ``random@<budget>``."""
    for draws in dict.fromkeys((1, budget.amount)):
        name = f"random@{draws}"
        if benchmark.law is not None:
            yield Baseline(name, exact_random_baseline(benchmark.law, draws))
        else:
            yield Baseline(name, run.sampled_random(benchmark, budget, draws))


def relative_improvements(run: Run) -> pd.DataFrame:
    """Return RI of every method on every benchmark over every baseline: equal budgets first, the average architecture last.

    Returns
    -------
    DataFrame
        The columns `RI_COLUMNS`, and ``group, label, budget, is_check, test, df, note``. An improvement is positive
        whatever the table's direction: where lower is better, RI = 100 (r - a) / r. ``p_holm`` is adjusted over all
        rows of the same baseline.
    """
    rows: list[dict[str, Any]] = []
    for group, (benchmark, entrant) in enumerate(run.pairs):
        for baseline in baselines(run, benchmark, entrant.budget):
            result = _improvement(run.scores(group), baseline, benchmark.sign)
            rows.append(
                {
                    "benchmark": benchmark.name,
                    "dataset": benchmark.dataset,
                    "method": entrant.name,
                    "baseline": baseline.name,
                    "n_method": result.n_method,
                    "n_baseline": result.n_baseline,
                    "ri": result.estimate,
                    "ci_low": result.low,
                    "ci_high": result.high,
                    "p_value": result.p_value,
                    "p_holm": np.nan,
                    "group": group,
                    "label": entrant.method.label,
                    "budget": entrant.budget.amount,
                    "is_check": entrant.is_check,
                    "test": result.method,
                    "df": result.df,
                    "note": result.note,
                }
            )
    frame = pd.DataFrame(rows).astype({"n_baseline": "Int64"})
    frame["p_holm"] = frame.groupby("baseline")["p_value"].transform(lambda p: holm(p.to_numpy()))
    is_average = frame["baseline"] == "random@1"
    return frame.iloc[np.lexsort((frame["budget"], is_average))].reset_index(drop=True)


def win_counts(run: Run) -> pd.DataFrame:
    """Return, for every method and baseline, on how many benchmarks it wins or loses after Holm's adjustment.

    Returns
    -------
    DataFrame
        Columns ``method, baseline, benchmarks, wins, undecided, losses, untested, family, is_check, budget``.
    """
    improvements = run.of(relative_improvements)
    family = improvements.groupby("baseline")["p_value"].count()
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
            is_check=("is_check", "first"),
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


def _improvement(scores: FloatArray, baseline: Baseline, sign: float) -> RelativeImprovement:
    note = ""
    if len(scores) == 0:
        note = "no cell finished"
    elif not isinstance(baseline.scores, ExactBaseline) and len(baseline.scores) == 0:
        note = "no table and no simulated random search to compare with"
    elif scores is baseline.scores:
        note = "is the baseline itself"
    else:
        try:
            result = relative_improvement(scores, baseline.scores)
        except HarnessError as error:
            note = str(error)
        else:
            return result if sign > 0 else _mirrored(result)
    n_baseline = None if isinstance(baseline.scores, ExactBaseline) else len(baseline.scores)
    nothing = (np.nan,) * 5
    return RelativeImprovement(*nothing, len(scores), n_baseline, baseline.name, "none", 0.95, np.nan, note)


def _mirrored(result: RelativeImprovement) -> RelativeImprovement:
    """Return RI where lower is better: RI of the scores as they are, the other way round."""
    return replace(result, estimate=-result.estimate, low=-result.high, high=-result.low)
