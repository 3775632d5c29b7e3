"""Relative improvement over random search, and what each method is worth in random draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import pandas as pd

from harness.reporting.families import AVERAGE
from harness.reporting.figures import draw_forest, left_out
from harness.reporting.formats import (
    NOTHING,
    dataset,
    integer,
    interval,
    is_missing,
    method,
    method_text,
    number,
    p_value,
    points,
    signed,
    text,
)
from harness.reporting.frames.improvement import RI_COLUMNS, relative_improvements, verdict, win_counts
from harness.reporting.frames.scores import EQUIVALENT_COLUMNS, random_equivalents
from harness.reporting.model import Best, Column, FigureBlock, Row, Section, TableBlock
from harness.reporting.run import Run

_MOST_ACROSS = 7  # methods that stand side by side


def relative_improvement(run: Run) -> Section:
    """Return RI over both baselines: at a glance, drawn, counted and in full."""
    return Section(
        "improvement",
        "Relative improvement over random search",
        [
            *(_glance(run, baseline) for baseline in run.of(relative_improvements)["baseline"].drop_duplicates()),
            FigureBlock(
                "relative_improvement",
                f"Relative improvement with 95 % intervals over {len(run.seeds):,} seeds; right of the line is better than the "
                "baseline. The scales of the panels differ: nothing compares across them, nor across data sets."
                + left_out(run),
                "Forest plot: one row a data set and method, one panel a baseline; its numbers are in this section's tables.",
                partial(draw_forest, run),
            ),
            *([_wins(run)] if len(run.of(win_counts)) else []),
            _full(run),
        ],
    )


def worth(run: Run) -> Section | None:
    """Return random-equivalent budgets; None where no table is there to compute them from."""
    frame = run.of(random_equivalents)
    if len(frame) == 0:
        return None
    frame = frame.assign(anchor=frame["group"].map(run.anchor))
    table = TableBlock(
        "random_equivalent",
        "Random-equivalent budget: the fewest random draws whose exact expected test score reaches the method's mean.",
        frame,
        [
            dataset(run),
            method(run),
            integer("n", "seeds", link="anchor"),
            _evaluations(run),
            Column("draws", "worth, draws", lambda row: _draws(row["draws"]), numeric=True),
            Column("draws_low", "95 % interval", _draws_interval, numeric=True),
            Column(
                "speed_up",
                "speed-up",
                lambda row: _ratio(row["speed_up"]),
                numeric=True,
                help="draws over what the method spent",
            ),
        ],
        csv=EQUIVALENT_COLUMNS,
        best=[Best(["draws"], ["benchmark", "budget"])],
        note="“not reached”: random search does not get there, however many draws it makes. The interval is that of the mean "
        "score, put through the exact curve; where that curve falls again, the first crossing counts.",
        folded=len(frame) > 20,
    )
    return Section("worth", "What the methods are worth in random draws", [table])


def _glance(run: Run, baseline: str) -> TableBlock:
    frame = run.of(relative_improvements)
    frame = frame[frame["baseline"] == baseline]
    is_check = frame.drop_duplicates("method").set_index("method")["is_check"]
    methods = {str(name): method_text(run, str(name), check) for name, check in is_check.items()}
    titles = {name: run.titles[name] for name in frame["benchmark"].drop_duplicates()}
    wide, columns = at_a_glance(frame, "benchmark", titles, methods)
    claims = int(frame["p_holm"].count())
    tested = f"* differs from the baseline, at 5 % by Holm's adjustment over the {claims} claims of the table."
    meaning = "the average architecture" if baseline == AVERAGE else "random search with the same budget"
    return TableBlock(
        f"improvement_over_{baseline.replace('@', '_')}",
        f"RI in % over {baseline}, {meaning}: estimate ± half-width of the 95 % interval.",
        wide,
        columns,
        note=(tested if claims else "No row has a test; the caveats say why.") + _of_checks(run, frame),
        best=compared(columns, "benchmark") if frame["budget"].nunique() == 1 else [],
    )


def _of_checks(run: Run, frame: pd.DataFrame) -> str:
    """Return a sentence on the rows that are no claims; empty where there are none beside an exact baseline."""
    if not frame["is_check"].any() or not frame["n_baseline"].isna().any():
        return ""
    what = "Random architectures are" if run.family.has_supernets else "Simulated random search is"
    return f" {what} a check of the exact law and no claim: in no family of tests."


def _evaluations(run: Run) -> Column:
    if run.budgets[0].kind == "epochs":
        return number("evaluations", "whole trainings", 1, help="that take the epochs that it spent, mean over seeds")
    return number("evaluations", "evaluations", 1, help="that the method made, mean over seeds")


def at_a_glance(
    frame: pd.DataFrame, key: str, datasets: Mapping[str, str], methods: Mapping[str, str]
) -> tuple[pd.DataFrame, list[Column]]:
    """Return relative improvements side by side: a row a data set and a column a method, or turned where those are too many.

    Parameters
    ----------
    frame
        A row a data set and method, with ``ri, ci_low, ci_high, p_holm``.
    key
        Column with the data set.
    datasets, methods
        What they are called, in order.

    Returns
    -------
    tuple of DataFrame and list of Column
        The numbers, and how they are shown.
    """
    sides = [(key, "data set", datasets), ("method", "method", methods)]
    if len(methods) > max(len(datasets), _MOST_ACROSS):
        sides.reverse()
    (down, head, rows), (across, _, columns) = sides
    wide = frame.pivot(index=down, columns=across, values=["ri", "ci_low", "ci_high", "p_holm"]).loc[list(rows)]
    wide.columns = wide.columns.map(lambda pair: f"{pair[1]} {pair[0]}")
    first = Column(down, head, lambda row: rows[row[down]])
    return wide.reset_index(), [first, *(_glance_column(name, title) for name, title in columns.items())]


def compared(columns: Sequence[Column], key: str) -> list[Best]:
    """Return which cells of a table by `at_a_glance`, with this `key`, compare: those of methods on one data set."""
    first, *others = columns
    return [Best([one.key for one in others], [key])] if first.key == key else [Best([one.key]) for one in others]


def _glance_column(name: str, title: str) -> Column:
    ri, low, high, p_holm = (f"{name} {key}" for key in ("ri", "ci_low", "ci_high", "p_holm"))

    def tone(row: Row) -> str:
        return verdict(row[p_holm], row[ri])

    def show(row: Row) -> str:
        if is_missing(row[ri]):
            return NOTHING
        if is_missing(row[low]):
            return signed(row[ri])
        return ("* " if verdict(row[p_holm], row[ri]) else "") + f"{signed(row[ri])} ± {(row[high] - row[low]) / 2:.2f}"

    return Column(ri, title, show, numeric=True, tone=tone)


def _wins(run: Run) -> TableBlock:
    frame = run.of(win_counts)
    return TableBlock(
        "wins",
        f"On how many {run.family.noun}s each method is better or worse than each baseline, after Holm's adjustment at 5 %.",
        frame,
        [
            text("baseline", "baseline"),
            text("method", "method"),
            integer("wins", "better"),
            integer("undecided", "undecided"),
            integer("losses", "worse"),
            integer("untested", "no test"),
            integer("benchmarks", f"{run.family.noun}s"),
            integer("family", "tests in the family"),
        ],
        csv=["baseline", "method", "benchmarks", "wins", "undecided", "losses", "untested", "family"],
    )


def _full(run: Run) -> TableBlock:
    frame = run.of(relative_improvements)
    frame = frame.assign(anchor=frame["group"].map(run.anchor))
    columns = [
        dataset(run),
        method(run),
        text("baseline", "baseline"),
        integer("n_method", "seeds", link="anchor"),
        points("ri", "RI, %"),
        interval("ci_low", "ci_high", "95 % interval"),
        p_value("p_value", "p", help="two-sided, of the test that the interval inverts"),
        p_value("p_holm", "p, Holm", help="adjusted over all claims against the same baseline"),
        Column("test", "test", lambda row: row["note"] or row["test"]),
    ]
    if frame["n_baseline"].notna().any():
        columns.insert(4, integer("n_baseline", "seeds of the baseline"))
    if run.family.trains:
        columns.append(
            number(
                "detectable",
                "detectable RI, %",
                help="smallest true RI found with 80 % power at 5 %, before adjustment",
            )
        )
    family = frame.groupby("baseline", sort=False)["p_holm"].count()
    listed = ", ".join(f"{count} over {baseline}" for baseline, count in family.items())
    return TableBlock(
        "relative_improvement",
        f"Relative improvement of every method on every {run.family.noun} over every baseline.",
        frame,
        columns,
        csv=RI_COLUMNS,
        best=[Best(["ri"], ["benchmark", "baseline", "budget"])],
        note=f"One family of claims a baseline ({listed}). An exact baseline has no seeds." + _of_checks(run, frame),
        folded=True,
    )


def _draws(value: float) -> str:
    if is_missing(value):
        return NOTHING
    return f"{value:,.0f}" if value < float("inf") else "not reached"


def _draws_interval(row: Row) -> str:
    if is_missing(row["draws_low"]):
        return NOTHING
    return f"[{_draws(row['draws_low'])}, {_draws(row['draws_high'])}]"


def _ratio(value: float) -> str:
    if is_missing(value):
        return NOTHING
    return "not reached" if value == float("inf") else f"{value:.2f}×"
