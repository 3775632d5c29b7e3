"""Supernets that are judged by a table."""

from __future__ import annotations

from functools import partial

from harness.reporting.formats import dataset, integer, interval, number, text
from harness.reporting.frames.one_shot import RANKING_COLUMNS, TOP, scored, supernet_rankings
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
