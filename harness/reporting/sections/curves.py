"""Anytime curves, and random search at every budget."""

from __future__ import annotations

from harness.reporting.figures import draw_anytime, draw_random_curves, left_out
from harness.reporting.formats import dataset, integer, points, score
from harness.reporting.frames.curves import anytime, random_curves
from harness.reporting.model import FigureBlock, Section, TableBlock
from harness.reporting.run import Run

_EXACT = (
    "The exact curve is the law of random search, its band the interval in which the mean of as many searches lies. "
)


def anytime_curves(run: Run) -> Section | None:
    """Return mean incumbent test scores by evaluations; None where nothing finished."""
    if len(run.of(anytime)) == 0:
        return None
    figure = FigureBlock(
        "anytime",
        f"Test score of the incumbent by validation after so many {run.unit}: mean over {len(run.seeds):,} seeds as a step "
        "function, with its pointwise 95 % interval. "
        + (_EXACT if any(map(run.benchmarks[0].draws, run.budgets)) else "")
        + "The panels begin at a twentieth of the budget."
        + left_out(run),
        f"Anytime curves, one panel a data set: mean test score of each method against {run.unit} on a logarithmic axis.",
        lambda: draw_anytime(run),
    )
    return Section("anytime", "Over the course of the search", [figure])


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
        lambda: draw_random_curves(run),
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
