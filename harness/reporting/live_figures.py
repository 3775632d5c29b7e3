"""Figures of live searches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from harness.reporting.cell_graphs import CellGraph, Layout, layout, plot_cell
from harness.reporting.families.one_shot import OneShot
from harness.reporting.frames.gaps import gaps
from harness.reporting.frames.live import GAPS, alpha_weights, curves, tracked
from harness.reporting.frames.one_shot import scored
from harness.reporting.live_plots import make_logarithmic, plot_agreement, plot_epochs, plot_weights, show_later_half
from harness.reporting.panels import WHOLE, WIDTH, Drawing, Panels, View, figure_of
from harness.reporting.plots import MOST_BANDS
from harness.reporting.run import Run
from harness.reporting.style import marks_of, short
from harness.running.ladder import LADDER
from harness.spaces.cells import CellSpace

PANEL_HEIGHT = 1.6  # inches
# Inches of drawn cells: their figure's width, from layer to layer, room of a station within a layer, a title.
CELLS_WIDTH, LAYER, STATION, TITLE = 12.1, 0.55, 0.38, 0.3
# Error = 100 % - accuracy: near 0 errors differ visibly on a log scale only.
SEARCH_PANELS = {
    "train_loss": "training loss",
    "valid_loss": "validation loss",
    "train_error": "training error, %",
    "valid_error": "validation error, %",
    "valid_gap": "training − validation",
}
EVALUATION_PANELS = {
    "train_loss": "training loss",
    "valid_error": "validation error, %",
    "test_error": "test error, %",
    "valid_gap": "training − validation",
    "test_gap": "training − test",
}
GROUP_PANELS = {"alpha_entropy_": "entropy of α, nats", "convolutions_": "convolutions", "skips_": "skips"}
GAP_PANELS = {
    "supernet_gap": "supernet: training − validation",
    "valid_gap": "from scratch: training − validation",
    "test_gap": "from scratch: training − test",
}


def draw_search_curves(run: Run, *, view: View = WHOLE) -> Figure:
    """Draw losses and accuracies of the supernets, a row of panels a benchmark."""
    return _curves(run, "search", SEARCH_PANELS, view)


def draw_evaluation_curves(run: Run, *, view: View = WHOLE) -> Figure:
    """Draw how the recommended architectures learned, a row of panels a benchmark."""
    return _curves(run, "evaluation", EVALUATION_PANELS, view)


def draw_cell_curves(run: Run, benchmark: str, *, view: View = WHOLE) -> Figure:
    """Draw the entropy of α and what the derived cells hold, a row of panels a group of α, and the model size."""
    own = run.of(tracked)
    present = own.loc[own["benchmark"] == benchmark, "quantity"].unique()
    head = next(iter(GROUP_PANELS))
    groups = [str(name).removeprefix(head) for name in present if str(name).startswith(head)]
    rows: list[tuple[str, dict[str, str]]] = []
    for group in groups:
        where = f" ({group})" if len(groups) > 1 else ""
        panels = {f"{name}{group}": f"{title}{where}" for name, title in GROUP_PANELS.items()}
        rows.append(
            (benchmark, panels | ({"parameters": "weights of the derived cells"} if group == groups[0] else {}))
        )
    return _grid(run, "search", rows, view)


def draw_weights(run: Run, benchmark: str, space: CellSpace, group: str, *, view: View = WHOLE) -> Figure:
    """Draw the weights of all candidates of a group over epochs: a row of heat maps a method, one a candidate."""
    found, names = alpha_weights(run, benchmark, group), space.primitives
    methods = view.of(pd.DataFrame({"method": list(found)}))["method"]
    with np.errstate(divide="ignore"):  # a selection sets weights to 0: they look like the least that is not
        ratios = {method: np.log2(found[method] * len(names)) for method in methods}
    reach = max(float(np.abs(values[np.isfinite(values)]).max()) for values in ratios.values()) or 1.0
    ratios = {method: values.clip(-reach, reach) for method, values in ratios.items()}
    norm = Normalize(-reach, reach)
    edges = [f"{source}→{target}" for source, target in space.edges]
    height = 0.8 + len(ratios) * (0.4 + 0.085 * len(edges))
    panels = Panels(view, list(ratios), (WIDTH, height), sharex="all")
    for place, ax in panels:
        method, values = list(ratios.items())[place]
        plot_weights(values, names, ax=ax, norm=norm)
        ax.set_yticks(range(len(edges)), edges, fontsize=5)
        ax.set_title(short(method), fontsize=7.5)
    first = panels.axes[0]
    first.tick_params(labeltop=True)
    epochs = max(len(values) for values in ratios.values())
    panels.xlabel(f"within each operation, from left to right: epochs 1 to {epochs}")
    bar = panels.figure.colorbar(first.images[0], ax=panels.axes, aspect=40, pad=0.01, shrink=0.8)
    bar.locator = MaxNLocator(5)
    bar.formatter = FuncFormatter(lambda ratio, _: f"{2.0**ratio:.2f}×")
    bar.update_ticks()
    bar.set_label("weight, of equal weights", fontsize=7)
    return panels.figure


def draw_protocol(frame: pd.DataFrame, titles: Mapping[str, str], *, view: View = WHOLE) -> Figure:
    """Draw the ladders: differences to the base recipe on the spread between architectures, a panel a ladder."""
    parts = list(view.of(frame).groupby(list(LADDER), sort=False))
    names = [
        f"{titles[str(benchmark)]}, {epochs} epochs, {repeats} trainings of each"
        for (benchmark, epochs, repeats), _ in parts
    ]
    panels = Panels(view, names, (WIDTH, 2.2), len(parts))
    for place, ax in panels:
        _, part = parts[place]
        base = part.iloc[0]
        for name, line in (("between_architectures", "--"), ("between_seeds", ":")):
            label = f"one standard deviation {name.replace('_', ' ')}"
            for end in (-base[name], base[name]):
                ax.axvline(end, color="0.35", linestyle=line, linewidth=1.0, label=label if end == base[name] else None)
        ax.axvline(0, color="0.3", linewidth=0.8)
        places, reach = range(len(part)), (part["high"] - part["low"]) / 2
        ax.errorbar(part["difference"], places, xerr=reach.fillna(0), fmt="o", color="C0", markersize=4, linewidth=1.2)
        ax.set_yticks(places, part["rung"])
        ax.invert_yaxis()
        ax.set_xlabel("test accuracy, points from the base recipe")
        ax.set_title(short(names[place], 60))
    panels.put_legend(*panels.axes[0].get_legend_handles_labels(), columns=2)
    return panels.figure


def draw_gaps(run: Run, *, view: View = WHOLE) -> Figure:
    """Draw generalisation gaps with their intervals: a row of panels a benchmark, a panel a gap, methods by λ."""
    frame, marks = view.of(run.of(gaps)), marks_of(run)
    titles = {gap: title for gap, title in GAP_PANELS.items() if frame[gap].notna().any()}
    parts = list(frame.groupby("benchmark", sort=False))
    rows = sum(1.0 + 0.17 * len(part) for _, part in parts)
    grid = [(str(benchmark), part, gap) for benchmark, part in parts for gap in titles]
    several = len(parts) > 1
    names = [titles[gap] + (f", {run.titles[benchmark]}" if several else "") for benchmark, _, gap in grid]
    panels = Panels(view, names, (WIDTH, 0.3 + rows), len(titles), sharey="row")
    for place, ax in panels:
        benchmark, part, gap = grid[place]
        for row, one in enumerate(part.to_dict("records")):
            mark, low, high = marks[one["method"]], one[f"{gap}_low"], one[f"{gap}_high"]
            ax.plot([low, high], [row, row], color=mark.colour, linewidth=1.4)
            ax.plot(one[gap], row, color=mark.colour, marker=mark.marker, markersize=4.5)
        ax.set_yticks(range(len(part)), [short(name, 26) for name in part["method"]], fontsize=7)
        ax.set_title(titles[gap])
        if place % len(titles) == 0 or panels.alone:
            ax.invert_yaxis()
            if several:
                ax.set_ylabel(short(run.titles[benchmark], 20), fontsize=7)
    panels.xlabel("points of accuracy")
    return panels.figure


def draw_supernet_scores(run: Run, *, view: View = WHOLE) -> Figure:
    """Draw shared-weights against stand-alone accuracy, a panel a method of the first benchmark with such scores."""
    frame = run.of(scored)
    frame = frame.assign(method=[run.pairs[group][1].name for group in frame["group"]])
    parts = list(view.of(frame[frame["group"].isin(_first_groups(run, view))]).groupby("method", sort=False))
    across = min(4, len(parts))
    panels = Panels(
        view,
        [str(method) for method, _ in parts],
        (WIDTH, 0.4 + PANEL_HEIGHT * -(-len(parts) // across)),
        across,
        sharex="all",
    )
    for place, ax in panels:
        method, own = parts[place]
        plot_agreement(own[own["seed"] == own["seed"].iloc[0]], ax=ax, colour=marks_of(run)[str(method)].colour)
        ax.set_title(short(str(method), 26), fontsize=7.5)
    panels.xlabel("validation accuracy in the table, %")
    panels.ylabel("with shared weights, %")
    return panels.figure


def _first_groups(run: Run, view: View) -> list[int]:
    wanted = (benchmark for benchmark in run.benchmarks if benchmark.name not in view.hidden_benchmarks)
    first = next((benchmark for benchmark in wanted if isinstance(benchmark.family, OneShot)), None)
    return [number for number, (benchmark, _) in enumerate(run.pairs) if benchmark is first]


def draw_cells(graphs: Mapping[str, Sequence[CellGraph]], *, view: View = WHOLE) -> Figure:
    """Draw the cells of each method side by side, as many in a row as fit, all at the same scale."""
    shown = [graph for method in view.of(pd.DataFrame({"method": list(graphs)}))["method"] for graph in graphs[method]]
    if view.ax is not None:
        plot_cell(shown[view.place([graph.title for graph in shown])], ax=view.ax)
        return figure_of(view.ax)
    rows: list[list[tuple[CellGraph, Layout]]] = [[]]
    for graph in shown:
        placed = layout(graph)
        if rows[-1] and LAYER * (placed.width + sum(one.width for _, one in rows[-1])) > CELLS_WIDTH:
            rows.append([])
        rows[-1].append((graph, placed))
    heights = [STATION * max(high - low + 1.4 for low, high in (one.ends for _, one in row)) for row in rows]
    total = sum(heights) + TITLE * len(rows)
    figure = Drawing(figsize=(CELLS_WIDTH, total))
    top = total
    for row, height in zip(rows, heights, strict=True):
        left = 0.0
        for graph, placed in row:
            width = LAYER * placed.width
            ax = figure.add_axes(
                (left / CELLS_WIDTH, (top - TITLE - height) / total, width / CELLS_WIDTH, height / total)
            )
            plot_cell(graph, ax=ax, placed=placed)
            middle, half = sum(placed.ends) / 2, height / STATION / 2
            ax.set_ylim(middle - half, middle + half)
            left += width
        top -= TITLE + height
    return figure


def _quantity(frame: pd.DataFrame, benchmark: str, phase: str, quantity: str) -> pd.DataFrame:
    """Return the rows of a quantity in means or single seeds, errors made of accuracies."""
    tracked_as = quantity.replace("_error", "_accuracy")
    own = frame[(frame["benchmark"] == benchmark) & (frame["phase"] == phase) & (frame["quantity"] == tracked_as)]
    if tracked_as == quantity:
        return own
    ends = {"low": "high", "high": "low", "mean": "mean", "value": "value"}
    return own.assign(**{name: 100.0 - own[source] for name, source in ends.items() if source in own})


def _curves(run: Run, phase: str, panels: dict[str, str], view: View) -> Figure:
    frame = view.of(run.of(curves))
    benchmarks = frame.loc[frame["phase"] == phase, "benchmark"].drop_duplicates()
    return _grid(run, phase, [(str(benchmark), panels) for benchmark in benchmarks], view)


def _grid(run: Run, phase: str, rows: Sequence[tuple[str, dict[str, str]]], view: View) -> Figure:
    """Draw rows of panels, each a benchmark and the titles of its quantities."""
    means, each, marks = view.of(run.of(curves)), view.of(run.of(tracked)), marks_of(run)
    columns = max(len(titles) for _, titles in rows)
    several = len({benchmark for benchmark, _ in rows}) > 1
    grid = [
        (row * columns + column, benchmark, quantity, title)
        for row, (benchmark, titles) in enumerate(rows)
        for column, (quantity, title) in enumerate(titles.items())
    ]
    names = [title + (f", {run.titles[benchmark]}" if several else "") for _, benchmark, _, title in grid]
    size = (WIDTH, 0.8 + PANEL_HEIGHT * len(rows))
    panels = Panels(view, names, size, columns, places=[place for place, *_ in grid])
    drawn: dict[str, None] = {}
    for number, ax in panels:
        place, benchmark, quantity, title = grid[number]
        parts = [_quantity(frame, benchmark, phase, quantity) for frame in (means, each)]
        if parts[0]["method"].nunique() > MOST_BANDS:
            parts[0] = parts[0].assign(low=np.nan, high=np.nan)
        plot_epochs(*parts, ax=ax, marks=marks)
        ax.set_xlabel("")
        ax.set_title(title)
        if quantity.endswith(("_loss", "_error")):
            make_logarithmic(ax, parts[0]["mean"].to_numpy())
        if quantity in GAPS:
            show_later_half(ax, parts[0])
        if several and (place % columns == 0 or panels.alone):
            ax.set_ylabel(short(run.titles[benchmark], 26), fontsize=7)
        drawn.update(dict.fromkeys(parts[0]["method"]))
    panels.xlabel("epoch")
    panels.legend(marks, drawn)
    return panels.figure
