"""All methods of a run against each other, on each benchmark and over all of them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from harness.analysis.contests import NO_POINTS, OF_ALL, Contest, Source, contests, without_budget
from harness.errors import HarnessError
from harness.statistics import (
    Ranking,
    bayesian_signed_rank,
    benjamini_hochberg,
    can_carry,
    compare_over_datasets,
    holm,
    improvement_over_tasks,
    mean_difference,
    probability_of_improvement,
    sign_flip_test,
    summary_difference,
)

_FLIPS = 9_999  # random sign flips of a paired test of many seeds


@dataclass(frozen=True)
class Pairs:
    """All pairs of methods.

    Attributes
    ----------
    tests
        One row a benchmark, budget and pair.
    over_datasets
        One row a budget and pair, over all benchmarks; empty for a single one.
    ranks
        Mean rank of each method over the benchmarks, ``budget, method, mean_rank, p_friedman``; empty where they cannot
        carry one.
    notes
        Why something is missing.
    """

    tests: pd.DataFrame
    over_datasets: pd.DataFrame
    ranks: pd.DataFrame
    notes: tuple[str, ...]


def compare_pairs(source: Source, rng: np.random.Generator, rope: float | None = None) -> Pairs:
    """Compare all methods with each other, on each benchmark and over all of them.

    Parameters
    ----------
    source
        Output folder of a run or of import-results, or results that were read. Simulated random search is no method here.
    rng
        Source of random sign flips and of the posterior.
    rope
        Half width, in RI points, of what counts as equal; None leaves out the Bayesian signed-rank test.

    Returns
    -------
    Pairs
        ``tests``: ``benchmark, budget, a, b, n_a, n_b, difference`` (a minus b, RI points), ``ci_low, ci_high, p_value,
        test, p_holm, p_bh`` (Welch's t; of supernets' searches, and of results that are paired, the paired t over common seeds,
        which share the split of the images; the family is all rows), ``win_probability, win_low, win_high`` (that a run of a
        beats one of b), ``p_brunner_munzel, n_paired, p_sign_flip`` (over common seeds, which share the first draws of a search).
        ``over_datasets``: ``budget, a, b, datasets, median_difference, p_wilcoxon, p_holm`` (NaN where the number of data
        sets cannot carry a test), ``win_probability, win_low, win_high`` (that a run of a beats one of b on the same data
        set, averaged over data sets; stratified bootstrap), and with `rope` ``worse, equal, better``, the posterior
        probabilities of a against b. Results from elsewhere have no budget.
    """
    met = contests(source)
    rows = [_pair(contest, a, b, rng) for contest in met for a, b in itertools.combinations(contest.names, 2)]
    if not rows:
        raise HarnessError(
            f"{source if isinstance(source, Path) else 'results'}: one method beside random search makes no pair; "
            "nas-harness report compares it"
        )
    tests = pd.DataFrame(rows)
    tests = tests.assign(p_holm=holm(tests["p_value"]), p_bh=benjamini_hochberg(tests["p_value"]))
    order = ["ci_low", "ci_high", "p_value", "test", "p_holm", "p_bh", "win_probability", "win_low", "win_high"]
    head = ["benchmark", "budget", "a", "b", "n_a", "n_b", "difference"]
    tests = tests.reindex(columns=[*head, *order, "p_brunner_munzel", "n_paired", "p_sign_flip"])
    overall, ranks = [], []
    notes = [OF_ALL] if any(contest.is_alone for contest in met) else []
    notes += [f"{contest.place}: {NO_POINTS}" for contest in met if len(contest.names) > 1 and contest.moments[0] == 0]
    for budget in dict.fromkeys(tests["budget"]):
        fields = [contest for contest in met if contest.budget == budget]
        names = [name for name in fields[0].names if all(name in contest.names for contest in fields)]
        found = _ranking(fields, names)
        at = f"budget {budget}: " if budget else ""
        if isinstance(found, str):
            notes.append(f"{at}no Friedman or Wilcoxon tests over data sets: {found}")
        else:
            if any(len(contest.names) > len(names) for contest in fields):
                notes.append(f"{at}ranks are of the methods that have results on every data set: {', '.join(names)}")
            frame = found.mean_ranks.rename_axis("method").reset_index(name="mean_rank")
            ranks.append(frame.assign(budget=budget, p_friedman=found.p_value))
        if len(fields) > 1:
            overall.append(_over_datasets(fields, tests[tests["budget"] == budget], found, rope, rng))
    if all(contest.summaries for contest in met):  # nobody knows who wins how often
        tests = tests.dropna(axis=1, how="all")
        overall = [part.dropna(axis=1, how="all") for part in overall]
    joined = [pd.concat(parts, ignore_index=True) if parts else pd.DataFrame() for parts in (overall, ranks)]
    over_datasets, mean_ranks = map(without_budget, joined)
    return Pairs(without_budget(tests), over_datasets, mean_ranks, tuple(notes))


def _pair(contest: Contest, a: str, b: str, rng: np.random.Generator) -> dict[str, Any]:
    """Return all tests of one pair on one benchmark."""
    mean, _ = contest.moments
    unit = abs(mean) or 1.0
    row: dict[str, Any] = {"benchmark": contest.benchmark, "budget": contest.budget, "a": a, "b": b}
    if contest.summaries:
        return row | _pair_of_summaries(contest, a, b, 100.0 * contest.sign / unit)
    first, second = (100.0 * contest.sign * contest.values(one) / unit for one in (a, b))
    row |= {"n_a": len(first), "n_b": len(second), "p_value": np.nan, "test": ""}
    if len(first) == 0 or len(second) == 0:
        return row
    common = 100.0 * contest.sign * contest.common((a, b)).to_numpy(dtype=np.float64) / unit
    gaps = np.subtract(*common)
    if contest.splits:  # equal seeds share the split of the images
        if len(gaps) == 0:
            return row | {"n_paired": 0}
        difference = mean_difference(*common, paired=True)  # type: ignore[misc]
    else:
        difference = mean_difference(first, second)
    wins = probability_of_improvement(first, second)
    if mean != 0:
        row |= {"difference": difference.estimate, "ci_low": difference.low, "ci_high": difference.high}
    row |= {"p_value": difference.p_value, "test": difference.method, "win_probability": wins.estimate}
    row |= {"win_low": wins.low, "win_high": wins.high, "p_brunner_munzel": wins.p_value}
    return row | {"n_paired": len(gaps), "p_sign_flip": sign_flip_test(gaps, rng, _FLIPS) if len(gaps) > 1 else np.nan}


def _pair_of_summaries(contest: Contest, a: str, b: str, scale: float) -> dict[str, Any]:
    """Return what means and deviations say of a pair: Welch's t; who wins how often is not known."""
    first, second = (
        (scale * one.mean, abs(scale) * one.sd, one.n) for one in (contest.summaries[a], contest.summaries[b])
    )
    found = summary_difference(first, second)
    row: dict[str, Any] = {"n_a": first[2], "n_b": second[2], "p_value": found.p_value, "test": found.method}
    if contest.moments[0] != 0:
        row |= {"difference": found.estimate, "ci_low": found.low, "ci_high": found.high}
    return row


