"""How much is protocol and how much architecture."""

from __future__ import annotations

from functools import partial

from harness.reporting.formats import dataset, integer, interval, number, points, span, text
from harness.reporting.live_figures import draw_protocol
from harness.reporting.model import FigureBlock, Section, TableBlock
from harness.reporting.run import Run
from harness.running.ladder import COLUMNS, LADDER, SPREADS, protocol


def protocol_ladder(run: Run) -> Section | None:
    """Return how much is protocol and how much architecture; None without ``nas-harness protocol``."""
    frame = protocol(run.folder) if run.family.trains else None
    if frame is None or len(frame) == 0:
        return None
    table = TableBlock(
        "protocol",
        "The same architectures under a ladder of recipes: what the protocol moves, against what architectures differ by.",
        frame,
        [
            dataset(run),
            text("rung", "recipe"),
            integer("architectures", "architectures"),
            integer("repeats", "trainings of each"),
            integer("epochs", "epochs"),
            number("test", "test, %"),
            points("difference", "difference to base, points"),
            interval("low", "high", "95 % interval", help="t over splits"),
            number("between_architectures", "SD between architectures"),
            number("between_seeds", "SD between seeds"),
            number("icc", "ICC", help="share of the variance of single trainings that is due to architectures"),
            span("icc_low", "icc_high", "95 % interval of ICC"),
            number(
                "tau", "tau with base", help="Kendall's, of architectures' means, taken from the mean of their split"
            ),
        ],
        csv=[*COLUMNS, *SPREADS],
        note="Deviations within a split: an easy split is not taken for a good architecture.",
    )
    with_base = frame[frame.groupby(list(LADDER))["rung"].transform("first") == "base"]
    figure = FigureBlock(
        "protocol",
        "Differences of recipes to the base recipe with 95 % intervals over splits, beside the standard deviations between "
        "architectures and between training seeds under the base recipe.",
        "Dots with intervals, one a recipe, between vertical lines at one standard deviation.",
        partial(draw_protocol, with_base, run.titles),
        picks=["benchmarks"],
    )
    return Section("protocol", "Protocol and architecture", [*([figure] if len(with_base) else []), table])
