"""The table that the page opens with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.reporting.build import build_report, make_document
from harness.reporting.frames.headline import HEADLINE_COLUMNS, headline, verdict_of
from harness.reporting.frames.improvement import relative_improvements
from harness.reporting.frames.scores import random_equivalents
from harness.reporting.markdown import render_markdown
from harness.reporting.plain import render_plain
from harness.reporting.run import Run, load_run
from harness.reporting.sections.headline import at_first_sight

from .conftest import Make

NAN = float("nan")


@pytest.fixture
def fresh(small: Path) -> Run:
    return load_run(small)


@pytest.mark.parametrize(
    ("counts", "verdict"),
    [
        ((1, 0, 9), "better"),
        ((0, 2, 8), "worse"),
        ((1, 1, 0), "better and worse"),
        ((0, 0, 3), "no significant difference"),
        ((0, 0, 0), "no test"),
    ],
)
def test_verdicts(counts: tuple[int, int, int], verdict: str) -> None:
    assert verdict_of(*counts) == verdict


def test_over_several_benchmarks(fresh: Run) -> None:
    (row,) = headline(fresh).to_dict("records")
    own = relative_improvements(fresh).query("method == 'regularized-evolution' and baseline == 'random@30'")
    # The geometric mean of ratios; its error comes from the seeds of both, and the smaller sample's t bounds that of the sum.
    ratios = 1 + own["ri"].to_numpy() / 100
    assert row["ri"] == pytest.approx(100 * (np.sqrt(ratios.prod()) - 1))
    assert row["ci_low"] < row["ri"] < row["ci_high"]
    half = np.log1p(row["ci_high"] / 100) - np.log1p(row["ri"] / 100)
    halves = [(np.log1p(r["ci_high"] / 100) - np.log1p(r["ri"] / 100)) for _, r in own.iterrows()]
    assert max(halves) / 2 < half < np.hypot(*halves) / 2 * 1.01
    decided = own["p_holm"] < 0.05
    assert row["better"] == int((decided & (own["ri"] > 0)).sum())
    assert row["better"] + row["undecided"] + row["worse"] + row["untested"] == row["benchmarks"] == 2
    worth = random_equivalents(fresh).query("method == 'regularized-evolution'")["draws"]
    assert row["draws"] == np.median(worth)
    assert np.isnan(row["draws_low"])
    assert np.isnan(row["feasible"])


def changed(run: Run, improvements: list[tuple[float, float]], draws: tuple[float, float, float]) -> list[str]:
    """Return the cells of the row if RI and adjusted p-values, and draws on both tables, were these."""
    frame = relative_improvements(run).copy()
    own = (frame["method"] == "regularized-evolution") & (frame["baseline"] == "random@30")
    frame.loc[own, ["ri", "p_holm"]] = improvements
    worth = random_equivalents(run).copy()
    worth.loc[worth["method"] == "regularized-evolution", ["draws", "draws_low", "draws_high"]] = draws
    run._computed[relative_improvements], run._computed[random_equivalents] = frame, worth
    table = at_first_sight(run)
    assert table is not None
    return [column.show(table.rows()[0]) for column in table.columns]


def test_wordings_on_several_benchmarks(fresh: Run) -> None:
    cells = changed(fresh, [(1, 0.01), (-1, 0.2)], (40, 35, 50))
    assert (cells[1], cells[3], cells[4]) == ("better on 1 of 2", "1 / 1 / 0", "40")
    assert changed(load_run(fresh.folder), [(1, 0.01), (-1, 0.01)], (np.inf, NAN, NAN))[1] == (
        "better on 1, worse on 1 of 2"
    )


@pytest.mark.parametrize(
    ("draws", "shown"),
    [
        ((40, 31, 90), "40 [31, 90]"),
        ((1040, 31, np.inf), "1,040 [31, no limit]"),
        ((np.inf, 1314, np.inf), "at least 1,314"),
        ((np.inf, np.inf, np.inf), "not reached"),
    ],
)
def test_on_one_benchmark(make_run: Make, draws: tuple[float, float, float], shown: str) -> None:
    run = load_run(make_run(benchmarks=["nasbench-graph/cora"]))
    cells = changed(run, [(-1.5, 0.01)], draws)
    row = relative_improvements(run).query("method == 'regularized-evolution' and baseline == 'random@30'").iloc[0]
    assert cells[1] == "worse"
    assert cells[2] == f"−1.50 [{row['ci_low']:+.2f}, {row['ci_high']:+.2f}]".replace("-", "−")
    assert cells[-1] == shown


def test_constraints_come_first(make_run: Make) -> None:
    run = load_run(make_run(constraint={"params": "<= 0.46"}, benchmarks=["nasbench-graph/cora"]))
    table = at_first_sight(run)
    assert table is not None
    assert [column.title for column in table.columns][:3] == ["method", "feasible, %", "verdict"]
    ok = run.cells[run.cells["label"] == "regularized-evolution"]["status"] == "ok"
    assert table.frame["feasible"].iloc[0] == pytest.approx(100 * ok.mean())


def test_only_random_search_has_none(make_run: Make) -> None:
    assert make_document(load_run(make_run(methods=[{"name": "random"}]))).headline is None


def test_in_every_form(small: Path, tmp_path: Path) -> None:
    report = build_report(small, tmp_path / "report", formats=["html", "md", "csv"])
    table = pd.read_csv(tmp_path / "report" / "tables" / "headline.csv")
    assert tuple(table) == HEADLINE_COLUMNS
    page = (tmp_path / "report" / "index.html").read_text()
    assert page.index('id="table-headline"') < page.index("<nav") < page.index('id="table-relative_improvement"')
    markdown = render_markdown(make_document(load_run(small)))
    assert markdown.index("| method | verdict |") < markdown.index("- **regularized-evolution**")
    assert report.headline is not None
    text = render_plain(report.headline)
    assert text.isascii()
    assert [line.split("  ")[0] for line in text.splitlines()] == ["method", "regularized-evolution"]
