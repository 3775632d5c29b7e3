"""Whether a method's own seconds pay: each number from the records and the exact law, and pages that times alone change."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import harness
from harness.reporting import build_report, figures
from harness.reporting.build import TIME_FILES
from harness.reporting.frames.seconds import pays_from, worth_in_seconds
from harness.reporting.run import load_run
from harness.reporting.sections.seconds import seconds_answer
from harness.reporting.write import check_target
from harness.running.columns import RECORD_COLUMNS
from harness.running.records import write_parquet
from harness.statistics import RandomSearchLaw

from .conftest import Make

FITTING = 75.0  # seconds that evolution is said to have fitted models for


@pytest.fixture(scope="module")
def run(make_run: Make) -> Path:
    return make_run(
        benchmarks=["synthetic/ridge", "nasbench-graph/cora"], budgets={"evaluations": [10, 30]}, seeds="0:6"
    )


def with_overhead(run: Path, target: Path, seconds: float) -> Path:
    """The run with so many seconds of fitting in each of evolution's searches, and none elsewhere."""
    shutil.copytree(run, target, ignore=shutil.ignore_patterns("report"))
    records = pd.read_parquet(run / "records.parquet")
    records["overhead_s"] = np.where(records["method"] == "random", 0.0, seconds)
    write_parquet(target / "records.parquet", records, RECORD_COLUMNS)
    return target


def test_a_price_from_which_it_pays() -> None:
    # 100 evaluations and 5 s of fitting against 150 evaluations: ahead above 5 / 50 s each.
    assert pays_from(5.0, 150, 100) == 0.1
    assert pays_from(5.0, np.inf, 100) == 0.0
    assert pays_from(5.0, 100, 100) == pays_from(0.0, 20, 100) == np.inf
    assert np.isnan(pays_from(5.0, np.nan, 100))


def test_every_number(run: Path, tmp_path: Path) -> None:
    frame = worth_in_seconds(load_run(with_overhead(run, tmp_path / "run", FITTING)))
    records = pd.read_parquet(run / "records.parquet")
    assert len(frame) == 4
    assert set(frame["label"]) == {"regularized-evolution"}
    for row in frame.itertuples():
        table = harness.load_benchmark(row.benchmark)
        own = records[
            (records["benchmark"] == row.benchmark)
            & (records["budget"] == row.budget)
            & (records["method"] != "random")
        ]
        law = RandomSearchLaw(table.valid, table.test, table.weights)
        assert (row.fitting_s, row.evaluations, row.n) == (FITTING, row.budget, 6)
        assert row.test_mean == pytest.approx(own["test"].mean())
        draws = law.equivalent_budget(own["test"].mean())
        price = 0.0 if draws is None else FITTING / (draws - row.budget) if draws > row.budget else np.inf
        assert row.pays_from_s == pytest.approx(price)
        assert row.pays_from_s_low <= row.pays_from_s <= row.pays_from_s_high
        if "cost" not in table.columns:
            assert np.isnan([row.evaluation_s, row.random_draws, row.ri, row.ci_low]).all()
            continue
        seconds = own["simulated_s"].mean() + FITTING
        assert row.evaluation_s == pytest.approx(own["simulated_s"].mean())
        assert row.random_draws == int(seconds / table.columns["cost"].mean())
        expected = law.mean(row.random_draws)
        assert row.ri == pytest.approx(100 * (own["test"].mean() - expected) / expected)
        assert row.ci_low < row.ri < row.ci_high


def test_the_answer_in_words(run: Path, tmp_path: Path) -> None:
    claims = seconds_answer(load_run(with_overhead(run, tmp_path / "run", FITTING)))
    assert [claim.subject for claim in claims] == ["regularized-evolution@10", "regularized-evolution@30"]
    assert claims[1].statement.startswith(
        "computes for 75 processor seconds a search itself, beside 30 evaluations (means over 2 tables)."
    )
    assert "On ridge RI over random search in the same seconds is" in claims[1].statement


def test_without_fitting_there_is_no_such_page(run: Path, tmp_path: Path) -> None:
    report = build_report(run, tmp_path / "report", formats=("md", "csv"))
    assert not any(path.name.startswith("seconds") for path in report.files)
    assert "on a page of its own" not in (report.folder / "report.md").read_text()


@pytest.mark.slow
def test_seconds_change_the_pages_of_times_alone(run: Path, tmp_path: Path) -> None:
    contents, formats = [], ("html", "md", "csv", "latex", "svg")
    for seconds in (FITTING, 2 * FITTING):
        folder = build_report(with_overhead(run, tmp_path / f"{seconds}", seconds), formats=formats).folder
        files = [path for path in folder.rglob("*") if path.is_file()]
        contents.append({path.relative_to(folder).as_posix(): path.read_bytes() for path in files})
    first, second = contents
    assert first.keys() == second.keys()
    assert {name for name in first if first[name] != second[name]} == {
        name for name in TIME_FILES if not name.endswith((".png", ".pdf"))
    }
    assert b'<a href="seconds.html">seconds</a>' in first["index.html"]
    assert b"[seconds](seconds.md)" in first["report.md"]
    check_target(folder)  # these pages are a part of a report, and not somebody else's


def test_tables_with_seconds_are_drawn_wherever_they_stand(
    make_run: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Figures show the first of very many benchmarks; this one the first that have seconds."""
    two = make_run(
        benchmarks=["nasbench-graph/cora", "synthetic/ridge"], budgets={"evaluations": [10, 30]}, seeds="0:3"
    )
    kept = load_run(with_overhead(two, tmp_path / "kept", FITTING))
    monkeypatch.setattr(figures, "MOST", 2)
    assert [benchmark.dataset for benchmark in figures.drawn(kept)] == ["cora"]
    titles = [ax.get_title() for ax in figures.draw_seconds(kept).axes]
    assert len(titles) == 2
    assert all("ridge" in title for title in titles)
