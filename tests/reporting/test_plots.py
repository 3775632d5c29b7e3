"""Plots: each draws its frame into the axes that it is given, in the method's own colour, and leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from harness.reporting.figures import MOST, draw_anytime, draw_forest, drawn, left_out
from harness.reporting.frames.curves import EXACT, anytime, distributions, random_curves
from harness.reporting.frames.improvement import relative_improvements
from harness.reporting.live_plots import make_logarithmic, show_later_half
from harness.reporting.panels import WHOLE, Panels
from harness.reporting.plots import (
    MOST_BANDS,
    plot_anytime,
    plot_distribution,
    plot_forest,
    plot_random_curve,
    plot_ranks,
)
from harness.reporting.run import Run
from harness.reporting.style import COLOURS, in_style, marks_for, marks_of, short


@pytest.fixture(scope="module")
def frames(small_run: Run) -> dict[str, pd.DataFrame]:
    def first(frame: pd.DataFrame) -> pd.DataFrame:
        return frame[frame["benchmark"] == small_run.benchmarks[0].name]

    improvements = relative_improvements(small_run)
    return {
        "forest": improvements[improvements["baseline"] == "random@1"],
        "anytime": first(anytime(small_run)),
        "distribution": first(distributions(small_run)),
        "random_curve": first(random_curves(small_run)),
        "ranks": pd.DataFrame({"method": ["a", "b", "c"], "mean_rank": [1.2, 2.0, 2.8]}),
    }


@pytest.mark.parametrize(
    ("name", "plot"),
    [
        ("forest", plot_forest),
        ("anytime", plot_anytime),
        ("distribution", plot_distribution),
        ("random_curve", plot_random_curve),
        ("ranks", plot_ranks),
    ],
)
def test_a_plot_draws_into_its_axes_and_changes_no_settings(frames: dict[str, pd.DataFrame], name: str, plot) -> None:
    settings = dict(matplotlib.rcParams)
    ax = Figure().subplots()
    assert plot(frames[name], ax=ax) is ax
    assert ax.has_data()
    assert plot(frames[name]).figure is not ax.figure
    assert dict(matplotlib.rcParams) == settings
    with in_style():
        assert dict(matplotlib.rcParams) != settings
    assert dict(matplotlib.rcParams) == settings


def test_reports_need_neither_pyplot_nor_torch() -> None:
    code = "import sys, harness.reporting.build; sys.exit(bool({'matplotlib.pyplot', 'torch'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_package_itself_is_light() -> None:
    code = (
        "import sys, harness.reporting; sys.exit(bool({'pandas', 'matplotlib', 'scipy', 'jinja2'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_method_has_one_colour_in_all_figures(small_run: Run) -> None:
    marks = marks_of(small_run)
    figures = [draw_forest(small_run), draw_anytime(small_run)]
    for figure in figures:
        (legend,) = figure.legends
        for handle, text in zip(legend.legend_handles, legend.get_texts(), strict=True):
            assert handle.get_color() == marks[text.get_text().removesuffix(" (simulated)")].colour


def test_more_methods_than_colours_differ_in_their_markers() -> None:
    marks = marks_for([f"method {i}" for i in range(20)])
    assert (
        len({(mark.colour, mark.line) for mark in marks.values()}) == 21
    )  # curves without markers are told apart, too
    assert len({(mark.colour, mark.marker) for mark in marks.values()}) == 21
    assert len(COLOURS) == 7


def test_forest_without_intervals(frames: dict[str, pd.DataFrame]) -> None:
    nothing = frames["forest"].assign(ci_low=np.nan, ci_high=np.nan)
    ax = plot_forest(nothing)
    assert len(ax.lines) >= 2
    ax.figure.draw_without_rendering()


def test_anytime_curve_is_a_step_function(frames: dict[str, pd.DataFrame]) -> None:
    ax = plot_anytime(frames["anytime"])
    assert all(line.get_drawstyle() == "steps-post" for line in ax.lines)
    assert len(ax.lines) == 3
    exact = frames["anytime"][frames["anytime"]["method"] == EXACT]
    np.testing.assert_allclose(ax.lines[0].get_ydata(), 100 * exact["mean"])  # a fraction, shown in percent
    low, high = ax.get_ylim()
    assert low < ax.lines[0].get_ydata()[-1] < high


@pytest.mark.parametrize(("count", "bands"), [(MOST_BANDS, MOST_BANDS), (MOST_BANDS + 1, 0)])
def test_many_curves_have_no_bands_and_the_panel_fits_what_is_drawn(count: int, bands: int) -> None:
    steps = np.arange(1, 11)
    curves = [
        pd.DataFrame({"unit": "percent", "method": f"m{place}", "step": steps, "mean": 80.0 + place + steps})
        for place in range(count)
    ]
    frame = pd.concat(curves).assign(low=lambda one: one["mean"] - 50, high=lambda one: one["mean"] + 50)
    ax = plot_anytime(frame)
    assert (len(ax.lines), len(ax.collections)) == (count, bands)
    low, high = ax.get_ylim()
    assert (high - low > 100) == bool(bands)


def test_panels_keep_their_height_under_a_tall_legend() -> None:
    def height(count: int) -> float:
        panels = Panels(WHOLE, ["one"], (5, 3))
        names = [f"a method with a rather long name {place}" for place in range(count)]
        panels.legend(marks_for(names), names)
        figure = panels.figure
        figure.draw_without_rendering()
        return figure.get_figheight() - figure.legends[0].get_window_extent().height / figure.dpi

    assert height(20) > 0.9 * height(4)


def test_ranks_join_what_cannot_be_told_apart(frames: dict[str, pd.DataFrame]) -> None:
    pairs = pd.DataFrame({"a": ["a", "a", "b"], "b": ["b", "c", "c"], "p_holm": [0.2, 0.01, 0.3]})
    ax = plot_ranks(frames["ranks"], pairs=pairs)
    bars = [sorted(np.round(line.get_ydata()).astype(int)) for line in ax.lines[3:]]
    assert bars == [[0, 1], [1, 2]]


def test_figures_show_a_bounded_number_of_data_sets(small_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert left_out(small_run) == ""
    monkeypatch.setattr("harness.reporting.figures.MOST", 1)
    assert MOST > 1
    assert len(drawn(small_run)) == 1
    assert left_out(small_run) == " Drawn are the first 1 of 2 data sets."
    assert len(draw_anytime(small_run).axes) == 1


def test_long_labels_are_cut() -> None:
    assert short("x" * 40) == "x" * 31 + "…"
    assert short("short") == "short"


def test_a_gap_is_scaled_to_its_later_half():
    ax = Figure().subplots()
    means = pd.DataFrame({"epoch": [1, 2, 3, 4], "mean": [-30, -5, 1, 2], "low": np.nan, "high": [0, 0, 1.5, 3]})
    show_later_half(ax, means)
    assert ax.get_ylim() == pytest.approx((0.8, 3.2))
    before = ax.get_ylim()
    show_later_half(ax, means.assign(mean=np.nan, high=np.nan))
    assert ax.get_ylim() == before


@pytest.mark.parametrize(
    ("means", "scale"),
    [
        ([2.3, 1.9, 1.7], "linear"),
        ([2.3, 0.9, 0.17], "log"),
        ([2.3, 0.1, 0.004], "log"),
        ([100.0, 1.0, 1e-4], "log"),
        ([2.3, 0.0], "linear"),
        ([2.3, np.inf], "linear"),
        ([], "linear"),
    ],
)
def test_losses_over_more_than_a_decade_are_drawn_on_a_log_scale_with_numbers(means, scale):
    ax = Figure().subplots()
    ax.plot(np.array(means)[np.isfinite(means)])
    make_logarithmic(ax, np.array(means))
    assert ax.get_yscale() == scale
    low, high = ax.get_ylim()
    ax.figure.draw_without_rendering()
    shown = [label for label in ax.get_yticklabels() if low <= label.get_position()[1] <= high and label.get_text()]
    assert len(shown) >= 2
