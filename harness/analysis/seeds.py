"""How many seeds find a difference, by the variance of a run."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from harness.analysis.contests import (
    NO_POINTS,
    Contest,
    Source,
    contests,
    moments,
    results_of,
    summary_of,
)
from harness.errors import HarnessError, unknown_name
from harness.reporting.frames.improvement import main_baseline
from harness.reporting.frames.planned import Plan, pair_of, seed_by_seed
from harness.reporting.run import Run, load_run
from harness.results.paper import Summary
from harness.statistics import ExactBaseline, detectable_improvement, seeds_needed
from harness.statistics.improvement import MIN_ARCHITECTURES, MIN_RUNS

ENDS = ("estimate", "low", "high")
_HEAD = ("benchmark", "method", "budget", "n", "cv", "cv_low", "cv_high")


def plan_seeds(source: Source, detect: float, power: float = 0.8, level: float = 0.05) -> pd.DataFrame:
    """Plan seeds from the variance of a pilot: how many find a true RI of `detect` percent over random search?

    Parameters
    ----------
    source
        The pilot: output folder of a run; or results that were read with a baseline, or the folder in which import-results has
        kept such.
    detect
        RI in percent.
    power, level
        Of the two-sided test.

    Returns
    -------
    DataFrame
        One row a benchmark and method: ``benchmark, method, budget, n, cv`` (percent of the baseline's mean, with its 95 %
        interval ``cv_low, cv_high``), ``seeds_exact`` (one-sample test against an exact baseline), ``seeds_sampled`` (of
        the method, and as many of the baseline), ``detectable_exact, detectable_sampled`` (by the `n` seeds that are there) and
        ``note``. The exact columns are NaN without an exact law; results from elsewhere have neither these nor a budget. A live
        run also has ``seeds_paired, detectable_paired``, of a test seed by seed against the baseline on the same split. Over
        random architectures reports make it from 50 seeds and 100 architectures on: no fewer are planned, and ``note`` says so
        where there are fewer.

    Raises
    ------
    HarnessError
        If `detect` is 0, or results have no baseline.

    Notes
    -----
    The two-sample plan takes the root of the mean of both variances, the method's and the baseline's. A pilot's variance
    is itself uncertain: the number of seeds goes with the square of `cv`.
    """
    if not abs(detect) > 0:
        raise HarnessError(f"detect: {detect} is never found, whatever the seeds; give a percentage other than 0")
    plan = _Plan(detect, power, level)
    if (results := results_of(source)) is not None:
        return _of_results(contests(source), results.baseline, plan)
    assert isinstance(source, Path)
    run = load_run(source)
    rows: list[dict[str, Any]] = []
    paired = _paired_deviations(run)
    for group, (benchmark, entrant) in enumerate(run.pairs):
        head = {"benchmark": benchmark.name, "method": entrant.name, "budget": entrant.budget.amount}
        is_exact = isinstance(main_baseline(run, benchmark, entrant.budget).scores, ExactBaseline)
        baseline = _Baseline(*moments(run, benchmark, entrant.budget), is_exact, paired.get(group), benchmark.why_not)
        rows.append(head | plan.row(summary_of(run.scores(group)), baseline))
    columns = [*_HEAD, "seeds_exact", "seeds_sampled", "detectable_exact", "detectable_sampled"]
    if len(paired):
        columns += ["seeds_paired", "detectable_paired"]
    return _frame(rows, columns)


def _of_results(met: Sequence[Contest], name: str | None, plan: _Plan) -> pd.DataFrame:
    """A plan from results, whose baseline is a sample like the others."""
    if name is None:
        raise HarnessError("seeds: results want one baseline that methods are to be told from; say --baseline NAME")
    rows = [
        {"benchmark": contest.benchmark, "method": method}
        | plan.row(contest.summary(method), _Baseline(*contest.moments))
        for contest in met
        for method in contest.names
        if method != name
    ]
    columns = [one for one in _HEAD if one != "budget"]
    return _frame(rows, [*columns, "seeds_sampled", "detectable_sampled"])


def _frame(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=[*columns, "note"])
    return frame.astype({name: "Int64" for name in columns if name.startswith("seeds_")})


class _Baseline(NamedTuple):
    """What methods are told from: its mean and deviation, whether it is exact, what pairs with it have to do with, a remark."""

    mean: float
    deviation: float
    is_exact: bool = False
    pairs: tuple[int, float, int] | None = None
    remark: str = ""


class _Plan(NamedTuple):
    """What is to be found, see `plan_seeds`."""

    detect: float
    power: float
    level: float

    def row(self, scores: Summary, baseline: _Baseline) -> dict[str, Any]:
        """What the scores of a method come to."""
        n, spread = scores.n, scores.sd
        row: dict[str, Any] = {"n": n}
        if np.isnan(baseline.deviation):
            return row | {"note": "one seed of the baseline"}
        if baseline.mean == 0:
            return row | {"note": NO_POINTS}
        if not spread > 0:
            return row | {"note": "one seed" if n == 1 else "no seed" if n == 0 else "all seeds equal"}
        size = abs(baseline.mean)
        cv, pooled = 100.0 * spread / size, 100.0 * np.sqrt((spread**2 + baseline.deviation**2) / 2.0) / size
        low, high = cv * np.sqrt((n - 1) / stats.chi2.ppf([0.975, 0.025], n - 1))
        row |= {"cv": cv, "cv_low": low, "cv_high": high}
        plans = {"sampled": (n, pooled, False)}
        if baseline.is_exact:
            plans["exact"] = (n, cv, True)
        notes, least = [baseline.remark] if baseline.remark else [], 2
        if baseline.pairs is not None:
            common, deviation, least = baseline.pairs
            plans["paired"] = (common, deviation, True)
            if common < least:
                notes.append(
                    f"no test of so few random architectures: from {least} seeds and {MIN_ARCHITECTURES} of them on"
                )
        for design, (there, deviation, exact) in plans.items():
            row[f"detectable_{design}"] = detectable_improvement(there, deviation, exact, self.power, self.level)
            try:
                needed = seeds_needed(self.detect, deviation, exact, self.power, self.level)
            except HarnessError as error:  # more than anybody runs; what was asked for is refused above
                notes.append(str(error))
            else:
                row[f"seeds_{design}"] = max(needed, least) if design == "paired" else needed
        return row | {"note": "; ".join(notes)}


def _paired_deviations(run: Run) -> dict[int, tuple[int, float, int]]:
    """Return by group of a live run what a test by pairs with the baseline has to do with.

    That is the number of common seeds, the deviation of the log ratio over them in percent, and the fewest seeds that are tested.
    """
    found = {}
    for group, (benchmark, entrant) in enumerate(run.pairs):
        baseline, scores = main_baseline(run, benchmark, entrant.budget), run.scores(group)
        if baseline.seeds is None or isinstance(baseline.scores, ExactBaseline) or scores is baseline.scores:
            continue
        _, own, other = np.intersect1d(run.finished(group)["seed"], baseline.seeds, return_indices=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = scores[own] / baseline.scores[other]
        if len(own) > 1 and np.all(ratio > 0) and 0 < np.ptp(ratio) < np.inf:
            each = baseline.architectures
            least = 2 if each is None else max(MIN_RUNS, -(-MIN_ARCHITECTURES // each))
            found[group] = len(own), 100.0 * float(np.std(np.log(ratio), ddof=1)), least
    return found


def plan_pair(source: Source, a: str, b: str, detect: float, power: float = 0.8, level: float = 0.05) -> pd.DataFrame:
    """Plan seeds for the comparison of two methods seed by seed, from a pilot that has both.

    Parameters
    ----------
    source
        The pilot: output folder of a run or of import-results, or results that were read.
    a, b
        Labels of two of its methods.
    detect
        RI of a over b to find, in percent.
    power, level
        Of the two-sided tests.

    Returns
    -------
    DataFrame
        Rows a benchmark and budget by ``statistic``: ``win probability``, by the effect that the pilot shows; ``relative
        improvement`` of `detect` percent, by the deviation that it shows; and of supernets ``collapse``, the difference of the
        rates that it shows. ``estimate, low, high`` are the pilot's (percent), ``n`` its common seeds, ``seeds`` what is needed:
        infinite where the pilot shows nothing to be found. What a pilot shows is uncertain itself, and ``seeds`` with it.

    Raises
    ------
    HarnessError
        If the run lacks a method, or the two have no seed in common.
    """
    if not abs(detect) > 0:
        raise HarnessError(f"detect: {detect} is never found, whatever the seeds; give a percentage other than 0")
    if a == b:
        raise HarnessError(f"pair: {a!r} beside itself; give two methods")
    plan = Plan(detect, power, level)
    if results_of(source) is not None:
        rows = [row for contest in contests(source) for row in _pair_of_results(contest, a, b, plan)]
    else:
        assert isinstance(source, Path)
        rows = list(_pair_of_run(load_run(source), str(source), a, b, plan))
    return pd.DataFrame(rows).astype({"n": "Int64"})


def _pair_of_run(run: Run, where: str, a: str, b: str, plan: Plan) -> Iterator[dict[str, Any]]:
    """Yield the rows of a pair of a run, by budget and benchmark."""
    labels = [method.label for method in dict.fromkeys(entrant.method for entrant in run.entrants)]
    for label in (a, b):
        if label not in labels:
            raise unknown_name("method", label, labels, where=where)
    for budget, benchmark in itertools.product(run.budgets, run.benchmarks):
        entrants = {one.method.label: one for one in run.entrants if one.budget == budget}
        found = pair_of(run, benchmark, entrants[a], entrants[b], plan)
        if found["n"] == 0:
            raise HarnessError(f"{where}: {a} and {b} have no seed in common on {benchmark.name}")
        yield from _planned(found | {"budget": budget.amount})


def _pair_of_results(contest: Contest, a: str, b: str, plan: Plan) -> Iterator[dict[str, Any]]:
    """Yield the rows of a pair of results."""
    if contest.summaries:
        raise HarnessError("--pair compares seed by seed, and means with their deviations have no seeds; leave it out")
    for name in (a, b):
        if name not in contest.scores:
            raise unknown_name("method", name, contest.scores, where=contest.benchmark)
    first, second = contest.sign * contest.common((a, b)).to_numpy(dtype=np.float64)
    found = seed_by_seed(first, second, plan)
    if found["n"] == 0:
        raise HarnessError(f"{contest.benchmark}: {a} and {b} have no seed in common; name a column of seeds by --seed")
    yield from _planned({"benchmark": contest.benchmark, "a": a, "b": b} | found)


def _planned(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the rows of a pair, by statistic."""
    head = {name: found[name] for name in ("benchmark", "a", "b", "budget", "n") if name in found}
    wins = {name: 100 * found[key] for name, key in zip(ENDS, ("win_probability", "win_low", "win_high"), strict=True)}
    yield head | {"statistic": "win probability"} | wins | {"seeds": found["seeds_win"]}
    improvement = {name: found.get(f"ri{end}", np.nan) for name, end in zip(ENDS, ("", "_low", "_high"), strict=True)}
    yield head | {"statistic": "relative improvement"} | improvement | {"seeds": found.get("seeds_ri", np.nan)}
    if "collapsed_a" in found:
        difference = 100 * (found["collapsed_a"] - found["collapsed_b"]) / found["n"]
        yield head | {"statistic": "collapse", "estimate": difference, "seeds": found["seeds_collapse"]}
