"""The architectures that searches on supernets recommend."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pandas as pd

from harness.reporting.cell_graphs import CellGraph, cells_of
from harness.reporting.formats import dataset, integer, number, score, text
from harness.reporting.frames.live import architectures, drawn
from harness.reporting.live_figures import draw_cells
from harness.reporting.model import Block, FigureBlock, Prose, Section, TableBlock
from harness.reporting.run import Run
from harness.reporting.sections.live.names import space_of, stem


def derived_cells(run: Run) -> Section | None:
    """Return the recommended architectures, drawn and as texts; None without a live benchmark or a finished cell."""
    if not run.family.has_supernets or len(run.of(architectures)) == 0:
        return None
    blocks: list[Block] = []
    for benchmark, rows in run.of(drawn).groupby("benchmark", sort=False):
        blocks += _cell_figures(run, str(benchmark), rows)
    blocks.append(
        TableBlock(
            "architectures",
            "All recommended architectures, and what they scored when trained from scratch.",
            run.of(architectures),
            [
                dataset(run),
                text("method", "method"),
                integer("seed", "seed"),
                score("valid", "validation", run),
                score("test", "test", run, help="after the last epoch: the result"),
                score("test_best", "best epoch", run, help="best test score of any epoch: for diagnosis only"),
                number("params", "weights", 0),
                text("arch", "architecture"),
            ],
            folded=True,
        )
    )
    return Section("cells", "Derived cells", blocks)


def _cell_figures(run: Run, benchmark: str, rows: pd.DataFrame) -> list[Block]:
    """Return a figure of each architecture of several cells, or one figure of all that have but one."""
    if (space := space_of(run, benchmark)) is None:
        return [Prose([f"The cells of {benchmark} are not drawn: the plug-in of its cell space was not loaded."])]
    graphs: dict[str, list[CellGraph]] = {}
    captions = []
    for row in rows.itertuples():
        cells = cells_of(space, str(row.arch))
        graphs[str(row.method)] = [
            replace(cell, title=f"{row.method}, seed {row.seed}: {cell.title}") for cell in cells
        ]
        captions.append(
            f"{row.method}: seed {row.seed}, validation {row.valid:.2f} %, test {row.test:.2f} %, {row.params:,.0f} weights"
        )
    best = "the best of its seeds by validation"
    alt = "Graphs of cells; the texts of the architectures are in the table below."
    if all(len(cells) == 1 for cells in graphs.values()):
        caption = f"{benchmark}: of each method the architecture that is {best}. {'; '.join(captions)}."
        return [FigureBlock(f"cells_{stem(benchmark)}", caption, alt, partial(draw_cells, graphs), picks=["methods"])]
    names = [entrant.name for entrant in run.entrants]
    return [
        FigureBlock(
            f"cells_{stem(benchmark)}_{names.index(name)}",
            f"{benchmark}, {caption}: the architecture that is {best}.",
            alt,
            partial(draw_cells, {name: cells}),
            picks=[],
        )
        for (name, cells), caption in zip(graphs.items(), captions, strict=True)
    ]
