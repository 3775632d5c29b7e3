"""The numbers of a report against the same numbers computed another way, straight from the records and the tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

import harness
from harness.reporting import build_report
from harness.statistics import RandomSearchLaw


@pytest.fixture(scope="module")
def tables(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_report(small, tmp_path_factory.mktemp("out") / "report", formats=("csv",)).folder / "tables"


@pytest.fixture(scope="module")
def records(small: Path) -> pd.DataFrame:
    return pd.read_parquet(small / "records.parquet")


def test_relative_improvement(tables: Path, records: pd.DataFrame) -> None:
    frame = pd.read_csv(tables / "relative_improvement.csv")
    assert list(frame) == (
        [
            "benchmark",
            "dataset",
            "method",
            "baseline",
            "n_method",
            "n_baseline",
            "ri",
            "ci_low",
            "ci_high",
            "p_value",
            "p_holm",
        ]
    )
    assert len(frame) == 2 * 2 * 2
    assert frame["n_baseline"].isna().all()
    for row in frame.itertuples():
        table = harness.load_benchmark(row.benchmark)
        scores = records[(records["benchmark"] == row.benchmark) & (records["label"] == row.method)]["test"]
        law = RandomSearchLaw(table.valid, table.test)
        baseline = table.test.mean() if row.baseline == "random@1" else law.mean(30)
        test = stats.ttest_1samp(scores, baseline)
        low, high = test.confidence_interval(0.95)
        assert row.n_method == len(scores) == 12
        assert row.ri == pytest.approx(100 * (scores.mean() / baseline - 1), abs=1e-9)
        assert row.p_value == pytest.approx(test.pvalue)
        assert (row.ci_low, row.ci_high) == pytest.approx((100 * (low / baseline - 1), 100 * (high / baseline - 1)))
    for _, family in frame.groupby("baseline"):
        np.testing.assert_allclose(family["p_holm"], multipletests(family["p_value"], method="holm")[1])


def test_summary(tables: Path, records: pd.DataFrame) -> None:
    frame = pd.read_csv(tables / "summary.csv")
    for row in frame.itertuples():
        scores = records[(records["benchmark"] == row.benchmark) & (records["label"] == row.method)]["test"]
        assert (row.test_mean, row.test_std) == pytest.approx((scores.mean(), scores.std()))
        assert (row.test_min, row.test_median, row.test_max) == (scores.min(), scores.median(), scores.max())
        best = harness.load_benchmark(row.benchmark).test.max()
        assert row.best_test == best
        assert row.regret == pytest.approx(best - scores.mean())


def test_random_equivalent_is_the_first_budget_that_reaches_the_mean(tables: Path) -> None:
    frame = pd.read_csv(tables / "random_equivalent.csv")
    summary = pd.read_csv(tables / "summary.csv")
    assert len(frame) == 4
    for row, mean in zip(frame.itertuples(), summary["test_mean"], strict=True):
        table = harness.load_benchmark(row.benchmark)
        law = RandomSearchLaw(table.valid, table.test)
        if np.isinf(row.draws):
            assert law.mean(np.arange(1, 3000)).max() < mean
        else:
            assert np.argmax(law.mean(np.arange(1, int(row.draws) + 1)) >= mean) == row.draws - 1
        assert row.draws_low <= row.draws <= row.draws_high
        assert row.speed_up == row.draws / 30


def test_exact_curve_shows_over_selection(tables: Path) -> None:
    frame = pd.read_csv(tables / "random_curve.csv")
    table = harness.load_benchmark("nasbench-graph/proteins")
    curve = frame[frame["dataset"] == "proteins"].set_index("n")["mean"]
    assert curve[1] == pytest.approx(table.test.mean())
    assert curve[50] > curve[1000]
    rng = np.random.default_rng(1)
    rows = rng.integers(len(table), size=(4000, 100))
    winners = rows[np.arange(4000), table.valid[rows].argmax(axis=1)]
    simulated = table.test[winners]
    assert curve[100] == pytest.approx(simulated.mean(), abs=4 * simulated.std() / np.sqrt(4000))
