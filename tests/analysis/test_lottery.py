"""Spread over parameters: each number against the same one computed straight from the records and the tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from harness.analysis import lottery

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
        assert (row.worst_setting, row.best_setting) == (means.idxmin(), means.idxmax())
        assert row.random == pytest.approx(mean)
        assert row.spread == pytest.approx(100 * (means.max() - means.min()) / mean)
        assert row.gap == pytest.approx(100 * (means.median() - mean) / mean)
        assert row.ratio == pytest.approx(row.spread / abs(row.gap))
        assert row.p_value == pytest.approx(stats.f_oneway(*grid.values()).pvalue)
        assert (row.settings, row.seeds, row.budget) == (3, 12, BUDGET)
    np.testing.assert_allclose(frame["p_holm"], multipletests(frame["p_value"], method="holm")[1])
