"""Methods against each other, seed by seed, where equal seeds share the split of the images."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd

from harness.reporting.run import FloatArray, Run
from harness.statistics import detectable_improvement, holm, mean_difference

PAIR_COLUMNS = (
    *("benchmark", "dataset", "a", "b", "n", "difference", "low", "high", "p_value", "p_holm", "detectable", "note"),
)


def method_pairs(run: Run) -> pd.DataFrame:
    """Return the difference between the test scores of every two methods, of searches on supernets.

    Returns
    -------
    DataFrame
        Columns `PAIR_COLUMNS` and ``unit``, a row a benchmark, budget and pair: the mean ``difference`` over the ``n`` seeds that
        both finished, in the unit of the scores and positive where ``a`` is better, with the interval and p-value of the
        paired t test; ``p_holm`` is adjusted over all rows; ``detectable`` is the smallest true difference that as many seeds
        find with 80 % power at 5 %, before adjustment. Random architectures and random search take no part. Empty for
        searches on tables, whose seeds share nothing to be paired by.
    """
    rows: list[dict[str, Any]] = []
    groups = [number for number, (_, entrant) in enumerate(run.pairs) if not entrant.is_check]
    for first, second in itertools.combinations(groups if run.family.has_supernets else [], 2):
        (benchmark, a), (benchmark_of_b, b) = run.pairs[first], run.pairs[second]
        if benchmark is benchmark_of_b and a.budget == b.budget:
            row = {"benchmark": benchmark.name, "dataset": benchmark.dataset, "a": a.name, "b": b.name}
            rows.append(
                row
                | {
                    "unit": benchmark.unit,
                    **_difference(benchmark.sign * run.common_scores(benchmark, (a, b)).to_numpy()),
                }
            )
    frame = pd.DataFrame(rows, columns=[*PAIR_COLUMNS, "unit"])
    return frame.assign(p_holm=holm(frame["p_value"].to_numpy(dtype=np.float64)))


def _difference(scores: FloatArray) -> dict[str, Any]:
    a, b = scores
    if len(a) == 0:
        return {"n": 0, "note": "no seed that both finished"}
    found, deviation = mean_difference(a, b, paired=True), float(np.std(a - b, ddof=1)) if len(a) > 1 else np.nan
    note = "one seed: no interval" if len(a) == 1 else "the same difference at every seed: no interval"
    return {
        "n": len(a),
        "difference": found.estimate,
        "low": found.low,
        "high": found.high,
        "p_value": found.p_value,
        # The plan of a one-sample test knows no unit: a deviation in goes with a difference out.
        "detectable": np.nan if found.note else detectable_improvement(len(a), deviation, exact_baseline=True),
        "note": note if found.note else "",
    }
