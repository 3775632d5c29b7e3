"""Significance: every test beside the interval's own, and what holds over all tables together."""

from __future__ import annotations

from functools import partial

import pandas as pd

from harness.reporting.figures import draw_ranks
from harness.reporting.formats import (
    NOTHING,
    dataset,
    integer,
    interval,
    is_missing,
    joined,
    method,
    number,
    p_text,
    p_value,
    points,
    shown_score,
    signed,
    text,
)
from harness.reporting.frames.pairs import PAIR_COLUMNS, method_pairs
from harness.reporting.frames.significance import (
    AGGREGATE_COLUMNS,
    EXACT_UP_TO,
    SIGNIFICANCE_COLUMNS,
    aggregates,
    mean_ranks,
    rank_pairs,
    rankings,
    significance,
)
from harness.reporting.model import Best, Block, Column, FigureBlock, Prose, Row, Section, TableBlock
from harness.reporting.run import Run


def tests(run: Run) -> Section:
    """Return all tests against random search at equal budget, one data set at a time."""
    frame = run.of(significance)
    frame = frame.assign(anchor=frame["group"].map(run.anchor))
    optional = [
        p_value(
            "p_exact", "p, exact, one-sided", help="that as many random searches have as good a mean; no normality"
        ),
        p_value("p_dunnett", "p, Dunnett", help="all methods against one sampled baseline"),
    ]
    wins = Column("win_probability", "beats a random search", _probability, numeric=True)
    beats = (
        "“Beats a random search”: the probability that one search of the method ends above one random search, ties counting "
        "half, with its 95 % interval."
    )
    exact = (
        "The exact p-value is one-sided, and not to be read beside the two-sided ones as if it were the same test; it is "
        f"left out for more than {EXACT_UP_TO} seeds. It needs no spread; seeds that all went the same way count once. "
    )
    table = TableBlock(
        "significance",
        f"All tests of each method against {joined(dict.fromkeys(map(run.family.main_baseline, frame['baseline'])))}.",
        frame,
        [
            dataset(run),
            method(run),
            text("baseline", "baseline"),
            integer("n_method", "seeds", link="anchor"),
            points("ri", "RI, %"),
            p_value("p_value", "p", help="two-sided t test"),
            p_value("p_holm", "p, Holm", help="for claims: controls the chance of any false one in the family"),
            p_value(
                "p_bh",
                "p, Benjamini-Hochberg",
                help="for an overview: controls the share of false ones among those found",
            ),
            *(column for column in optional if frame[column.key].notna().any()),
            *([wins] if frame["win_probability"].notna().any() else []),
            number(
                "detectable",
                "detectable RI, %",
                help="smallest true RI found with 80 % power at 5 %, before adjustment",
            ),
        ],
        csv=SIGNIFICANCE_COLUMNS,
        best=[Best(["ri"], ["benchmark", "baseline"])],
        note=(exact if frame["p_exact"].notna().any() else "")
        + (beats if frame["win_probability"].notna().any() else ""),
        folded=len(frame) > 20,
    )
    pairs = [_pairs(run)] if len(run.of(method_pairs)) else []
    return Section("significance", "Significance, one data set at a time", [table, *pairs])


def all_tables(run: Run) -> Section | None:
    """Return the aggregate over data sets and the methods' ranking, or why there is none; None for one data set."""
    if len(run.benchmarks) < 2:
        return None
    blocks: list[Block] = []
    frame = run.of(aggregates)
    if len(frame):
        blocks.append(_aggregate(run, frame))
    else:
        blocks.append(Prose(["No aggregate: on some tables higher scores are better, on others lower ones."]))
    blocks += [
        Prose([f"No ranking of the methods together with {baseline} by tests over data sets: {reason}."])
        for baseline, reason in run.of(rankings).items()
        if isinstance(reason, str)
    ]
    if len(run.of(mean_ranks)):
        blocks += _ranking(run)
    return Section("all-tables", "Over all data sets", blocks)


