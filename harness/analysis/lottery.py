"""The spread of methods over their parameters beside their gap to random search: the hyperparameter lottery."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from harness.analysis.contests import NO_POINTS, Contest, Source, contests, without_budget
from harness.errors import HarnessError
from harness.reporting.figures import draw_lottery
from harness.reporting.images import save_figure
from harness.reporting.run import load_run
from harness.running.records import RECORDS
from harness.statistics import holm, hyperparameter_lottery

_POINTS = ("spread", "spread_by_chance", "gap")


def lottery(source: Source, figure: Path | None = None) -> pd.DataFrame:
    """Set the spread of each method over its parameters beside its gap to random search.

    Parameters
    ----------
    source
        Output folder of a run in which a method has several parameterisations at one budget; or results that were read with a
        column of settings and a baseline, or the folder in which import-results has kept such.
    figure
        File for a drawing of all of them by budget, by its ending ``.svg``, ``.png`` or ``.pdf``; of a run only.

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
    met = contests(source)
    if any(contest.summaries for contest in met):
        raise HarnessError("lottery: settings are compared seed by seed, and means with their deviations have no seeds")
    rows: list[dict[str, Any]] = []
    drawn: list[pd.DataFrame] = []
    for contest in met:
        for name in dict.fromkeys(contest.families.values()):
            settings = [one for one, family in contest.families.items() if family == name]
            if len(settings) < 2:
                continue
            row: dict[str, Any] = {"benchmark": contest.benchmark, "method": name, "budget": contest.budget}
            row |= {"settings": len(settings)}
            scores = contest.common(settings)
            row["seeds"] = scores.shape[1]
            if scores.shape[1] < 2:
                rows.append(row | {"note": "the settings share fewer than 2 finished seeds"})
                continue
            mean, _ = contest.moments
            default = contest.default(name)
            rows.append(row | _row(contest, scores, mean, default))
            if mean != 0:
                points = 100.0 * contest.sign * (scores.mean(axis=1) - mean) / abs(mean)
                part = pd.DataFrame({"setting": points.index, "ri": points.to_numpy()})
                part["is_default"] = part["setting"] == default
                drawn.append(part.assign(**{key: row[key] for key in ("benchmark", "method", "budget")}))
    if not rows:
        place = source if isinstance(source, Path) else "results"
        raise HarnessError(f"{place}: no method has two parameterisations at one budget; give it twice, with labels")
    if figure is not None:
        _save(source, drawn, figure)
    columns = [*("benchmark", "method", "budget", "settings", "seeds", "worst_setting", "best_setting", "random")]
    columns += ["worst", "lower", "median", "upper", "best", "default", "share_above", *_POINTS, "tuning"]
    columns += ["ratio", "p_value"]
    frame = pd.DataFrame(rows, columns=[*columns, "note"])
    frame.insert(len(columns), "p_holm", holm(frame["p_value"].to_numpy(dtype=np.float64)))
    return without_budget(frame if frame["note"].any() else frame.drop(columns="note"))


def _row(contest: Contest, scores: pd.DataFrame, mean: float, default: str | None) -> dict[str, Any]:
    """What the scores of a method's settings (settings by seeds) come to."""
    by_setting = scores.mean(axis=1)
    found = hyperparameter_lottery(contest.sign * scores.to_numpy(), contest.sign * mean)
    row: dict[str, Any] = {
        "worst_setting": (contest.sign * by_setting).idxmin(),
        "best_setting": (contest.sign * by_setting).idxmax(),
        "random": mean,
        "default": np.nan if default is None else by_setting[default],
        "share_above": found.share_above,
        "ratio": found.ratio,
        "p_value": found.p_value,
        "note": "" if mean != 0 else NO_POINTS,
    }
    row |= {one: contest.sign * getattr(found, one) for one in ("worst", "lower", "median", "upper", "best")}
    if mean != 0:
        row |= {key: 100.0 * getattr(found, key) / abs(mean) for key in _POINTS}
        row["tuning"] = 100.0 * contest.sign * (row["best"] - row["default"]) / abs(mean)
    return row


def _save(source: Source, drawn: list[pd.DataFrame], figure: Path) -> None:
    if not isinstance(source, Path) or not (source / RECORDS).is_file():
        raise HarnessError(
            f"{figure}: settings are drawn by the budgets of a run, and results from elsewhere have none"
        )
    if not drawn:
        raise HarnessError(f"{figure}: there is nothing to draw: no method has RI points")
    frame, run = pd.concat(drawn, ignore_index=True), load_run(source)
    save_figure(figure, lambda: draw_lottery(run, frame))
