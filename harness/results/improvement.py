"""What the scores say: relative improvement over each method's own baseline, tested, and over all data sets together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from harness.errors import HarnessError
from harness.reporting.frames.improvement import RI_COLUMNS
from harness.results.model import Results
from harness.statistics import (
    RelativeImprovement,
    aggregate_improvement,
    detectable_improvement,
    holm,
    relative_improvement,
)
from harness.statistics._validate import FloatArray

POPULATIONS = {"these": "these data sets", "like these": "data sets like these"}
TABLE_COLUMNS = (*RI_COLUMNS, "test", "note")
AGGREGATE_COLUMNS = ("method", "baseline", "population", "datasets", "ri", "ci_low", "ci_high", "p_value", "note")


def relative_improvements(results: Results) -> pd.DataFrame:
    """Return RI of every method that has a baseline, on every data set.

    Returns
    -------
    DataFrame
        The columns of every table of relative improvements, ``test``, ``note`` (why there is no number or no test),
        ``result``, and ``scatter``, the standard deviation of the baseline's runs over the size of their mean. An
        improvement is positive whatever the direction: where lower is better, RI = 100 (r - a) / |r|, and ``result`` has the
        other sign. All rows are one family for Holm's adjustment.
    """
    rows: list[dict[str, Any]] = []
    for dataset in results.datasets:
        for method, baseline in results.baselines.items():
            scores, reference = compared(results, dataset, method)
            result, note = _improvement(results, scores, reference)
            low, high = (result.low, result.high) if results.sign > 0 else (-result.high, -result.low)
            rows.append(
                {
                    "benchmark": dataset,
                    "dataset": dataset,
                    "method": method,
                    "baseline": baseline,
                    "n_method": len(scores),
                    "n_baseline": len(reference),
                    "ri": results.sign * result.estimate,
                    "ci_low": low,
                    "ci_high": high,
                    "p_value": result.p_value,
                    "p_holm": np.nan,
                    "test": result.method,
                    "note": note,
                    "result": result,
                    "scatter": _scatter(reference),
                }
            )
    frame = pd.DataFrame(rows, columns=[*TABLE_COLUMNS, "result", "scatter"])
    return frame.assign(p_holm=holm(frame["p_value"]))


def compared(results: Results, dataset: str, method: str) -> tuple[FloatArray, FloatArray]:
    """Return the scores of a method and of its baseline on a data set; seed by seed, and of common seeds only, if paired."""
    own, other = results.of(dataset, method), results.of(dataset, results.baselines[method])
    if results.paired:
        both = own.merge(other, on="seed")
        return both["score_x"].to_numpy(), both["score_y"].to_numpy()
    return own["score"].to_numpy(), other["score"].to_numpy()


def detectable(results: Results) -> list[float]:
    """Return, for every row of `relative_improvements`, the smallest true RI that as many runs find with 80 % power.

    For unequal numbers of runs the smaller counts. NaN without spread.
    """
    found = []
    for dataset in results.datasets:
        for method in results.baselines:
            scores, reference = compared(results, dataset, method)
            n = min(len(scores), len(reference))
            result, _ = _improvement(results, scores, reference)
            known = n > 1 and reference.mean() != 0
            if results.architectures is not None:
                known = known and not np.isnan(result.p_value)
            elif results.paired:  # logarithms
                known = known and np.ptp(np.sign([scores, reference])) == 0
            cv = _variation(results, scores, reference, result) if known else 0.0
            found.append(detectable_improvement(n, cv, exact_baseline=results.paired) if cv > 0 else np.nan)
    return found


def aggregates(results: Results, improvements: pd.DataFrame) -> pd.DataFrame:
    """Return each method's geometric-mean RI over the data sets where it has one, for both populations.

    Returns
    -------
    DataFrame
        Columns `AGGREGATE_COLUMNS`; empty for one data set.
    """
    rows: list[dict[str, Any]] = []
    for (method, baseline), part in improvements.groupby(["method", "baseline"], sort=False):
        known = part[part["ri"].notna()]
        if len(results.datasets) == 1 or known.empty:
            continue
        absent = f"only {len(known)} of {len(part)} data sets" if len(known) < len(part) else ""
        for population, words in POPULATIONS.items():
            row = {"method": method, "baseline": baseline, "population": words, "datasets": len(known)}
            try:
                found = aggregate_improvement(known["result"].tolist(), population)
            except HarnessError as error:
                rows.append(row | {"note": "; ".join(filter(None, (absent, str(error))))})
                continue
            low, high = (found.low, found.high) if results.sign > 0 else (-found.high, -found.low)
            row |= {"ri": results.sign * found.estimate, "ci_low": low, "ci_high": high, "p_value": found.p_value}
            rows.append(row | {"note": "; ".join(filter(None, (absent, found.note)))})
    return pd.DataFrame(rows, columns=AGGREGATE_COLUMNS)


def _improvement(results: Results, scores: FloatArray, reference: FloatArray) -> tuple[RelativeImprovement, str]:
    """Return RI with higher taken for better, all NaN where there is none, and why it or its interval is missing."""
    if len(scores) and len(reference):
        try:
            result = relative_improvement(scores, reference, results.paired, architectures=results.architectures)
        except HarnessError as error:
            note = str(error)
        else:
            return result, result.note
    else:
        note = (
            "no common seed"
            if results.paired
            else "no run of the method"
            if len(reference)
            else "no run of the baseline"
        )
    nan = float("nan")
    return RelativeImprovement(
        nan, nan, nan, nan, nan, len(scores), len(reference), "sample", "", 0.95, nan, note
    ), note


def _scatter(reference: FloatArray) -> float:
    known = len(reference) > 1 and reference.mean() != 0
    return float(np.std(reference, ddof=1) / abs(reference.mean())) if known else np.nan


def _variation(results: Results, scores: FloatArray, reference: FloatArray, result: RelativeImprovement) -> float:
    """Return the coefficient of variation in percent that the test of RI has to do with."""
    if results.paired:
        if results.architectures is not None:
            return 100.0 * result.log_error * len(scores) ** 0.5
        return 100.0 * float(np.std(np.log(scores / reference), ddof=1))
    pooled = (np.var(scores, ddof=1) + np.var(reference, ddof=1)) / 2.0
    return 100.0 * float(np.sqrt(pooled) / abs(reference.mean()))
