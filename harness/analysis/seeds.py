"""How many seeds find a difference, by the variance of a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from harness.analysis.common import NO_POINTS, contests, moments
from harness.errors import HarnessError, unknown_name
from harness.reporting.frames.improvement import main_baseline
from harness.reporting.frames.planned import Plan, pair_of
from harness.reporting.run import Run, load_run
from harness.statistics import ExactBaseline, detectable_improvement, seeds_needed
from harness.statistics.improvement import MIN_ARCHITECTURES, MIN_RUNS

ENDS = ("estimate", "low", "high")


def plan_seeds(folder: Path, detect: float, power: float = 0.8, level: float = 0.05) -> pd.DataFrame:
    """Plan seeds from the variance of a run: how many find a true RI of `detect` percent over random search?

    Parameters
    ----------
    folder
        Output folder of a run, the pilot.
    detect
        RI in percent.
    power, level
        Of the two-sided test.

    Returns
    -------
    DataFrame
        One row a benchmark and method: ``benchmark, method, budget, n, cv`` (percent of the baseline's mean, with its 95 %
        interval ``cv_low, cv_high``), ``seeds_exact`` (one-sample test against an exact baseline), ``seeds_sampled`` (of
        the method, and as many of random search, which is simulated), ``detectable_exact, detectable_sampled`` (by the `n`
        seeds that are there) and ``note``. The exact columns are NaN without an exact law. A live run also has ``seeds_paired,
        detectable_paired``, of a test seed by seed against the baseline on the same split. Over random architectures reports make
        it from 50 seeds and 100 architectures on: no fewer are planned, and ``note`` says so where there are fewer.

    Notes
    -----
    The two-sample plan takes the root of the mean of both variances, the method's and random search's. A pilot's variance
    is itself uncertain: the number of seeds goes with the square of `cv`.
    """
    if not abs(detect) > 0:
        raise HarnessError(f"detect: {detect} is never found, whatever the seeds; give a percentage other than 0")
    run = load_run(folder)
    rows: list[dict[str, Any]] = []
    paired = _paired_deviations(run)
    for group, (benchmark, entrant) in enumerate(run.pairs):
        scores, mean, std = run.scores(group), *moments(run, benchmark, entrant.budget)
        row = {"benchmark": benchmark.name, "method": entrant.name, "budget": entrant.budget.amount, "n": len(scores)}
        n, spread = len(scores), float(np.std(scores, ddof=1)) if len(scores) > 1 else 0.0
        if np.isnan(std):
            rows.append(row | {"note": "one seed of the baseline"})
            continue
        if mean == 0:
            rows.append(row | {"note": NO_POINTS})
            continue
        if not spread > 0:
            rows.append(row | {"note": "one seed" if n == 1 else "no seed" if n == 0 else "all seeds equal"})
            continue
        cv, pooled = 100.0 * spread / abs(mean), 100.0 * np.sqrt((spread**2 + std**2) / 2.0) / abs(mean)
        low, high = cv * np.sqrt((n - 1) / stats.chi2.ppf([0.975, 0.025], n - 1))
        row |= {"cv": cv, "cv_low": low, "cv_high": high}
        plans = {"sampled": (n, pooled, False)}
        if isinstance(main_baseline(run, benchmark, entrant.budget).scores, ExactBaseline):
            plans["exact"] = (n, cv, True)
        notes, least = [benchmark.why_not] if benchmark.why_not else [], 2
        if group in paired:
            common, deviation, least = paired[group]
            plans["paired"] = (common, deviation, True)
            if common < least:
                notes.append(
                    f"no test of so few random architectures: from {least} seeds and {MIN_ARCHITECTURES} of them on"
                )
        for design, (there, deviation, exact) in plans.items():
            row[f"detectable_{design}"] = detectable_improvement(there, deviation, exact, power, level)
            try:
                needed = seeds_needed(detect, deviation, exact, power, level)
            except HarnessError as error:  # more than anybody runs; what was asked for is refused above
                notes.append(str(error))
            else:
                row[f"seeds_{design}"] = max(needed, least) if design == "paired" else needed
        rows.append(row | {"note": "; ".join(notes)})
    columns = ["benchmark", "method", "budget", "n", "cv", "cv_low", "cv_high", "seeds_exact", "seeds_sampled"]
    columns += ["detectable_exact", "detectable_sampled"]
    if len(paired):
        columns += ["seeds_paired", "detectable_paired"]
    frame = pd.DataFrame(rows, columns=[*columns, "note"])
    return frame.astype({name: "Int64" for name in columns if name.startswith("seeds_")})


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


def plan_pair(folder: Path, a: str, b: str, detect: float, power: float = 0.8, level: float = 0.05) -> pd.DataFrame:
    """Plan seeds for the comparison of two methods seed by seed, from a run that has both.

    Parameters
    ----------
    folder
        Output folder of a run, the pilot.
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
    run = load_run(folder)
    labels = [method.label for method in dict.fromkeys(entrant.method for entrant in run.entrants)]
    for label in (a, b):
        if label not in labels:
            raise unknown_name("method", label, labels, where=str(folder))
    if a == b:
        raise HarnessError(f"pair: {a!r} beside itself; give two methods")
    rows: list[dict[str, Any]] = []
    for benchmark, budget, _ in contests(run):
        entrants = {one.method.label: one for one in run.entrants if one.budget == budget}
        found = pair_of(run, benchmark, entrants[a], entrants[b], Plan(detect, power, level))
        if found["n"] == 0:
            raise HarnessError(f"{folder}: {a} and {b} have no seed in common on {benchmark.name}")
        rows += _planned(found, budget.amount)
    frame = pd.DataFrame(rows)
    return frame.astype({"n": "Int64"})


def _planned(found: dict[str, Any], budget: int) -> Iterator[dict[str, Any]]:
    """Yield the rows of a pair, by statistic."""
    head = {name: found[name] for name in ("benchmark", "a", "b")} | {"budget": budget, "n": found["n"]}
    wins = {name: 100 * found[key] for name, key in zip(ENDS, ("win_probability", "win_low", "win_high"), strict=True)}
    yield head | {"statistic": "win probability"} | wins | {"seeds": found["seeds_win"]}
    improvement = {name: found.get(f"ri{end}", np.nan) for name, end in zip(ENDS, ("", "_low", "_high"), strict=True)}
    yield head | {"statistic": "relative improvement"} | improvement | {"seeds": found.get("seeds_ri", np.nan)}
    if "collapsed_a" in found:
        difference = 100 * (found["collapsed_a"] - found["collapsed_b"]) / found["n"]
        yield head | {"statistic": "collapse", "estimate": difference, "seeds": found["seeds_collapse"]}
