"""Planned seeds: each number against the same one computed straight from the records and the tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.power import TTestIndPower, TTestPower

import harness
from harness.analysis import plan_seeds
from harness.tabular import synthetic

from .conftest import BUDGET, exact_random


def test_seeds(rows, scores):
    frame = plan_seeds(rows, detect=0.5, power=0.9)
    assert len(frame) == 10
    for row in frame.itertuples():
        own, (mean, std) = scores[row.benchmark, row.method], exact_random(row.benchmark)
        cv = 100 * own.std(ddof=1) / mean
        pooled = 100 * np.sqrt((own.var(ddof=1) + std**2) / 2) / mean
        assert (row.n, row.budget, row.note) == (12, BUDGET, "")
        assert row.cv == pytest.approx(cv)
        ends = cv * np.sqrt(11 / stats.chi2.ppf([0.975, 0.025], 11))
        assert (row.cv_low, row.cv_high) == pytest.approx(tuple(ends))
        one = TTestPower().solve_power(effect_size=0.5 / cv, alpha=0.05, power=0.9)
        two = TTestIndPower().solve_power(effect_size=0.5 / pooled, alpha=0.05, power=0.9)
        assert (row.seeds_exact, row.seeds_sampled) == (np.ceil(one), np.ceil(two))
        detectable = TTestPower().solve_power(nobs=12, alpha=0.05, power=0.9)
        assert row.detectable_exact == pytest.approx(cv * detectable, rel=1e-4)
        detectable = TTestIndPower().solve_power(nobs1=12, alpha=0.05, power=0.9)
        assert row.detectable_sampled == pytest.approx(pooled * detectable, rel=1e-4)


def test_seeds_of_what_has_no_spread(tmp_path):
    suite = {"name": "one", "seeds": "0:1", "benchmarks": [synthetic.NAME], "methods": [{"name": "random"}]}
    harness.run(suite | {"budgets": {"evaluations": 5}}, tmp_path, backend="sequential")
    (row,) = plan_seeds(tmp_path, 1.0).itertuples()
    assert row.note == "one seed"
    assert pd.isna(row.seeds_exact)
