"""Aggregates of normalised scores: against records, against simulated searches, and left out where tables are few."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import harness
from harness.reporting import build_report
from harness.reporting.frames.curves import EXACT
from harness.reporting.frames.robust import ENOUGH, interquartile_means, profiles
from harness.reporting.plots import plot_profile
from harness.reporting.run import Run, load_run
from harness.reporting.sections.robust import normalised_scores

from .conftest import EVOLUTION, AddTable, Make


@pytest.fixture(scope="module")
def wide(make_run: Make) -> Path:
    return make_run(benchmarks=["nasbench-graph/*"], seeds="0:8")


@pytest.fixture(scope="module")
def wide_run(wide: Path) -> Run:
    return load_run(wide)


@pytest.fixture(scope="module")
def scaled(wide: Path) -> pd.DataFrame:
    """All runs' normalised scores, straight from records and tables."""
    records = pd.read_parquet(wide / "records.parquet")
    tests = {name: harness.load_benchmark(name).test for name in records["benchmark"].unique()}
    low, high = (records["benchmark"].map({name: f(test) for name, test in tests.items()}) for f in (np.mean, np.max))
    return records.assign(score=100 * (records["test"] - low) / (high - low))


def test_interquartile_mean_is_the_trimmed_mean_of_all_runs(wide_run: Run, scaled: pd.DataFrame) -> None:
    frame = interquartile_means(wide_run).set_index("method")
    assert list(frame.index) == [EXACT, "random", "regularized-evolution"]
    for method, own in scaled.groupby("label"):
        row = frame.loc[method]
        assert row["runs"] == len(own) == 72
        assert row["iqm"] == pytest.approx(stats.trim_mean(own["score"], 0.25))
        assert row["low"] < row["iqm"] < row["high"]


def test_random_search_is_exact(wide_run: Run) -> None:
    """The middle half of many simulated searches on each table, and their shares above each score."""
    rng = np.random.default_rng(0)
    scores = []
    for benchmark in wide_run.benchmarks:
        table = harness.load_benchmark(benchmark.name)
        rows = rng.integers(len(table), size=(4000, 30))
        winners = rows[np.arange(4000), table.valid[rows].argmax(axis=1)]
        low, high = table.test.mean(), table.test.max()
        scores.append(100 * (table.test[winners] - low) / (high - low))
    exact = interquartile_means(wide_run).iloc[0]
    assert exact["iqm"] == pytest.approx(stats.trim_mean(np.concatenate(scores), 0.25), abs=1.0)
    assert np.isnan(exact["low"])
    profile = profiles(wide_run)
    profile = profile[profile["method"] == EXACT]
    simulated = [np.mean(np.concatenate(scores) > threshold) for threshold in profile["score"]]
    np.testing.assert_allclose(profile["share"], simulated, atol=0.015)
    assert profile["low"].isna().all()


def test_profiles_are_shares_of_runs(wide_run: Run, scaled: pd.DataFrame) -> None:
    frame = profiles(wide_run)
    for method, own in scaled.groupby("label"):
        profile = frame[frame["method"] == method]
        shares = [np.mean(own["score"] > threshold + 1e-9) for threshold in profile["score"]]
        np.testing.assert_allclose(profile["share"], shares, atol=1.01 / 72)
        assert (profile["low"] <= profile["share"]).all()
        assert (profile["share"] <= profile["high"]).all()
    ax = plot_profile(frame)
    assert len(ax.lines) == 3


def test_a_report_has_them_in_every_form(wide: Path, tmp_path: Path) -> None:
    folder = build_report(wide, tmp_path / "report", formats=("html", "md", "latex", "csv", "svg")).folder
    for name in ("tables/interquartile_mean.csv", "tables/interquartile_mean.tex", "plots/profile.svg"):
        assert (folder / name).is_file()
    assert "Performance profiles" in (folder / "index.html").read_text()
    assert "Interquartile mean" in (folder / "report.md").read_text()
    assert list(pd.read_csv(folder / "tables/profile.csv")) == ["budget", "method", "score", "share", "low", "high"]


def test_few_tables_have_none_and_say_so(small_run: Run) -> None:
    assert len(small_run.benchmarks) < ENOUGH
    assert interquartile_means(small_run).empty
    assert profiles(small_run).empty
    section = normalised_scores(small_run)
    assert section is not None
    assert "2 tables are too few" in section.blocks[0].paragraphs[0]  # type: ignore[union-attr]


def test_smaller_scores_are_better_and_absent_runs_are_said(make_run: Make, add_table: AddTable) -> None:
    for place in range(ENOUGH):
        add_table(f"toy/t{'x' * place}", scale=-1.0, shift=1.5, direction="min", unit="none")
    names = [f"toy/t{'x' * place}" for place in range(ENOUGH)]
    methods = [{"name": "random"}, EVOLUTION, {"name": "raises"}]
    run = load_run(make_run(benchmarks=names, budgets={"evaluations": [10, 30]}, methods=methods))
    frame = interquartile_means(run).set_index("method")
    assert frame.loc["raises@10", "note"] == "no run on 5 of them"
    assert np.isnan(frame.loc["raises@10", "iqm"])
    assert 0 < frame.loc["random@10", "iqm"] < frame.loc["random@30", "iqm"] <= 100
    exact = frame.loc[EXACT]["iqm"]
    assert frame.loc["random@10", "low"] < exact.iloc[0] < frame.loc["random@10", "high"]
    assert set(profiles(run)["method"]) == {EXACT, *frame.index} - {"raises@10", "raises@30"}