def _ranking(fields: Sequence[Contest], names: Sequence[str]) -> Ranking | str:
    """Return the ranking of methods over benchmarks at a budget, by means in RI points, or why there is none."""
    if len(names) < 2:
        return "no two methods have results on every data set"
    if reason := can_carry(len(fields), len(names)):
        return reason
    units = [abs(contest.moments[0]) for contest in fields]
    if 0.0 in units:
        return f"{fields[units.index(0.0)].benchmark}: {NO_POINTS}"
    means = [
        [100.0 * contest.sign * contest.summary(name).mean / unit for name in names]
        for contest, unit in zip(fields, units, strict=True)
    ]
    if np.isnan(means).any():
        return "not every method has a result on every data set"
    return compare_over_datasets(pd.DataFrame(means, columns=list(names)))


def _over_datasets(
    fields: Sequence[Contest], tests: pd.DataFrame, found: Ranking | str, rope: float | None, rng: np.random.Generator
) -> pd.DataFrame:
    scores = {
        (name, contest.benchmark): contest.sign * contest.values(name) for contest in fields for name in contest.scores
    }
    rows = []
    for (a, b), part in tests.groupby(["a", "b"], sort=False):
        gaps = part["difference"].dropna().to_numpy()
        row = {"budget": part["budget"].iloc[0], "a": a, "b": b, "datasets": len(gaps)}
        row |= {"median_difference": float(np.median(gaps)) if len(gaps) else np.nan}
        row |= dict.fromkeys(("win_probability", "win_low", "win_high"), np.nan)
        if part["win_probability"].notna().all():
            first, second = ([scores[one, name] for name in part["benchmark"]] for one in (str(a), str(b)))
            wins = improvement_over_tasks(first, second, rng)
            row |= {"win_probability": wins.estimate, "win_low": wins.low, "win_high": wins.high}
        if rope is not None and len(gaps):
            row |= vars(bayesian_signed_rank(gaps, rope, rng))
        rows.append(row)
    frame = pd.DataFrame(rows)
    known = {} if isinstance(found, str) else found.pairs.set_index(["a", "b"])["p_value"].to_dict()
    p_values = np.array([known.get(key, np.nan) for key in zip(frame["a"], frame["b"], strict=True)])
    frame.insert(5, "p_wilcoxon", p_values)
    frame.insert(6, "p_holm", holm(p_values))
    return frame
