"""What is odd about the numbers. Nothing is mended and nothing is dropped: each check says what it sees, and where."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from harness.reporting.formats import joined, plural, signed
from harness.reporting.frames.improvement import verdict
from harness.results.clean import APART, lines_of, listed
from harness.results.improvement import relative_improvements
from harness.results.model import DOUBTS, LACKS, MOVES, TURNS, Fault, Results
from harness.results.resolution import steps
from harness.statistics._validate import FloatArray

Check = Callable[[Results], Iterator[Fault]]

FEW = 3  # runs below which a spread says next to nothing
FAR = 5.0  # robust standard deviations from the median at which a run is looked at
SURPRISING = 0.001  # expected number of coincidences below which equal scores are worth a word
_NORMAL = 1.4826  # standard deviation of a normal law over its median absolute deviation


def all_faults(results: Results) -> list[Fault]:
    """Return what was odd while reading and what is odd about the numbers, what changes a verdict first."""
    found = [*results.faults, *(fault for check in CHECKS for fault in check(results))]
    return sorted(found, key=lambda fault: fault.effect)


def without_baseline(results: Results) -> Iterator[Fault]:
    """Methods that are compared with nothing, and those that lack runs on some data set."""
    for method in results.methods:
        if method not in {*results.baselines, *results.baselines.values()}:
            yield Fault(
                "no baseline", f"{method} has no baseline and is nobody's: it is listed, but not compared.", LACKS
            )
    for method, baseline in results.baselines.items():
        missing = [d for d in results.datasets if results.of(d, baseline).empty and len(results.of(d, method))]
        if missing:
            yield Fault(
                "no baseline",
                f"{method} has no RI on {joined(missing)}: no run of its baseline {baseline} there.",
                LACKS,
            )
        missing = [d for d in results.datasets if results.of(d, method).empty]
        if missing:
            yield Fault("no runs", f"{method} has no RI on {joined(missing)}: no run of it there.", LACKS)


def few_runs(results: Results) -> Iterator[Fault]:
    """Methods and baselines with fewer than three runs."""
    few = [f"{m} on {d} ({len(runs)})" for (d, m), runs in results.groups.items() if len(runs) < FEW]
    if few:
        yield Fault("few runs", f"Fewer than {FEW} runs, so that their spread is hardly known: {listed(few)}.", DOUBTS)


def unequal_runs(results: Results) -> Iterator[Fault]:
    """Comparisons of unequal numbers of runs."""
    unequal = []
    for dataset in results.datasets:
        for method, baseline in results.baselines.items():
            n, m = len(results.of(dataset, method)), len(results.of(dataset, baseline))
            if n and m and n != m:
                unequal.append(f"{dataset}: {n} of {method} against {m} of {baseline}")
    if unequal:
        yield Fault(
            "unequal runs", f"Unequal numbers of runs; a run that failed may be missing: {listed(unequal)}.", LACKS
        )


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
                    LACKS,
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
        scores = runs["score"].to_numpy()
        is_small = (scores > 0) & (scores <= 1)
        if runs["unit"].iloc[0] == "percent" and is_small.any() and scores.max() > APART * scores[is_small].max():
            yield Fault(
                "unit",
                f"{dataset}: {method} has {joined(f'{score:g}' for score in scores[is_small])} ({lines_of(runs[is_small])}), "
                "taken for percent as stated; it looks like a fraction.",
                TURNS,
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
                DOUBTS,
            )


def repeated_values(results: Results) -> Iterator[Fault]:
    """Scores that a method has more often than chance would have it, given how finely scores are written."""
    for dataset, columns in _columns(results):
        spread = _typical_spread(columns)
        written = steps([results.of(dataset, method) for method in columns])
        for (method, scores), step in zip(columns.items(), written, strict=True):
            for score, count in zip(*np.unique(scores, return_counts=True), strict=True):
                if count > 1 and _coincidences(len(scores), int(count), step, spread) < SURPRISING:
                    places = lines_of(results.of(dataset, method)[scores == score])
                    yield Fault(
                        "repeated value",
                        f"{dataset}: {count} of {plural(len(scores), 'run')} of {method} have the same score {score:g} "
                        f"({places}), more than chance explains: a copy, a mean, or searches that ended alike.",
                        DOUBTS,
                    )


def carried_by_few(results: Results) -> Iterator[Fault]:
    """Runs far from the others of their column that decide what a comparison says."""
    before = _by_comparison(results)
    for dataset, columns in _columns(results):
        typical = _typical_spread(columns)
        for method, scores in columns.items():
            is_far = _far(scores, typical)
            if not is_far.any():
                continue
            far = results.of(dataset, method)[is_far]
            after = _by_comparison(dataclasses.replace(results, runs=results.runs.drop(far.index)))
            own = [(dataset, name) for name, baseline in results.baselines.items() if method in (name, baseline)]
            changes = [found for key in own if (found := _change(before[key], after[key]))]
            if changes:
                said = " ".join(text for text, _ in changes)
                one = len(far) == 1
                yield Fault(
                    "outlier",
                    f"{dataset}: {joined(f'{score:g}' for score in far['score'])} of {method} ({lines_of(far)}) "
                    f"{'is' if one else 'are'} far from its other {plural(len(scores) - len(far), 'run')} (median "
                    f"{np.median(scores):g}) and {'carries' if one else 'carry'} its mean; kept. {said}",
                    min(effect for _, effect in changes),
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


def _columns(results: Results) -> Iterator[tuple[str, dict[str, FloatArray]]]:
    """Yield data sets with the scores of each method there."""
    for dataset in results.datasets:
        found = {m: runs["score"].to_numpy() for (d, m), runs in results.groups.items() if d == dataset}
        yield dataset, found


def _by_comparison(results: Results) -> dict[tuple[str, str], dict[Any, Any]]:
    rows = relative_improvements(results).to_dict("records")
    return {(row["dataset"], row["method"]): row for row in rows}


def _deviation(scores: FloatArray) -> float:
    """Return the robust standard deviation of scores."""
    return _NORMAL * float(np.median(np.abs(scores - np.median(scores))))


def _typical_spread(columns: Mapping[str, FloatArray]) -> float:
    """Return the median over the methods of a data set of the robust standard deviation of their runs."""
    return float(np.median([_deviation(scores) for scores in columns.values()]))


def _coincidences(n: int, k: int, step: float, spread: float) -> float:
    """Return the expected number of k-tuples of equal scores among `n` normal ones that are rounded to `step`."""
    if spread == 0:
        return 0.0 if k >= FEW else math.inf
    return math.comb(n, k) * (step / (math.sqrt(2 * math.pi) * spread)) ** (k - 1) / math.sqrt(k)


def _far(scores: FloatArray, typical: float) -> npt.NDArray[np.bool_]:
    """Return which runs are far from the median of their method; the spread is that of this or of the other methods."""
    spread = max(_deviation(scores), typical)
    if len(scores) < FEW or spread == 0:
        return np.zeros(len(scores), dtype=np.bool_)
    return np.asarray(np.abs(scores - np.median(scores)) > FAR * spread)


def _change(before: Mapping[Any, Any], after: Mapping[Any, Any]) -> tuple[str, int] | None:
    """Return what leaving out runs does to a comparison, in words and as a `Fault.effect`; None if nothing that matters."""
    if pd.isna(before["ri"]) or pd.isna(after["ri"]):
        return None
    said = [verdict(row["p_holm"], row["ri"]) or "undecided" for row in (before, after)]
    reach = 0.0 if pd.isna(after["ci_low"]) else (after["ci_high"] - after["ci_low"]) / 2.0
    if said[0] == said[1] and abs(after["ri"] - before["ri"]) <= reach:
        return None
    turn = f"{said[0]} with, {said[1]} without" if said[0] != said[1] else f"{said[0]} with and without"
    text = (
        f"RI of {before['method']} over {before['baseline']}: {signed(before['ri'])} % with, {signed(after['ri'])} % "
        f"without; {turn}."
    )
    return text, TURNS if said[0] != said[1] else MOVES
