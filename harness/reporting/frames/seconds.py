"""Whether methods are worth the seconds that they compute themselves, beside those of evaluation.

The only frames, with `harness.reporting.frames.cells.timings`, that differ between two runs of the same suite.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from harness.reporting.families.baseline import Baseline
from harness.reporting.frames.improvement import improvement_of
from harness.reporting.frames.scores import random_equivalents
from harness.reporting.run import Benchmark, FloatArray, Run
from harness.statistics import exact_random_baseline
from harness.tabular.table import COST

SECONDS_COLUMNS = (
    "benchmark",
    "dataset",
    "method",
    "budget",
    "n",
    "evaluations",
    "fitting_s",
    "evaluation_s",
    "pays_from_s",
    "pays_from_s_low",
    "pays_from_s_high",
    "random_draws",
    "ri",
    "ci_low",
    "ci_high",
)


def worth_in_seconds(run: Run) -> pd.DataFrame:
    """Return what the methods' own seconds buy, one row a table and method, random search left out.

    Returns
    -------
    DataFrame
        Columns `SECONDS_COLUMNS` and ``label, unit, test_mean``. ``evaluations``, ``fitting_s`` (processor seconds of models and
        samplers), ``evaluation_s`` (as recorded in the table, NaN where it has none) and ``test_mean`` are means over seeds.
        ``pays_from_s`` is how long an evaluation must take for the method to come out ahead: its own seconds over the further
        evaluations that random search needs for the same mean score; 0 where random search never gets there, infinite where it
        needs no more. The ends are those of the 95 % t interval of the mean score. ``random_draws`` is how many architectures
        random search evaluates in the seconds of fitting and evaluation together, in the mean, and ``ri, ci_low, ci_high`` is
        the relative improvement over exactly that search; NaN where the table has no seconds. No rows where nothing was
        computed beside evaluations, or records from before there was the column ``overhead_s``.
    """
    equivalents = run.of(random_equivalents).set_index("group")
    rows: list[dict[str, Any]] = []
    for group, (benchmark, entrant) in enumerate(run.pairs):
        done = run.finished(group)
        if entrant.is_check or run.family.has_supernets or benchmark.law is None or len(done) == 0:
            continue
        fitting = float(done["overhead_s"].mean())
        row: dict[str, Any] = {
            "benchmark": benchmark.name,
            "dataset": benchmark.dataset,
            "method": entrant.name,
            "budget": entrant.budget.amount,
            "n": len(done),
            "evaluations": float(done["n_evaluations"].mean()),
            "fitting_s": fitting,
            "evaluation_s": float(done["simulated_s"].mean()),
            "label": entrant.method.label,
            "unit": benchmark.unit,
            "test_mean": float(run.scores(group).mean()),
        }
        if group in equivalents.index:
            found = equivalents.loc[group].to_dict()
            ends = zip(("", "_low", "_high"), ("draws", "draws_high", "draws_low"), strict=True)
            row |= {f"pays_from_s{end}": pays_from(fitting, found[key], found["evaluations"]) for end, key in ends}
        if (seconds := seconds_of_a_draw(benchmark)) > 0 and not np.isnan(fitting):
            row |= _at_equal_seconds(run, group, row["evaluation_s"] + fitting, seconds)
        rows.append(row)
    frame = pd.DataFrame(rows, columns=[*SECONDS_COLUMNS, "label", "unit", "test_mean"])
    return frame if (frame["fitting_s"] > 0).any() else frame.iloc[:0]


def pays_from(fitting: float, draws: float, evaluations: float) -> float:
    """Return from how many seconds an evaluation on a method comes out ahead of random search at the same score.

    It makes `evaluations` and computes for `fitting` seconds itself, where random search makes `draws` evaluations: ahead where
    evaluations * c + fitting < draws * c for c seconds an evaluation. NaN if `draws` is not known.
    """
    if np.isnan(draws):
        return float("nan")
    return fitting / (draws - evaluations) if draws > evaluations else float("inf")


def seconds_of_a_draw(benchmark: Benchmark) -> float:
    """Return the mean seconds of evaluating a random architecture of the table's measure; NaN where it records none."""
    table = benchmark.table
    if table is None or COST not in table.columns:
        return float("nan")
    return float(np.average(table.columns[COST], weights=table.weights))


def random_by_seconds(benchmark: Benchmark, seconds: float) -> tuple[FloatArray, FloatArray]:
    """Return numbers of draws up to as many as `seconds` pay for in the mean, and random search's exact mean score at each."""
    assert benchmark.law is not None
    most = max(1, int(seconds / seconds_of_a_draw(benchmark)))
    draws = np.unique(np.geomspace(1, most, 200).astype(np.int64))
    return draws.astype(np.float64), np.asarray(benchmark.law.mean(draws), dtype=np.float64)


def _at_equal_seconds(run: Run, group: int, total: float, seconds: float) -> dict[str, Any]:
    law, draws = run.pairs[group][0].law, max(1, int(total / seconds))
    assert law is not None
    exact = exact_random_baseline(law, draws)
    found = improvement_of(run, group, Baseline(exact.name, exact, is_main=False))
    return {"random_draws": draws} | {key: found[key] for key in ("ri", "ci_low", "ci_high")}
