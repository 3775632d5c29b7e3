"""Tests beside the interval's own, and what holds over all tables together."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd

from harness.errors import HarnessError
from harness.reporting.frames.improvement import is_one_search, main_baseline, relative_improvements
from harness.reporting.run import Benchmark, Entrant, FloatArray, Run
from harness.statistics import (
    ExactBaseline,
    Ranking,
    against_control,
    aggregate_improvement,
    benjamini_hochberg,
    can_carry,
    compare_over_datasets,
    exact_p_value,
    probability_of_improvement,
)

SIGNIFICANCE_COLUMNS = (
    *("benchmark", "dataset", "method", "baseline", "n_method", "n_baseline", "ri", "p_value", "p_holm", "p_bh"),
    *("p_exact", "p_dunnett", "win_probability", "win_low", "win_high", "detectable"),
)
AGGREGATE_COLUMNS = (
    *("method", "baseline", "datasets", "ri", "these_low", "these_high", "p_these"),
    *("like_low", "like_high", "p_like", "note"),
)
EXACT_UP_TO = 200  # seeds; with more the t test is close to it, and the law of the mean slow to compute


def significance(run: Run) -> pd.DataFrame:
    """Return all tests of each method against random search at its own budget.

    Returns
    -------
    DataFrame
        Rows and columns of `relative_improvements` for equal budgets, and ``p_bh`` (Benjamini and Hochberg, over the same
        claims as Holm), ``p_exact`` (of claims, one-sided: that as many random searches have as good a mean; it needs no
        spread, and where all seeds went one way their one answer counts once),
        ``p_dunnett`` (where the baseline is sampled: all methods of a benchmark against it at once), ``win_probability,
        win_low, win_high`` (that one search beats one random search). The last four are NaN where seeds are paired.
    """
    frame = run.of(relative_improvements)
    frame = frame[frame["is_main"]].reset_index(drop=True)
    columns = ["p_exact", "win_probability", "win_low", "win_high"]
    extra = pd.DataFrame([_tests(run, *run.pairs[group]) for group in frame["group"]], columns=columns)
    claims = frame["p_value"].mask(frame["is_check"])
    adjusted = claims.groupby(frame["baseline"]).transform(lambda p: benjamini_hochberg(p.to_numpy()))
    return pd.concat([frame, extra], axis=1).assign(p_bh=adjusted, p_dunnett=_dunnett(run, frame))


def aggregates(run: Run) -> pd.DataFrame:
    """Return the geometric-mean RI over all benchmarks, for each method and baseline.

    Returns
    -------
    DataFrame
        Columns `AGGREGATE_COLUMNS` and ``is_check``: the interval and p-value for these data sets, and for data sets like
        these. Empty for a single benchmark, and where higher is better on some and lower on others.
    """
    signs = {benchmark.sign for benchmark in run.benchmarks}
    columns = [*AGGREGATE_COLUMNS, "is_check"]
    if len(run.benchmarks) < 2 or len(signs) > 1:
        return pd.DataFrame(columns=columns)
    (sign,) = signs
    rows: list[dict[str, Any]] = []
    for (baseline, method), part in run.of(relative_improvements).groupby(["baseline", "method"], sort=False):
        row = {
            "method": method,
            "baseline": baseline,
            "datasets": len(part),
            "is_check": bool(part["is_check"].iloc[0]),
        }
        if part["ri"].isna().any():
            rows.append(row | {"note": f"no RI on {part['ri'].isna().sum()} of them"})
            continue
        try:
            these, like = (aggregate_improvement(part["result"].tolist(), which) for which in ("these", "like these"))
        except HarnessError as error:
            rows.append(row | {"note": str(error)})
            continue
        row |= {"ri": sign * these.estimate, "p_these": these.p_value, "p_like": like.p_value}
        for name, found in (("these", these), ("like", like)):
            row |= dict(
                zip((f"{name}_low", f"{name}_high"), sorted((sign * found.low, sign * found.high)), strict=True)
            )
        rows.append(row | {"note": "; ".join(filter(None, (these.note, like.note)))})
    return pd.DataFrame(rows, columns=columns)


def rankings(run: Run) -> dict[str, Ranking | str]:
    """Return the methods' ranking over data sets by RI at each budget, or why the data sets cannot carry one.

    Random search itself takes part, as the baseline with RI 0 on every table; the simulated one does not.
    """
    found: dict[str, Ranking | str] = {}
    frame = run.of(relative_improvements)
    frame = frame[frame["is_main"] & ~frame["is_check"]]
    for baseline, part in frame.groupby("baseline", sort=False):
        scores = part.pivot(index="benchmark", columns="method", values="ri").assign(**{str(baseline): 0.0})
        reason = can_carry(*scores.shape)
        if reason is None and scores.isna().any(axis=None):
            reason = "not every method has a result on every data set"
        found[str(baseline)] = compare_over_datasets(scores) if reason is None else reason
    return found


def mean_ranks(run: Run) -> pd.DataFrame:
    """Return the mean ranks of all rankings: ``baseline, method, mean_rank, p_friedman``, the best first."""
    columns = ["baseline", "method", "mean_rank", "p_friedman"]
    rows = [
        (baseline, str(method), float(rank), ranking.p_value)
        for baseline, ranking in run.of(rankings).items()
        if isinstance(ranking, Ranking)
        for method, rank in ranking.mean_ranks.items()
    ]
    return pd.DataFrame(rows, columns=columns)


def rank_pairs(run: Run) -> pd.DataFrame:
    """Return the pairs of all rankings: ``baseline, a, b, median_difference`` (RI points), ``p_value, p_holm``."""
    columns = ["baseline", "a", "b", "median_difference", "p_value", "p_holm"]
    frames = [
        ranking.pairs.assign(baseline=baseline)[columns]
        for baseline, ranking in run.of(rankings).items()
        if isinstance(ranking, Ranking)
    ]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


def _tests(run: Run, benchmark: Benchmark, entrant: Entrant) -> dict[str, float]:
    """Return what the frame of RI does not have, for one method on one benchmark."""
    scores = run.scores(run.group(benchmark, entrant))
    baseline = main_baseline(run, benchmark, entrant.budget)
    if len(scores) == 0 or baseline.size == 0 or scores is baseline.scores:
        return {}
    if baseline.seeds is not None:  # scores of one seed share its split, and a baseline's may be a mean of several
        return {}
    p_exact = np.nan
    if isinstance(baseline.scores, ExactBaseline):
        wins = probability_of_improvement(scores, baseline.scores)
        if len(scores) <= EXACT_UP_TO and not entrant.is_check:
            # Seeds that change nothing at all bring one answer, not as many as there are seeds.
            counted = (
                scores[:1] if np.ptp(scores) == 0 and is_one_search(run, run.group(benchmark, entrant)) else scores
            )
            p_exact = exact_p_value(counted, baseline.scores).p_value
    else:
        wins = probability_of_improvement(benchmark.sign * scores, benchmark.sign * baseline.scores)
    return {"p_exact": p_exact, "win_probability": wins.estimate, "win_low": wins.low, "win_high": wins.high}


def _dunnett(run: Run, frame: pd.DataFrame) -> FloatArray:
    """Return Dunnett's p-values for the rows whose baseline is a sample, which all methods of a benchmark share."""
    found = np.full(len(frame), np.nan)
    for benchmark, budget in itertools.product(run.benchmarks, run.budgets):
        main = main_baseline(run, benchmark, budget)
        if main.seeds is not None:  # the test takes all scores for independent
            continue
        control = main.scores
        own = frame.index[(frame["benchmark"] == benchmark.name) & (frame["budget"] == budget.amount)]
        tested = [row for row in own if not np.isnan(frame["p_holm"][row])]
        if tested and not isinstance(control, ExactBaseline):
            scores = {str(row): benchmark.sign * run.scores(int(frame["group"][row])) for row in tested}
            found[tested] = against_control(scores, benchmark.sign * control, _rng(), "dunnett")["p_adjusted"]
    return found


def _rng() -> np.random.Generator:
    """Return the generator of the integral behind Dunnett's test: the same every time, so that reports are."""
    return np.random.default_rng(1955)
