"""Anytime curves, and random search at every budget."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from harness.reporting.figures import draw_anytime, draw_random_curves, left_out
from harness.reporting.formats import dataset, integer, interval, method, points, score, scores, text
from harness.reporting.frames.curves import AREA_COLUMNS, anytime, areas_under_regret, random_curves
from harness.reporting.model import Best, FigureBlock, Section, TableBlock
from harness.reporting.plots import MOST_BANDS
from harness.reporting.run import Run

_EXACT = "The exact curve is the law of random search, which has no error. "


def anytime_curves(run: Run) -> Section | None:
    """Return mean incumbent test scores by what is spent, and areas under regret; None where nothing finished."""
    if len(run.of(anytime)) == 0:
        return None
    most = run.of(anytime).groupby(["benchmark", "budget"])["method"].nunique().max()
    bands = f"; of more than {MOST_BANDS} curves they are in anytime.csv only" if most > MOST_BANDS else ""
    figure = FigureBlock(
        "anytime",
        f"Test score of the incumbent by validation after so many {run.unit}: mean over {len(run.seeds):,} seeds as a step "
        "function. The bands are simultaneous, at 95 %: each covers the whole mean curve of its method at once (bootstrap "
        f"sup-t), not only any one point of it{bands}. "
        + (_EXACT if any(map(run.benchmarks[0].draws, run.budgets)) else "")
        + "The panels begin at a twentieth of the budget."
        + left_out(run),
        f"Anytime curves, one panel a data set: mean test score of each method against {run.unit} on a logarithmic axis.",
        partial(draw_anytime, run),
    )
    return Section("anytime", "Over the course of the search", [figure, *_areas(run)])


def _areas(run: Run) -> Iterator[TableBlock]:
    """Yield the table of areas under regret; nothing without a table to know the regret from, or evaluations to count."""
    frame = run.of(areas_under_regret)
    if len(frame) == 0:
        return
    frame = frame.assign(anchor=frame["group"].map(run.anchor))
    yield TableBlock(
        "area_under_regret",
        "Area under regret: the incumbent's distance from the best test score in the table, averaged over the logarithm of "
        "the evaluations from 1 to the budget; smaller is better.",
        frame,
        [
            dataset(run),
            method(run),
            integer("n", "seeds", link="anchor"),
            score("area", "area", run),
            scores("low", "high", "95 % interval", run),
            score("random", "of random search, exact", run),
            points("less", "less than random, %"),
            interval("less_low", "less_high", "95 % interval"),
            *([text("note", "note")] if frame["note"].any() else []),
        ],
        csv=AREA_COLUMNS,
        best=[Best(["area"], ["benchmark", "budget"], lambda row: -1.0)],
        note="Over the logarithm a doubling of the evaluations weighs the same wherever it happens, so that early progress "
        "counts. Intervals are one-sample t intervals over seeds and hold one at a time; random search's area is exact.",
        folded=len(frame) > 20,
    )


def random_search(run: Run) -> Section | None:
    """Return the exact law at many budgets, where over-selection shows; None without a table."""
    curves = run.of(random_curves)
    if len(curves) == 0:
        return None
    shown = curves[curves["is_shown"]].reset_index(drop=True)
    figure = FigureBlock(
        "random_curve",
        "Exact expected test score of random search by its number of draws, and the range of 90 % of single searches; the "
        "broken line is what the suite's budget pays for, where that is a fixed number. Where the curve falls, choosing by "
        "validation over-selects." + left_out(run),
        "Curves, one panel a data set: expected test score of random search against the number of draws, logarithmic.",
        partial(draw_random_curves, run),
        picks=["benchmarks"],
    )
    table = TableBlock(
        "random_curve",
        "Exact law of random search at some budgets.",
        shown,
        [
            dataset(run),
            integer("n", "draws"),
            score("mean", "mean", run),
            score("std", "standard deviation", run),
            score("low", "5 % quantile", run),
            score("high", "95 % quantile", run),
            points("ri", "RI over random@1, %"),
        ],
        csv=["benchmark", "dataset", "unit", "n", "mean", "std", "low", "high", "ri"],
        folded=True,
    )
    return Section("random", "Random search at every budget, exactly", [figure, table])
