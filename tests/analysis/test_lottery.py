"""Spread over parameters: each number against the same one computed straight from the records and the tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from harness.analysis import lottery
from harness.reporting.plots import plot_lottery

from .conftest import BUDGET, exact_random


def test_lottery(rows, scores):
    frame = lottery(rows)
    assert frame[["benchmark", "method"]].to_numpy().tolist() == [
        ["nasbench-graph/cora", "regularized-evolution"],
        ["nasbench-graph/proteins", "regularized-evolution"],
    ]
    for row in frame.itertuples():
        grid = {label: scores[row.benchmark, label] for label in ("e4", "e10", "e25")}
        means, (mean, _) = pd.Series({label: own.mean() for label, own in grid.items()}), exact_random(row.benchmark)
        assert (row.worst, row.median, row.best) == pytest.approx((means.min(), means.median(), means.max()))
        assert (row.lower, row.upper) == pytest.approx((means.quantile(0.25), means.quantile(0.75)))
        assert row.share_above == (means > mean).mean()
        assert row.default == means["e10"]  # the method's own population is 10
        assert row.tuning == pytest.approx(100 * (means.max() - means["e10"]) / mean)
        assert (row.worst_setting, row.best_setting) == (means.idxmin(), means.idxmax())
        assert row.random == pytest.approx(mean)
        assert row.spread == pytest.approx(100 * (means.max() - means.min()) / mean)
        assert row.gap == pytest.approx(100 * (means.median() - mean) / mean)
        assert row.ratio == pytest.approx(row.spread / abs(row.gap))
        assert row.p_value == pytest.approx(stats.f_oneway(*grid.values()).pvalue)
        assert (row.settings, row.seeds, row.budget) == (3, 12, BUDGET)
    np.testing.assert_allclose(frame["p_holm"], multipletests(frame["p_value"], method="holm")[1])


def test_settings_are_drawn_by_budget(rows, cli, tmp_path):
    drawn = tmp_path / "lottery.svg"
    done = cli("analyze", "lottery", rows, "--figure", drawn)
    assert (done.code, done.err) == (0, "")
    text = drawn.read_text()
    assert "<svg" in text
    assert cli("analyze", "lottery", rows, "--figure", tmp_path / "again.svg").code == 0
    assert (tmp_path / "again.svg").read_text() == text
    wrong = cli("analyze", "lottery", rows, "--figure", tmp_path / "lottery.jpg")
    assert (wrong.code, wrong.out) == (2, "")
    assert "wanted a figure's file that ends in .svg, .png or .pdf" in wrong.err


def test_a_point_a_setting_and_a_ring_around_the_default():
    frame = pd.DataFrame({"budget": [50, 50, 50, 100], "method": ["a", "a", "b", "a"], "ri": [2.0, -1.0, 0.5, 3.0]})
    ax = plot_lottery(frame.assign(is_default=[True, False, False, False]))
    drawn = [line for line in ax.lines if line.get_linestyle() == "None"]
    assert sorted(y for line in drawn if line.get_fillstyle() == "full" for y in line.get_ydata()) == [-1, 0.5, 2, 3]
    rings = [line.get_ydata().tolist() for line in drawn if line.get_fillstyle() == "none"]
    assert [ring for ring in rings if ring] == [[2.0]]
