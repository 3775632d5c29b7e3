"""The spread of methods over their parameters beside their gap to random search: the hyperparameter lottery."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from harness.analysis.common import NO_POINTS, contests, moments
from harness.errors import HarnessError
from harness.methods.base import make_method, method_params
from harness.reporting.figures import draw_lottery
from harness.reporting.images import save_figure
from harness.reporting.run import Benchmark, Entrant, Run, load_run
from harness.statistics import holm, hyperparameter_lottery

_POINTS = ("spread", "spread_by_chance", "gap")


def lottery(folder: Path, figure: Path | None = None) -> pd.DataFrame:
    """Set the spread of each method over its parameters beside its gap to random search.

    Parameters
    ----------
    folder
        Output folder of a run in which a method has several parameterisations at one budget.
    figure
        File for a drawing of all of them by budget, by its ending ``.svg``, ``.png`` or ``.pdf``.

    Returns
    -------
    DataFrame
        One row a benchmark, method and budget: ``benchmark, method, budget, settings, seeds`` (those that all settings
        have), ``worst_setting, best_setting``, ``random`` (random search's mean at the same budget), ``worst, lower, median,
        upper, best`` (of the settings' means over seeds, in the table's unit: the ends, the quartiles and the median),
        ``default`` (the mean of the setting with the method's default parameters, NaN where it is not among them),
        ``share_above`` (share of the settings whose mean is better than random search's), and in RI points ``spread,
        spread_by_chance, gap`` (of the median to random search) and ``tuning`` (of the best to the default, which its noise
        makes too large: the best of settings that are all alike is above them by half of ``spread_by_chance``);
        ``ratio, p_value, p_holm``, as in `harness.statistics.Lottery`; and where something is missing, ``note`` says why.

    Notes
    -----
    Krishnan et al., "ArchGym: an open-source gymnasium for machine learning assisted architecture design", ISCA 2023
    (arXiv 2306.08888): methods are told apart by how their parameters were drawn as much as by what they are.
    """
    run = load_run(folder)
    rows: list[dict[str, Any]] = []
    drawn: list[pd.DataFrame] = []
    for benchmark, budget, entrants in contests(run):
        for name in dict.fromkeys(entrant.method.name for entrant in entrants):
            settings = [one for one in entrants if one.method.name == name and one.method.runs_on(benchmark.name)]
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
            default = _default(settings)
            rows.append(row | _row(benchmark, scores, mean, default))
            if mean != 0:
                points = 100.0 * benchmark.sign * (scores.mean(axis=1) - mean) / abs(mean)
                part = pd.DataFrame({"setting": points.index, "ri": points.to_numpy()})
                part["is_default"] = part["setting"] == default
                drawn.append(part.assign(**{key: row[key] for key in ("benchmark", "method", "budget")}))
    if not rows:
        raise HarnessError(f"{folder}: no method has two parameterisations at one budget; give it twice, with labels")
    if figure is not None:
        _save(run, drawn, figure)
    columns = [*("benchmark", "method", "budget", "settings", "seeds", "worst_setting", "best_setting", "random")]
    columns += ["worst", "lower", "median", "upper", "best", "default", "share_above", *_POINTS, "tuning"]
    columns += ["ratio", "p_value"]
    frame = pd.DataFrame(rows, columns=[*columns, "note"])
    frame.insert(len(columns), "p_holm", holm(frame["p_value"].to_numpy(dtype=np.float64)))
    return frame if frame["note"].any() else frame.drop(columns="note")


def _row(benchmark: Benchmark, scores: pd.DataFrame, mean: float, default: str | None) -> dict[str, Any]:
    """What the scores of a method's settings (settings by seeds) come to."""
    by_setting = scores.mean(axis=1)
    found = hyperparameter_lottery(benchmark.sign * scores.to_numpy(), benchmark.sign * mean)
    row: dict[str, Any] = {
        "worst_setting": (benchmark.sign * by_setting).idxmin(),
        "best_setting": (benchmark.sign * by_setting).idxmax(),
        "random": mean,
        "default": np.nan if default is None else by_setting[default],
        "share_above": found.share_above,
        "ratio": found.ratio,
        "p_value": found.p_value,
        "note": "" if mean != 0 else NO_POINTS,
    }
    row |= {one: benchmark.sign * getattr(found, one) for one in ("worst", "lower", "median", "upper", "best")}
    if mean != 0:
        row |= {key: 100.0 * getattr(found, key) / abs(mean) for key in _POINTS}
        row["tuning"] = 100.0 * benchmark.sign * (row["best"] - row["default"]) / abs(mean)
    return row


def _default(settings: list[Entrant]) -> str | None:
    """Name of the setting with the method's default parameters; None if it is not there, or the method not known here."""
    try:
        params = method_params(make_method(settings[0].method.name))
    except HarnessError:  # of a plug-in that is not loaded, or with a parameter that has no default
        return None
    return next((entrant.name for entrant in settings if dict(entrant.method.params) == params), None)


def _save(run: Run, drawn: list[pd.DataFrame], figure: Path) -> None:
    if not drawn:
        raise HarnessError(f"{figure}: there is nothing to draw: no method has RI points")
    frame = pd.concat(drawn, ignore_index=True)
    save_figure(figure, lambda: draw_lottery(run, frame))
