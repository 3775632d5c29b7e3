"""What a reader wants to know first, a row a method."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from harness.errors import HarnessError
from harness.reporting.frames.improvement import relative_improvements, win_counts
from harness.reporting.frames.scores import random_equivalents
from harness.reporting.run import Run
from harness.statistics import aggregate_improvement

HEADLINE_COLUMNS = (
    *("method", "verdict", "baseline", "benchmarks", "ri", "ci_low", "ci_high"),
    *("better", "undecided", "worse", "untested", "feasible", "draws", "draws_low", "draws_high"),
)
MIXED = "better and worse"


def headline(run: Run) -> pd.DataFrame:
    """Return how each method stands against random search at its own budget, over all benchmarks that it ran on.

    Returns
    -------
    DataFrame
        Columns `HEADLINE_COLUMNS`, a row a method that claims something. ``verdict`` is ``better``, ``worse``, ``better and
        worse``, ``no significant difference``, ``no test``, or of a method that uses the full table ``oracle``: by the tests
        after Holm's adjustment, whose outcomes on the
        ``benchmarks`` are counted in ``better, undecided, worse, untested``. ``ri`` with its 95 % interval is that of the only
        benchmark, else the geometric mean over exactly these (NaN where there is none, see
        `harness.statistics.aggregate_improvement`). ``feasible`` is the share of searches (percent) that found an answer, NaN
        where nothing is constrained. ``draws`` is how many random draws the mean score is worth: of several benchmarks the
        median, without an interval.
    """
    improvements, counts = run.of(relative_improvements), run.of(win_counts)
    improvements = improvements[improvements["is_main"] & ~improvements["is_check"]]
    worth = run.of(random_equivalents)
    oracles = {entrant.name for entrant in run.entrants if entrant.is_unbounded and not run.family.has_supernets}
    rows: list[dict[str, Any]] = []
    for (method, baseline), own in improvements.groupby(["method", "baseline"], sort=False):
        count = counts[(counts["method"] == method) & (counts["baseline"] == baseline)].iloc[0]
        outcome = {"better": count["wins"], "undecided": count["undecided"], "worse": count["losses"]}
        verdict = verdict_of(count["wins"], count["losses"], count["undecided"])
        rows.append(
            {"method": method, "verdict": "oracle" if method in oracles else verdict}
            | {"baseline": baseline, "benchmarks": len(own)}
            | _pooled(own)
            | outcome
            | {"untested": count["untested"], "feasible": _feasible(run, own["group"])}
            | _draws(worth[worth["group"].isin(own["group"])], len(own))
        )
    return pd.DataFrame(rows, columns=list(HEADLINE_COLUMNS))


def verdict_of(better: int, worse: int, undecided: int) -> str:
    """Return the verdict on a method whose tests came out so often."""
    if better and worse:
        return MIXED
    if better or worse:
        return "better" if better else "worse"
    return "no significant difference" if undecided else "no test"


def _pooled(own: pd.DataFrame) -> dict[str, float]:
    if len(own) == 1:
        return {key: float(own[key].iloc[0]) for key in ("ri", "ci_low", "ci_high")}
    nothing = dict.fromkeys(("ri", "ci_low", "ci_high"), float("nan"))
    if own["ri"].isna().any():
        return nothing
    try:
        found = aggregate_improvement(list(own["result"]), "these")
    except HarnessError:  # there is no geometric mean
        return nothing
    # Where lower scores are better a benchmark's result has the other sign; benchmarks of both kinds have no common one.
    signs = set(np.sign(own["ri"]) * np.sign([one.estimate for one in own["result"]])) - {0.0}
    if len(signs) > 1:
        return nothing
    if signs == {-1.0}:
        return {"ri": -found.estimate, "ci_low": -found.high, "ci_high": -found.low}
    return {"ri": found.estimate, "ci_low": found.low, "ci_high": found.high}


def _feasible(run: Run, groups: pd.Series[int]) -> float:
    if not run.constraints:
        return float("nan")
    status = run.cells.loc[run.cells["group"].isin(groups), "status"]
    return 100.0 * float((status == "ok").mean())


def _draws(worth: pd.DataFrame, benchmarks: int) -> dict[str, float]:
    if len(worth) < benchmarks:
        return dict.fromkeys(("draws", "draws_low", "draws_high"), float("nan"))
    if benchmarks == 1:
        return {key: float(worth[key].iloc[0]) for key in ("draws", "draws_low", "draws_high")}
    return {"draws": float(np.median(worth["draws"])), "draws_low": float("nan"), "draws_high": float("nan")}
