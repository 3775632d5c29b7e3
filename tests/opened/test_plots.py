"""Figures of an opened run: those of the report, a part of one, or a panel in somebody's axes."""

from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

import harness
from harness.errors import HarnessError
from harness.reporting.images import save_figure
from harness.reporting.run import load_run
from harness.reporting.style import marks_of


def texts(figure: Figure) -> list[str]:
    (legend,) = figure.legends
    return [text.get_text() for text in legend.get_texts()]


def test_figures_are_those_of_the_report(opened: harness.OpenedRun, folder: Path, tmp_path: Path) -> None:
    plots = folder / "report" / "plots"
    names = {name.replace("relative_improvement", "forest") for name in (path.stem for path in plots.glob("*.svg"))}
    assert set(dir(opened.plot)) == names >= {"forest", "anytime", "distributions", "random_curve", "pareto_latency"}
    for name, file in (("forest", "relative_improvement.svg"), ("anytime", "anytime.svg")):
        save_figure(tmp_path / file, getattr(opened.plot, name))
        assert (tmp_path / file).read_bytes() == (plots / file).read_bytes()


def test_a_part_has_the_colours_of_the_whole(opened: harness.OpenedRun, folder: Path) -> None:
    marks = marks_of(load_run(folder))
    figure = opened.plot.anytime(methods=["local-search"], benchmarks=["cora"])
    assert texts(figure) == ["random search, exact", "local-search"]
    (ax,) = figure.axes
    assert ax.get_title("left") == "cora: accuracy, %"
    assert {to_hex(line.get_color()).upper() for line in ax.lines} == {
        to_hex(marks[name].colour).upper() for name in ("random search, exact", "local-search")
    }
    assert marks["local-search"].colour != marks["evolution"].colour


def test_a_forest_in_an_axes_is_over_random_search(opened: harness.OpenedRun) -> None:
    ax = Figure().subplots()
    assert opened.plot.forest(ax, methods="evolution") is ax
    assert ax.get_title() == "over random@30"
    frame = opened.frame("relative_improvement")
    own = frame[(frame["method"] == "evolution") & (frame["baseline"] == "random@30")]
    drawn = [x for line in ax.lines if line.get_marker() == "o" for x in line.get_xdata()]
    assert drawn == own["ri"].tolist()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["evolution"]
    opened.plot.forest(ax, panel="random@1")
    assert ax.get_title() == "over random@1, the average architecture"


def test_an_axes_holds_one_panel(opened: harness.OpenedRun) -> None:
    with pytest.raises(
        HarnessError, match=r"plot.anytime: an axes holds one panel, and there are 2; say panel= one of 'cora', "
    ):
        opened.plot.anytime(Figure().subplots())
    ax = Figure().subplots()
    opened.plot.anytime(ax, panel="pubmed")
    assert (ax.get_title(), ax.get_xlabel()) == ("pubmed: accuracy, %", "evaluations (log scale)")
    with pytest.raises(HarnessError, match=r"unknown panel 'pubmeed'; did you mean 'pubmed'"):
        opened.plot.anytime(ax, panel="pubmeed")


def test_every_figure_fits_into_an_axes(opened: harness.OpenedRun) -> None:
    for name in dir(opened.plot):
        ax = Figure().subplots()
        assert getattr(opened.plot, name)(ax, benchmarks="nasbench-graph/cora") is ax
        assert ax.has_data(), name


def test_a_notebook_shows_a_figure(opened: harness.OpenedRun) -> None:
    assert opened.plot.forest()._repr_png_().startswith(b"\x89PNG")
    assert not hasattr(opened.plot, "_ipython_display_")
    assert not hasattr(opened.plot, "no_such_figure")
    assert repr(opened.plot.anytime).startswith("anytime(ax=None, methods=, benchmarks=): Anytime curves")


def test_figures_of_results_from_elsewhere(elsewhere: Path) -> None:
    run = harness.open_run(elsewhere)
    assert set(dir(run.plot)) == {"forest", "runs"}
    assert texts(run.plot.forest(methods="NAO", benchmarks="cifar10")) == ["NAO"]
    ax = Figure().subplots()
    run.plot.runs(ax, benchmarks="cifar100", methods="NAO")
    assert [label.get_text() for label in ax.get_yticklabels()] == ["NAO"]
