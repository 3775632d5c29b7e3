"""Supernets over the course of the search."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

import pandas as pd

from harness.reporting.formats import NOTHING, dataset, integer, interval, is_missing, joined, number, points, text
from harness.reporting.frames.early_stop import EARLY_STOP_COLUMNS, early_stops
from harness.reporting.frames.gaps import GAP_COLUMNS, gaps
from harness.reporting.frames.live import (
    CURVE_COLUMNS,
    LAST,
    SIZE_COLUMNS,
    STABILITY_COLUMNS,
    alpha_groups,
    curves,
    sizes,
    stability,
    update_orders,
)
from harness.reporting.live_figures import (
    draw_cell_curves,
    draw_evaluation_curves,
    draw_gaps,
    draw_search_curves,
    draw_weights,
)
from harness.reporting.live_plots import FEW_SEEDS
from harness.reporting.model import Block, Column, FigureBlock, Prose, Row, Section, TableBlock
from harness.reporting.plots import MOST_BANDS
from harness.reporting.run import Run
from harness.reporting.sections.live.names import space_of, stem

ORDERS = {
    "simultaneous": "simultaneous (both gradients at the same point, MiLeNAS's Eq. 6 as written)",
    "w_first": "w_first (weights, then α at the new weights, MiLeNAS's Algorithm 1)",
    "alpha_first": "alpha_first (α, then weights, as the published codes do)",
}
SCALES = "Error = 100 % − accuracy; gaps are scaled to the later half of the epochs."


def supernets(run: Run) -> Section | None:
    """Return the supernets over epochs; None where none was searched."""
    groups = list(alpha_groups(run)) if run.family.has_supernets else []
    if not groups:
        return None
    spread = (
        "thick lines are means over seeds, thin ones single seeds"
        if len(run.seeds) < FEW_SEEDS
        else f"lines are means over seeds, bands their pointwise 95 % intervals (of at most {MOST_BANDS} methods)"
    )
    blocks: list[Block] = [
        Prose([_order(run)]),
        FigureBlock(
            "search_curves",
            f"Supernets by epoch: {spread}. Training figures are those of the steps as they were taken, validation ones those "
            f"after the epoch. {SCALES} Bilevel and mixed-level searches fit architecture parameters to the validation images, "
            "so that validation flatters their supernets, and the gap from training to validation shrinks: that to the test "
            "images is below, with the architectures trained from scratch.",
            "Training and validation loss and error of the supernets by epoch, a row of panels a benchmark.",
            partial(draw_search_curves, run),
        ),
    ]
    for benchmark in dict.fromkeys(name for name, _ in groups):
        blocks.append(
            FigureBlock(
                f"cells_by_epoch_{stem(benchmark)}",
                f"{benchmark}: entropy of the candidates' weights, mean over edges, greatest where they are equal; what the "
                f"cells derived after each epoch hold, and their number of weights at the supernet's size; {spread}.",
                "Entropy of architecture parameters, numbers of convolutions and skips, and model size by epoch.",
                partial(draw_cell_curves, run, benchmark),
                picks=["methods"],
            )
        )
    blocks += [_stability(run), *_early_stops(run), _sizes(run)]
    for benchmark, group in groups:
        if (space := space_of(run, benchmark)) is None:
            continue
        blocks.append(
            FigureBlock(
                f"alphas_{stem(benchmark)}_{group}",
                f"{benchmark}, architecture parameters, group {group}, the first seed: weight of every operation, a "
                "map each, on every edge (rows) over epochs (columns), against equal weights.",
                "Heat maps of the weight of every operation on every edge over epochs, a row of maps a method.",
                partial(draw_weights, run, benchmark, space, group),
                picks=["methods"],
            )
        )
    if run.family.trains:  # what a table judges is not trained
        blocks.append(
            FigureBlock(
                "evaluation_curves",
                f"Recommended architectures trained from scratch, by epoch: {spread}. The last epoch is the result. Measured on "
                f"whole splits in evaluation mode; gaps are in points of accuracy. {SCALES}",
                "Training loss, validation and test error of the recommended architectures by epoch.",
                partial(draw_evaluation_curves, run),
            )
        )
    blocks += [*_gaps(run), _curve_table(run)]
    return Section("supernets", "Supernets over the course of the search", blocks)


def _order(run: Run) -> str:
    orders = update_orders(run)
    if len(orders) == 1:
        (order,) = orders
        return f"Order of updates of weights and architecture parameters α, the same for all methods: {ORDERS.get(order, order)}."
    listed = "; ".join(f"{ORDERS.get(order, order)}: {joined(names)}" for order, names in orders.items())
    return f"Orders of updates of weights and architecture parameters α differ: {listed}."


def _sizes(run: Run) -> TableBlock:
    frame = run.of(sizes)
    return TableBlock(
        "sizes",
        "Model sizes met during the search, and the best epoch of each by validation accuracy of the supernet.",
        frame,
        [
            dataset(run),
            text("method", "method"),
            integer("seed", "seed"),
            text("size", "convolutions"),
            integer("epoch", "epoch"),
            number("valid_accuracy", "validation accuracy, %"),
            number("parameters", "weights", 0, help="of the derived architecture at the supernet's size"),
        ],
        csv=SIZE_COLUMNS,
        note="MiLeNAS's model-size-based search: the sizes that each search passed through. Accuracy is that of the supernet "
        "after that epoch; the derived architectures, whose texts are in the CSV file, were not trained.",
        folded=len(frame) > 20,
    )


def _stability(run: Run) -> TableBlock:
    return TableBlock(
        "stability",
        "How settled the derived architectures are, and whether they collapse to skips: means over seeds.",
        run.of(stability),
        [
            dataset(run),
            text("method", "method"),
            integer("n", "seeds"),
            number(
                "flips", "flips, %", 1, help=f"edges whose strongest candidate changed, an epoch, in the last {LAST}"
            ),
            number("last_change", "last change", 1, help="last epoch after which the derived architecture was another"),
            number("agreement", "agreement, %", 1, help="edges with the same strongest candidate, over pairs of seeds"),
            number("skips", "skips", 1, help="in the cells derived in the end"),
            integer("skips_most", "most skips", help="of any seed"),
            number("convolutions", "convolutions", 1),
        ],
        csv=STABILITY_COLUMNS,
        note="Two seeds whose choices were uniform would agree on one edge in as many as there are candidates. Random search "
        "with weight sharing has no architecture parameters: nothing to flip.",
    )


def _early_stops(run: Run) -> Iterator[TableBlock]:
    frame = run.of(early_stops)
    if not len(frame):
        return
    yield TableBlock(
        "early_stops",
        "Early stop by model size: searches that end with the first small enough cell.",
        frame,
        [
            dataset(run),
            text("method", "method"),
            integer("n", "seeds"),
            text("size", "expected size", help="convolutions at most, one number a cell"),
            integer("from_epoch", "not before epoch"),
            number("chance", "by chance, %", 1, help="random derivations that are as small"),
            integer("reached", "seeds that reached it"),
            number("reached_epoch", "at epoch", 1),
            number("epochs", "epochs done", 1),
            number("epochs_saved", "epochs saved", 1),
        ],
        csv=list(EARLY_STOP_COLUMNS),
        note="Cells of the first epochs are small by chance. Seconds saved, which differ from run to run, are in "
        "tables/timings.csv.",
    )


def _gaps(run: Run) -> list[Block]:
    frame = run.of(gaps)
    if len(frame) == 0:
        return []
    trained = [
        number("train", "from scratch, train, %", help="of the recommended architectures, after the last epoch"),
        number("valid", "from scratch, valid, %"),
        number("test", "from scratch, test, %"),
        points("valid_gap", "from scratch, train − valid"),
        interval("valid_gap_low", "valid_gap_high", "95 % interval"),
        points("test_gap", "from scratch, train − test"),
        interval("test_gap_low", "test_gap_high", "95 % interval"),
    ]
    fitted = (
        "λ is 0 of single-level and ∞ of bilevel search. Where it is above 0 the architecture parameters are fitted to the "
        "validation images, which narrows the supernet's gap to them by itself. Training accuracy of a supernet is that of the "
        "steps as they were taken, validation accuracy that after the epoch."
    )
    beside = (
        " The gap to the test images is that of what was recommended: a search never sees them. Where training accuracy is "
        "100 %, a gap is the error on the other images."
    )
    table = TableBlock(
        "gaps",
        "Generalisation gaps by level and λ after the last epoch, in points of accuracy: means over seeds.",
        frame,
        [
            dataset(run),
            text("method", "method"),
            text("level", "level"),
            Column(
                "lambda", "λ", _lambda, numeric=True, help="factor of the validation loss over that of training loss"
            ),
            integer("n", "seeds"),
            number("supernet_train", "supernet, train, %"),
            number("supernet_valid", "supernet, valid, %"),
            points("supernet_gap", "supernet, train − valid"),
            interval("supernet_gap_low", "supernet_gap_high", "95 % interval"),
            *(trained if frame["test"].notna().any() else []),
        ],
        csv=GAP_COLUMNS,
        note=fitted + (beside if frame["test"].notna().any() else ""),
    )
    figure = FigureBlock(
        "gaps",
        "Generalisation gaps after the last epoch, with 95 % intervals over seeds: methods with a level by λ, which grows "
        "downwards, and below them those without.",
        "Dots with intervals, one a method, in a panel a gap; the numbers are in the table.",
        partial(draw_gaps, run),
    )
    return [figure, table]


def _lambda(row: Row) -> str:
    return NOTHING if is_missing(row["lambda"]) else "∞" if row["lambda"] == math.inf else f"{row['lambda']:g}"


def _curve_table(run: Run) -> TableBlock:
    frame = run.of(curves)
    last = frame.groupby(["benchmark", "method", "phase"], sort=False)["epoch"].transform("max")
    ends = frame[frame["epoch"] == last].reset_index(drop=True)
    return TableBlock(
        "epochs",
        "What was tracked, after the last epoch: means over seeds.",
        ends,
        [
            dataset(run),
            text("method", "method"),
            text("phase", "phase"),
            text("quantity", "quantity"),
            integer("epoch", "epoch"),
            integer("n", "seeds"),
            number("mean", "mean", 4),
            Column("low", "95 % interval", _interval, numeric=True),
        ],
        csv=CURVE_COLUMNS,
        note="All epochs of all seeds are in epochs.parquet.",
        folded=True,
    )


def _interval(row: Row) -> str:
    return "–" if pd.isna(row["low"]) else f"[{row['low']:.4g}, {row['high']:.4g}]"
