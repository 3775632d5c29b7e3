"""The spread of methods over their parameters beside their gap to random search."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from harness.analysis.common import NO_POINTS, contests, moments
from harness.errors import HarnessError
from harness.reporting.run import load_run
from harness.statistics import holm, hyperparameter_lottery


def lottery(folder: Path) -> pd.DataFrame:
    """Set the spread of each method over its parameters beside its gap to random search.

    Parameters
    ----------
    folder
        Output folder of a run in which a method has several parameterisations at one budget.

    Returns
    -------
    DataFrame
        One row a benchmark, method and budget: ``benchmark, method, budget, settings, seeds`` (those that all settings
        have), ``worst_setting, best_setting``, ``random`` (random search's mean at the same budget), ``worst, median,
        best`` (means over seeds, in the table's unit), and in RI points ``spread, spread_by_chance, gap``; ``ratio, p_value,
        p_holm``, as in `harness.statistics.Lottery`; and where something is missing, ``note`` says why.
    """
    run = load_run(folder)
    rows: list[dict[str, Any]] = []
    for benchmark, budget, entrants in contests(run):
        for name in dict.fromkeys(entrant.method.name for entrant in entrants):
            settings = [entrant for entrant in entrants if entrant.method.name == name]
            if len(settings) < 2:
                continue
            row: dict[str, Any] = {"benchmark": benchmark.name, "method": name, "budget": budget.amount}
            row |= {"settings": len(settings)}
            scores = run.common_scores(benchmark, settings)
            row["seeds"] = scores.shape[1]
            if scores.shape[1] < 2:
                rows.append(row | {"note": "the settings share fewer than 2 finished seeds"})
                continue
            mean, _ = moments(run, benchmark, budget)
            found = hyperparameter_lottery(benchmark.sign * scores.to_numpy(), benchmark.sign * mean)
            by_setting = (benchmark.sign * scores).mean(axis=1)
            row |= {"worst_setting": by_setting.idxmin(), "best_setting": by_setting.idxmax(), "random": mean}
            row |= {end: benchmark.sign * getattr(found, end) for end in ("worst", "median", "best")}
            if mean != 0:
                row |= {key: 100.0 * getattr(found, key) / abs(mean) for key in ("spread", "spread_by_chance", "gap")}
            rows.append(row | {"ratio": found.ratio, "p_value": found.p_value, "note": "" if mean != 0 else NO_POINTS})
    if not rows:
        raise HarnessError(f"{folder}: no method has two parameterisations at one budget; give it twice, with labels")
    columns = [*("benchmark", "method", "budget", "settings", "seeds", "worst_setting", "best_setting", "random")]
    columns += ["worst", "median", "best", "spread", "spread_by_chance", "gap", "ratio", "p_value"]
    frame = pd.DataFrame(rows, columns=[*columns, "note"])
    frame.insert(len(columns), "p_holm", holm(frame["p_value"].to_numpy(dtype=np.float64)))
    return frame if frame["note"].any() else frame.drop(columns="note")
