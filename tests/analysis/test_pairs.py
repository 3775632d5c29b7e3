"""All pairs of methods: each number against the same one computed straight from the records and the tables."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

import harness
from harness.analysis import compare_pairs

from .conftest import exact_random


def test_pairs(rows, scores):
    found = compare_pairs(rows, np.random.default_rng(0))
    frame, names = found.tests, ["local-search", "e4", "e10", "e25"]
    assert frame[["a", "b"]].drop_duplicates().to_numpy().tolist() == [
        list(p) for p in itertools.combinations(names, 2)
    ]
    assert len(frame) == 12
    for row in frame.itertuples():
        a, b, (mean, _) = scores[row.benchmark, row.a], scores[row.benchmark, row.b], exact_random(row.benchmark)
        welch = stats.ttest_ind(a, b, equal_var=False)
        assert row.difference == pytest.approx(100 * (a.mean() - b.mean()) / mean)
        low, high = welch.confidence_interval(0.95)
        assert (row.ci_low, row.ci_high) == pytest.approx((100 * low / mean, 100 * high / mean))
        assert row.p_value == pytest.approx(welch.pvalue)
        assert row.p_brunner_munzel == pytest.approx(stats.brunnermunzel(a, b).pvalue)
        wins = np.mean([(x > y) + (x == y) / 2 for x in a for y in b])
        assert row.win_probability == pytest.approx(wins)
        flips = np.array(list(itertools.product((1, -1), repeat=12))) @ (a - b)
        assert row.p_sign_flip == pytest.approx(np.mean(np.abs(flips) >= abs(np.sum(a - b)) - 1e-12))
        assert (row.n_a, row.n_b, row.n_paired) == (12, 12, 12)
    np.testing.assert_allclose(frame["p_holm"], multipletests(frame["p_value"], method="holm")[1])
    np.testing.assert_allclose(frame["p_bh"], multipletests(frame["p_value"], method="fdr_bh")[1])


def test_two_data_sets_carry_no_rank_tests(rows):
    found = compare_pairs(rows, np.random.default_rng(0), rope=0.2)
    assert found.ranks.empty
    assert len(found.notes) == 1
    assert "at least" in found.notes[0]
    assert found.over_datasets["p_wilcoxon"].isna().all()
    assert found.over_datasets["p_holm"].isna().all()
    np.testing.assert_allclose(found.over_datasets[["worse", "equal", "better"]].sum(axis=1), 1)
    medians = found.tests.groupby(["a", "b"], sort=False)["difference"].median()
    np.testing.assert_allclose(found.over_datasets["median_difference"], medians)
    wins = found.tests.groupby(["a", "b"], sort=False)["win_probability"].mean()
    np.testing.assert_allclose(found.over_datasets["win_probability"], wins)
    assert (found.over_datasets["win_low"] < found.over_datasets["win_high"]).all()


def test_nine_data_sets_carry_them(tmp_path, make_table, registries):
    """Tables whose best rows differ, so that ranks do."""
    for place in range(9):
        harness.register_benchmark(f"made/t{place}")(lambda place=place: make_table(name=f"made/t{place}", seed=place))
    methods = [{"name": "random"}, {"name": "local-search"}, {"name": "regularized-evolution", "population": 5}]
    suite = {"name": "nine", "seeds": "0:6", "benchmarks": ["made/*"], "methods": methods}
    harness.run(suite | {"budgets": {"evaluations": 15}}, tmp_path, backend="sequential")
    found = compare_pairs(tmp_path, np.random.default_rng(0))
    assert found.notes == ()
    (row,) = found.over_datasets.itertuples()
    gaps = found.tests["difference"]
    assert row.datasets == len(gaps) == 9
    assert row.p_wilcoxon == pytest.approx(stats.wilcoxon(gaps).pvalue)
    assert found.ranks["mean_rank"].sum() == pytest.approx(3)
    best = found.ranks.loc[found.ranks["method"] == "local-search", "mean_rank"].item()
    assert best == pytest.approx(np.mean(np.where(gaps > 0, 1, np.where(gaps < 0, 2, 1.5))))
