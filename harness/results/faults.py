"""What is odd about the numbers. Nothing is mended and nothing is dropped: each check says what it sees, and where."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from harness.reporting.formats import joined, plural, signed
from harness.reporting.frames.improvement import verdict
from harness.results.clean import APART, lines_of, listed
from harness.results.improvement import relative_improvements
from harness.results.model import Fault, Results

Check = Callable[[Results], Iterator[Fault]]

FEW = 3  # runs below which a spread says next to nothing
FAR = 5.0  # robust standard deviations from the median at which a run is looked at
SURPRISING = 0.001  # expected number of coincidences below which equal scores are worth a word
_NORMAL = 1.4826  # standard deviation of a normal law over its median absolute deviation


def all_faults(results: Results) -> list[Fault]:
    """Return what was odd while reading, and what is odd about the numbers."""
    return [*results.faults, *(fault for check in CHECKS for fault in check(results))]


def without_baseline(results: Results) -> Iterator[Fault]:
    """Methods that are compared with nothing, and those that lack runs on some data set."""
    for method in results.methods:
        if method not in {*results.baselines, *results.baselines.values()}:
            yield Fault("no baseline", f"{method} has no baseline and is nobody's: it is listed, but not compared.")
    for method, baseline in results.baselines.items():
        missing = [d for d in results.datasets if results.of(d, baseline).empty and len(results.of(d, method))]
        if missing:
            yield Fault(
                "no baseline", f"{method} has no RI on {joined(missing)}: no run of its baseline {baseline} there."
            )
        missing = [d for d in results.datasets if results.of(d, method).empty]
        if missing:
            yield Fault("no runs", f"{method} has no RI on {joined(missing)}: no run of it there.")


def few_runs(results: Results) -> Iterator[Fault]:
    """Methods and baselines with fewer than three runs."""
    few = [f"{m} on {d} ({len(runs)})" for (d, m), runs in results.groups.items() if len(runs) < FEW]
    if few:
        yield Fault("few runs", f"Fewer than {FEW} runs, so that their spread is hardly known: {listed(few)}.")


def unequal_runs(results: Results) -> Iterator[Fault]:
    """Comparisons of unequal numbers of runs."""
    unequal = []
    for dataset in results.datasets:
        for method, baseline in results.baselines.items():
            n, m = len(results.of(dataset, method)), len(results.of(dataset, baseline))
            if n and m and n != m:
                unequal.append(f"{dataset}: {n} of {method} against {m} of {baseline}")
    if unequal:
        yield Fault("unequal runs", f"Unequal numbers of runs; a run that failed may be missing: {listed(unequal)}.")


def unpaired(results: Results) -> Iterator[Fault]:
    """Runs that are left out of a paired comparison."""
    if not results.paired:
        return
    for dataset in results.datasets:
        for method, baseline in results.baselines.items():
            seeds = [set(results.of(dataset, name)["seed"]) for name in (method, baseline)]
            if alone := seeds[0] ^ seeds[1]:
                yield Fault(
                    "unpaired",
                    f"{dataset}: {method} and {baseline} share {plural(len(seeds[0] & seeds[1]), 'seed')}; "
                    f"{plural(len(alone), 'run')} of one of them alone {'is' if len(alone) == 1 else 'are'} left out.",
                )


def mixed_units(results: Results) -> Iterator[Fault]:
    """Percent here and fractions there; within a comparison that is refused, unless all was stated to be percent."""
    kinds = {str(unit): list(dict.fromkeys(rows["dataset"])) for unit, rows in results.runs.groupby("unit", sort=False)}
    if len(kinds) > 1:
        where = listed([f"{unit} on {joined(datasets)}" for unit, datasets in kinds.items()])
        yield Fault(
            "unit", f"Percent and fractions are mixed: {where}. Each comparison is within one unit, so RI stands."
        )
    for (dataset, method), runs in results.groups.items():
        small = runs[(runs["score"] > 0) & (runs["score"] <= 1) & (runs["unit"] == "percent")]
        if len(small) and runs["score"].max() > APART * small["score"].max():
            yield Fault(
                "unit",
                f"{dataset}: {method} has {joined(f'{score:g}' for score in small['score'])} ({lines_of(small)}), taken for "
                "percent as stated; it looks like a fraction.",
            )


def same_numbers(results: Results) -> Iterator[Fault]:
    """Columns that hold the same scores, in whatever order."""
    alike: dict[tuple[float, ...], list[str]] = {}
    for (dataset, method), runs in results.groups.items():
        if len(runs) >= FEW:
            alike.setdefault(tuple(sorted(runs["score"])), []).append(f"{method} on {dataset}")
    for scores, names in alike.items():
        if len(names) > 1:
            yield Fault(
                "same numbers",
                f"{joined(names)} have the same {len(scores)} scores: one may be a copy of the other, and their comparison "
                "says nothing.",
            )


def repeated_values(results: Results) -> Iterator[Fault]:
    """Scores that a method has more often than chance would have it, given how finely scores are written."""
    for dataset, rows in _by_dataset(results):
        step, spread = _resolution(rows["score"]), _typical_spread(rows)
        for method, runs in rows.groupby("method", sort=False):
            for score, count in runs["score"].value_counts().items():
                if count > 1 and _coincidences(len(runs), int(count), step, spread) < SURPRISING:
                    again = runs[runs["score"] == score]
                    yield Fault(
                        "repeated value",
                        f"{dataset}: {count} of {plural(len(runs), 'run')} of {method} have the same score {score:g} "
                        f"({lines_of(again)}), more than chance explains: a copy, a mean, or searches that ended alike.",
                    )


def carried_by_few(results: Results) -> Iterator[Fault]:
    """Runs far from the others of their column that decide what a comparison says."""
    before = _by_comparison(results)
    for dataset, rows in _by_dataset(results):
        typical = _typical_spread(rows)
        for method, runs in rows.groupby("method", sort=False):
            far = _far(runs, typical)
            if far.empty:
                continue
            after = _by_comparison(dataclasses.replace(results, runs=results.runs.drop(far.index)))
            own = [(dataset, name) for name, baseline in results.baselines.items() if method in (name, baseline)]
            said = [text for key in own if (text := _change(before[key], after[key]))]
            if said:
                yield Fault(
                    "outlier",
                    f"{dataset}: {joined(f'{score:g}' for score in far['score'])} of {method} ({lines_of(far)}) "
                    f"{'is' if len(far) == 1 else 'are'} far from its other {plural(len(runs) - len(far), 'run')} (median "
                    f"{runs['score'].median():g}) and {'carries' if len(far) == 1 else 'carry'} its mean; kept. {' '.join(said)}",
                )


CHECKS: tuple[Check, ...] = (
    without_baseline,
    few_runs,
    unequal_runs,
    unpaired,
    mixed_units,
    same_numbers,
    repeated_values,
    carried_by_few,
)


def _by_dataset(results: Results) -> Iterator[tuple[str, pd.DataFrame]]:
    for dataset, rows in results.runs.groupby("dataset", sort=False):
        yield str(dataset), rows


def _by_comparison(results: Results) -> dict[tuple[str, str], dict[Any, Any]]:
    rows = relative_improvements(results).to_dict("records")
    return {(row["dataset"], row["method"]): row for row in rows}


def _deviation(scores: pd.Series[float]) -> float:
    """Return the robust standard deviation of scores."""
    return _NORMAL * float((scores - scores.median()).abs().median())


def _typical_spread(rows: pd.DataFrame) -> float:
    """Return the median over the methods of a data set of the robust standard deviation of their runs."""
    return float(np.median([_deviation(runs["score"]) for _, runs in rows.groupby("method", sort=False)]))


def _resolution(scores: pd.Series[float]) -> float:
    """Return the smallest step between the scores of a data set; 0 for a single value."""
    steps = np.diff(np.unique(scores))
    return float(steps.min()) if len(steps) else 0.0


def _coincidences(n: int, k: int, step: float, spread: float) -> float:
    """Return the expected number of k-tuples of equal scores among `n` normal ones that are rounded to `step`."""
    if spread == 0:
        return 0.0 if k >= FEW else math.inf
    return math.comb(n, k) * (step / (math.sqrt(2 * math.pi) * spread)) ** (k - 1) / math.sqrt(k)


def _far(runs: pd.DataFrame, typical: float) -> pd.DataFrame:
    """Return the runs that are far from their median, where they are few; the spread is that of this or of other methods."""
    spread = max(_deviation(runs["score"]), typical)
    far = runs[(runs["score"] - runs["score"].median()).abs() > FAR * spread]
    return far if len(runs) >= FEW and spread > 0 else far.iloc[:0]


def _change(before: Mapping[Any, Any], after: Mapping[Any, Any]) -> str:
    """Return what leaving out runs does to a comparison; empty if nothing that matters."""
    if pd.isna(before["ri"]) or pd.isna(after["ri"]):
        return ""
    said = [verdict(row["p_holm"], row["ri"]) or "undecided" for row in (before, after)]
    reach = 0.0 if pd.isna(after["ci_low"]) else (after["ci_high"] - after["ci_low"]) / 2.0
    if said[0] == said[1] and abs(after["ri"] - before["ri"]) <= reach:
        return ""
    turn = f"{said[0]} with, {said[1]} without" if said[0] != said[1] else f"{said[0]} with and without"
    return (
        f"RI of {before['method']} over {before['baseline']}: {signed(before['ri'])} % with, {signed(after['ri'])} % "
        f"without; {turn}."
    )
