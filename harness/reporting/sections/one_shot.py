"""Supernets that are judged by a table."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from harness.reporting.formats import dataset, integer, interval, number, p_value, points, text
from harness.reporting.frames.collapse import COLLAPSE_COLUMNS, TIMES_CHANCE, collapses
from harness.reporting.frames.elastic import EQUAL, INHERITED_COLUMNS, QUANTILES, inherited
from harness.reporting.frames.one_shot import RANKING_COLUMNS, TOP, scored, supernet_rankings
from harness.reporting.frames.spending import SPENDING_COLUMNS, spending
from harness.reporting.live_figures import draw_supernet_scores
from harness.reporting.model import Block, FigureBlock, Prose, Section, TableBlock
from harness.reporting.run import Run


def one_shot(run: Run) -> Section | None:
    """Return how supernets rank architectures, and the regret of what they derive; None without a one-shot benchmark."""
    frame = run.of(supernet_rankings)
    if not len(frame):
        return None
    columns = [dataset(run), text("method", "method"), integer("n", "seeds")]
    for name, title, help in (
        ("tau_valid", "τ, validation", "Kendall's tau-b of shared-weights accuracy and the table's validation score"),
        ("tau_test", "τ, test", "the same with the table's test score"),
        ("tau_top", f"τ, best {TOP:.0%}", "the same with validation, among the best of the sample by the table"),
        ("regret", "regret", "the table's best test score above that of the derived architecture"),
    ):
        columns += [number(name, title, help=help), interval(f"{name}_low", f"{name}_high", "95 %")]
    blocks: list[Block] = [
        Prose(
            "Every supernet was searched on the split that the table was recorded on. What it derives is looked up in the table, "
            "and so is a sample of architectures, the same for all methods, which it ranks by their validation accuracy with the "
            "shared weights. A τ of 1 would make the supernet a perfect stand-in for training each architecture on its own; the "
            "table's card says which τ the noise of training allows at most."
        ),
        TableBlock(
            "supernet_rankings",
            "Rank agreement of shared weights and stand-alone training, and regret of what was derived: means over seeds.",
            frame,
            columns,
            csv=list(RANKING_COLUMNS),
        ),
    ]
    blocks += [*_inherited(run), *_spending(run), _collapses(run)]
    if len(run.of(scored)):
        blocks.append(
            FigureBlock(
                "supernet_scores",
                "Accuracy with the shared weights against stand-alone validation accuracy in the table, the first seed of each "
                "method; a dot an architecture of the sample. The scales of the panels differ.",
                "Scatter plots of shared-weights accuracy against the table's validation accuracy, a panel a method.",
                partial(draw_supernet_scores, run),
            )
        )
    return Section("one-shot", "Supernets against the table", blocks)


def _inherited(run: Run) -> Iterator[TableBlock]:
    frame = run.of(inherited)
    if not len(frame):
        return
    columns = [dataset(run), text("method", "method"), integer("n", "seeds")]
    for name, title, help in (
        (
            "gap",
            "inherited - alone",
            "validation accuracy with inherited weights less that of a training of its own, points",
        ),
        ("distance", "|difference|", "mean size of that difference over the networks of the sample"),
        *(
            (f"regret_{q}", f"regret, {q} %", f"within the parameters that {q} % of the table have at most")
            for q in QUANTILES
        ),
    ):
        columns += [number(name, title, help=help), interval(f"{name}_low", f"{name}_high", "95 %")]
        if name == "gap":
            columns.append(
                p_value("p_equal", f"p, within {EQUAL:g}", help="that the mean difference is so large or larger")
            )
    columns += [
        integer("epochs", "epochs"),
        number("passes", "in single passes", 0, help="epochs times passes a step"),
        integer("pays_from", "pays from", help="bounds: for fewer, training one network for each takes fewer passes"),
    ]
    yield TableBlock(
        "inherited",
        "Networks cut out of an elastic supernet, without training, beside the same networks trained alone: means over seeds.",
        frame,
        columns,
        csv=list(INHERITED_COLUMNS),
        note="Regret is of choosing by inherited accuracy among the networks of the sample within a bound on parameters, in "
        "points of test accuracy. A small p shows that inherited and stand-alone accuracy are equal within "
        f"{EQUAL:g} point on average (two one-sided tests); single networks may be further apart.",
    )


def _spending(run: Run) -> Iterator[TableBlock]:
    frame = run.of(spending)
    if not len(frame):
        return
    yield TableBlock(
        "spending",
        "Searches against exact random search that spends the same processor seconds: does the supernet pay?",
        frame,
        [
            dataset(run),
            text("method", "method"),
            integer("n", "seeds"),
            number("seconds", "seconds of a search", 1, help="of the processor, in the steps of the search"),
            integer("draws", "random draws", help="that these seconds pay for, each with all trainings of the table"),
            number("random", "random search", help="mean test score of the best of as many draws by validation, exact"),
            points("ri", "RI, %"),
            interval("low", "high", "95 %"),
            p_value("p_holm", "p, Holm", help="over this column"),
            integer("draws_one", "draws of one training", help="optimistic: a single training a draw"),
            points("ri_one", "RI, %"),
            interval("low_one", "high_one", "95 %"),
            p_value("p_holm_one", "p, Holm"),
        ],
        csv=list(SPENDING_COLUMNS),
        note="A draw is priced at the trainings that its entry in the table is the mean of; a single one would rank worse than "
        "the table does, and stands beside as optimistic. Prices are processor seconds of trainings as the table has them, times "
        f"{frame['factor'].iloc[0]:.2f}: what some of its architectures, trained again beside the searches, took of their "
        "recorded seconds.",
    )


def _collapses(run: Run) -> TableBlock:
    return TableBlock(
        "collapses",
        "Searches that collapsed: they stay in all means.",
        run.of(collapses),
        [
            dataset(run),
            text("method", "method"),
            integer("n", "seeds"),
            integer("collapsed", "collapsed"),
            number("share", "%", 1),
            interval("low", "high", "95 %"),
        ],
        csv=list(COLLAPSE_COLUMNS),
        note=f"Collapsed is what recommends a network whose test accuracy is below {TIMES_CHANCE} times that of a guess, or "
        "whose operations all are none or a skip.",
    )
