"""Is it worth it: quality against evaluations, and against seconds of evaluation and of a method's own computing.

Seconds differ from run to run, so that this is a page of its own beside the report, which is the same every time.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import pandas as pd

from harness.reporting.figures import draw_seconds
from harness.reporting.formats import (
    NOTHING,
    dataset,
    integer,
    interval,
    is_missing,
    joined,
    number,
    plural,
    points,
    score,
    signed,
    text,
)
from harness.reporting.frames.seconds import SECONDS_COLUMNS, seconds_of_a_draw, worth_in_seconds
from harness.reporting.model import Block, Claim, Column, FigureBlock, Prose, Row, Section, TableBlock
from harness.reporting.run import Run

PAGE = "seconds"
TITLE = "Is it worth it? Seconds of fitting"


def to_seconds(run: Run) -> Section | None:
    """Return where the report speaks of seconds; None where no method computes anything beside its evaluations."""
    if len(run.of(worth_in_seconds)) == 0:
        return None
    words = (
        "Some of these methods fit models or ask samplers between evaluations. What that takes, and from what price of an "
        "evaluation on it pays, is on a page of its own, since seconds differ from run to run:"
    )
    return Section("fitting", TITLE, [Prose([words], page=PAGE)])


def worth_its_seconds(run: Run) -> Section:
    """Return the table of what own seconds buy and, of tables with seconds, the drawing of quality against them."""
    frame = run.of(worth_in_seconds)
    timed = [benchmark for benchmark in run.benchmarks if seconds_of_a_draw(benchmark) > 0]
    blocks: list[Block] = []
    if timed:
        blocks.append(
            FigureBlock(
                "seconds",
                "Mean test score at each budget, against evaluations and against seconds of evaluation and fitting together. "
                "Dark line: random search, exact; against seconds it makes as many draws as these pay for in the mean.",
                "Two panels a data set: mean test score against evaluations and against seconds, one line a method.",
                partial(draw_seconds, run),
            )
        )
    columns = [
        dataset(run),
        text("method", "method"),
        integer("n", "seeds"),
        number("evaluations", "evaluations", 1),
        score("test_mean", "test mean", run),
        number("fitting_s", "fitting, s", 3, help="processor seconds of its own models or sampler, mean over seeds"),
        Column("pays_from_s", "pays from, s an evaluation", lambda row: seconds_text(row["pays_from_s"]), numeric=True),
        Column("pays_from_s_low", "95 % interval", _interval, numeric=True),
    ]
    if timed:
        columns += [
            number("evaluation_s", "evaluation, s", 1, help="seconds that the table records for its evaluations"),
            integer(
                "random_draws", "draws in these seconds", help="of random search, in evaluation and fitting together"
            ),
            points("ri", "RI at equal seconds, %"),
            interval("ci_low", "ci_high", "95 % interval"),
        ]
    blocks.append(
        TableBlock(
            "seconds",
            "What the methods' own seconds buy.",
            frame,
            columns,
            csv=SECONDS_COLUMNS,
            note="Pays from: an evaluation must take so long that the method comes out ahead of random search that reaches the "
            "same mean score by more evaluations. 0: at any price, for random search does not get there, or nothing is fitted; "
            "never: random search needs no more evaluations. Fitting is timed on the machine of the run and evaluations on that "
            "of the table's recording; intervals are those of the mean score and take the seconds as they are. No claims, and "
            "in no family of tests.",
            folded=len(frame) > 20,
        )
    )
    return Section("seconds", TITLE, blocks)


def seconds_answer(run: Run) -> list[Claim]:
    """Return a claim for every method that fits something: what it takes, and from what price of an evaluation on it pays."""
    frame = run.of(worth_in_seconds)
    claims = []
    for name, rows in frame[frame["fitting_s"] > 0].groupby("method", sort=False):
        claims.append(Claim(str(name), " ".join(_sentences(run, rows))))
    return claims


def _sentences(run: Run, rows: pd.DataFrame) -> Iterator[str]:
    yield (
        f"computes for {rows['fitting_s'].mean():.2g} processor seconds a search itself, beside "
        f"{rows['evaluations'].mean():,.0f} evaluations (means over {plural(len(rows), 'table')})."
    )
    known = rows[rows["pays_from_s"].notna()]
    paying = known[np.isfinite(known["pays_from_s"])]
    if len(paying):
        low, high = (seconds_text(value) for value in (paying["pays_from_s"].min(), paying["pays_from_s"].max()))
        prices = f"{high} s" if low == high else f"{low} to {high} s"
        yield f"On {len(paying)} of {plural(len(known), 'table')} it pays from {prices} an evaluation on."
    if len(paying) < len(known):
        titles = [run.titles[name] for name in known.loc[~known.index.isin(paying.index), "benchmark"]]
        yield f"It never does on {joined(titles)}: random search needs no more evaluations for the same mean."
    for row in rows[rows["ri"].notna()].to_dict("records"):
        ends = "" if is_missing(row["ci_low"]) else f" [{signed(row['ci_low'])}, {signed(row['ci_high'])}]"
        yield f"On {run.titles[row['benchmark']]} RI over random search in the same seconds is {signed(row['ri'])} %{ends}."


def seconds_text(value: float) -> str:
    """Return a price of an evaluation in words: two digits, ``0``, or ``never``."""
    if is_missing(value):
        return NOTHING
    return "never" if np.isinf(value) else f"{value:.2g}"


def _interval(row: Row) -> str:
    if is_missing(row["pays_from_s_low"]):
        return NOTHING
    return f"[{seconds_text(row['pays_from_s_low'])}, {seconds_text(row['pays_from_s_high'])}]"
