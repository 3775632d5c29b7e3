"""Aggregates of normalised scores over data sets: performance profiles and interquartile means."""

from __future__ import annotations

from functools import partial

from harness.reporting.figures import draw_profiles
from harness.reporting.formats import integer, method, number, span, text
from harness.reporting.frames.robust import ENOUGH, IQM_COLUMNS, interquartile_means, scaled
from harness.reporting.model import Best, FigureBlock, Prose, Section, TableBlock
from harness.reporting.run import Run

_SCALE = (
    "Every run's test score is put on a scale of its own table: 0 is random@1, the average architecture, and 100 the best "
    "test score in the table. All tables weigh alike."
)


def normalised_scores(run: Run) -> Section | None:
    """Return performance profiles and interquartile means, or why there are none; None without several tables."""
    tables = scaled(run)
    if len(tables) < 2:
        return None
    title = "Aggregate over data sets: normalised scores"
    if len(tables) < ENOUGH:
        reason = (
            f"No interquartile mean and no performance profile: {len(tables)} tables are too few, each says more by "
            f"itself; at least {ENOUGH} are wanted."
        )
        return Section("normalised", title, [Prose([reason])])
    absent = len(run.benchmarks) - len(tables)
    left_out = (
        f" {absent} of the run's {len(run.benchmarks)} tables have no such scale and are left out." if absent else ""
    )
    figure = FigureBlock(
        "profile",
        "Performance profiles: the share of runs, on all tables together, that end above a normalised score, and beneath by "
        "how much it differs from that of random search with the same budget; higher is better. Each band covers the whole "
        "profile at once with 95 % confidence (stratified bootstrap, constant width), for each method by itself. The profile "
        "of random search is exact and has none.",
        "Performance profiles: share of runs above each normalised score, one falling curve a method, and their differences "
        "from random search's.",
        partial(draw_profiles, run),
        picks=["methods"],
    )
    frame = run.of(interquartile_means)
    several = frame["budget"].nunique() > 1
    table = TableBlock(
        "interquartile_mean",
        "Interquartile mean of the normalised scores: the mean of the middle half of all runs on all tables.",
        frame,
        [
            *([integer("budget", "budget")] if several else []),
            method(run),
            integer("datasets", "tables"),
            integer("runs", "runs"),
            number("iqm", "interquartile mean"),
            span("low", "high", "95 % interval", help="stratified bootstrap, BCa"),
            *([text("note", "note")] if frame["note"].any() else []),
        ],
        csv=IQM_COLUMNS,
        best=[Best(["iqm"], ["budget"])],
        note="The interval is of these tables: runs are resampled within each. Random search is computed from its exact law, "
        "and has no runs and no interval. Robust to single bad runs, it says nothing of them: the profile does.",
    )
    return Section("normalised", title, [Prose([_SCALE + left_out]), figure, table])