def _pairs(run: Run) -> TableBlock:
    frame = run.of(method_pairs)
    unit = "points" if run.in_percent else "in the unit of the scores"
    return TableBlock(
        "pairs",
        "All pairs of methods, seed by seed: mean difference between their test scores.",
        frame,
        [
            dataset(run),
            text("a", "method"),
            text("b", "other"),
            integer("n", "common seeds"),
            Column(
                "difference",
                f"difference, {unit}",
                partial(_points, "difference"),
                numeric=True,
                help="+ : the first better",
            ),
            Column("low", "95 % interval", _points_interval, numeric=True),
            p_value("p_value", "p", help="two-sided, of the paired t test"),
            p_value("p_holm", "p, Holm", help=f"adjusted over all {frame['p_value'].count()} pairs"),
            Column(
                "detectable",
                f"detectable, {unit}",
                partial(_points, "detectable"),
                numeric=True,
                help="smallest true difference found with 80 % power at 5 %, before adjustment",
            ),
            *([text("note", "note")] if frame["note"].any() else []),
        ],
        csv=PAIR_COLUMNS,
        note="A difference above 0 is one in favour of the first. This family of claims stands beside that of the claims "
        "against the baseline, each at 5 %. Equal seeds share the split of the images, and the streams that weights and batches "
        "come from.",
        folded=len(frame) > 20,
    )


def _aggregate(run: Run, frame: pd.DataFrame) -> TableBlock:
    return TableBlock(
        "aggregate",
        "Geometric-mean RI over all data sets, with 95 % intervals for two claims.",
        frame,
        [
            text("baseline", "baseline"),
            method(run),
            integer("datasets", "data sets"),
            points("ri", "RI, %"),
            interval("these_low", "these_high", "these data sets", help="95 % interval"),
            p_value("p_these", "p", help="two-sided, not adjusted"),
            interval("like_low", "like_high", "data sets like these", help="95 % interval"),
            p_value("p_like", "p", help="two-sided, not adjusted"),
            *([text("note", "note")] if frame["note"].any() else []),
        ],
        csv=AGGREGATE_COLUMNS,
        best=[Best(["ri"], ["baseline"])] if len(run.budgets) == 1 else [],
        note="“These data sets”: the error is that of the seeds, and the claim ends with these tables. “Data sets like these”: "
        "the tables are taken for a sample of such, and the error is mostly that between them. All tables weigh alike, although "
        "an RI point is not worth the same on each: read the single rows first.",
    )


def _ranking(run: Run) -> list[Block]:
    ranks, pairs = run.of(mean_ranks), run.of(rank_pairs)
    friedman = ", ".join(
        f"p = {p_text(part['p_friedman'].iloc[0])} ({baseline})"
        for baseline, part in ranks.groupby("baseline", sort=False)
    )
    return [
        FigureBlock(
            "ranks",
            "Mean rank over the data sets by RI, 1 the best. A bar on the right joins methods that Wilcoxon's signed-rank test "
            f"with Holm's adjustment does not tell apart at 5 %. Friedman's test that all rank alike: {friedman}. Random search "
            "takes part as its exact expectation.",
            "Mean ranks of the methods and of random search, one row each; the numbers are in the table below.",
            partial(draw_ranks, run),
            picks=["methods"],
        ),
        TableBlock(
            "ranks",
            "Mean ranks over the data sets.",
            ranks,
            [text("baseline", "budget of"), text("method", "method"), number("mean_rank", "mean rank")],
            best=[Best(["mean_rank"], ["baseline"], lambda row: -1.0)],
            folded=True,
        ),
        TableBlock(
            "rank_pairs",
            "All pairs of methods over the data sets: Wilcoxon's signed-rank test on the RI of each data set.",
            pairs,
            [
                text("a", "method"),
                text("b", "other"),
                points("median_difference", "median difference, RI points"),
                p_value("p_value", "p"),
                p_value("p_holm", "p, Holm"),
            ],
            folded=True,
        ),
    ]


def _points(key: str, row: Row) -> str:
    """Return a difference between scores as it is shown: percentages and fractions in points."""
    if is_missing(row[key]):
        return NOTHING
    shown = shown_score(row[key], row["unit"])
    return signed(shown) if key != "detectable" else f"{shown:.2f}"


def _points_interval(row: Row) -> str:
    return NOTHING if is_missing(row["low"]) else f"[{_points('low', row)}, {_points('high', row)}]"


def _probability(row: Row) -> str:
    if is_missing(row["win_probability"]):
        return NOTHING
    ends = "" if is_missing(row["win_low"]) else f" [{row['win_low']:.2f}, {row['win_high']:.2f}]"
    return f"{row['win_probability']:.2f}{ends}"
