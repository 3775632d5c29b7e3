"""The numbers, each computed another way."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestIndPower, TTestPower

from harness.errors import HarnessError
from harness.results.improvement import aggregates, detectable, relative_improvements
from harness.results.read import read_results

COLUMNS = [
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


def delta_welch(a, r):
    """RI, its interval and p-value, written out."""
    ratio, n, m = a.mean() / r.mean(), len(a), len(r)
    parts = np.array([a.var(ddof=1) / n, ratio**2 * r.var(ddof=1) / m])
    error = 100 / r.mean() * np.sqrt(parts.sum())
    df = parts.sum() ** 2 / np.sum(parts**2 / np.array([n - 1, m - 1]))
    ri, reach = 100 * (ratio - 1), stats.t.ppf(0.975, df) * error
    return ri, ri - reach, ri + reach, 2 * stats.t.sf(abs(ri) / error, df)


def test_every_comparison(read, tables):
    frame = relative_improvements(read(tables))
    assert list(frame)[: len(COLUMNS)] == COLUMNS
    assert len(frame) == 40
    for row in frame.itertuples():
        expected = delta_welch(tables[row.dataset][row.method], tables[row.dataset][f"{row.method} random"])
        assert (row.ri, row.ci_low, row.ci_high, row.p_value) == pytest.approx(expected)
        assert (row.n_method, row.n_baseline, row.benchmark, row.test) == (8, 8, row.dataset, "delta-Welch")
    np.testing.assert_allclose(frame["p_holm"], multipletests(frame["p_value"], method="holm")[1])


def test_order_of_columns_and_unit_change_nothing(read, tables):
    before = relative_improvements(read(tables))
    tables["photo"] = tables["photo"].iloc[::-1, ::-1] / 100
    after = relative_improvements(read(tables))
    pd.testing.assert_frame_equal(after.drop(columns="result"), before.drop(columns="result"))


def test_paired(csv):
    rng = np.random.default_rng(4)
    r = rng.normal(90, 3, 6)
    a = r * 1.01 + rng.normal(0, 0.1, 6)
    lines = [f"A,{i},{x!r}" for i, x in enumerate(a.tolist())] + [f"R,{i},{x!r}" for i, x in enumerate(r.tolist())]
    path = csv("method,seed,score", *rng.permutation(lines), "R,9,20")
    row = relative_improvements(read_results([path], baseline="R", paired=True)).iloc[0]
    test = stats.ttest_1samp(np.log(a / r), 0)
    expected = [100 * np.expm1(x) for x in (np.log(a / r).mean(), *test.confidence_interval(0.95))]
    assert [row.ri, row.ci_low, row.ci_high, row.p_value] == pytest.approx([*expected, test.pvalue])
    assert (row.n_method, row.n_baseline, row.test) == (6, 6, "paired log-ratio")
    unpaired = relative_improvements(read_results([path], baseline="R")).iloc[0]
    assert unpaired.p_value > 100 * row.p_value


def test_lower_is_better(csv):
    """Errors: fewer are an improvement, by as much as the definition with the signs turned says."""
    path = csv("A,R", "2.9,3.5", "2.7,3.1", "3.0,3.4", "2.8,3.6")
    row = relative_improvements(read_results([path], baseline="R", direction="min")).iloc[0]
    ri, low, high, p = delta_welch(np.array([2.9, 2.7, 3.0, 2.8]), np.array([3.5, 3.1, 3.4, 3.6]))
    assert (row.ri, row.ci_low, row.ci_high, row.p_value) == pytest.approx((-ri, -high, -low, p))
    assert row.ri > row.ci_low > 0


@pytest.mark.parametrize("direction", ["max", "min"])
def test_aggregates(read, tables, direction):
    results = read(tables, direction=direction)
    frame = relative_improvements(results)
    overall = aggregates(results, frame)
    assert len(overall) == 16
    sign = 1 if direction == "max" else -1
    for method, part in overall.groupby("method"):
        a, r = ([table[name] for table in tables.values()] for name in (method, f"{method} random"))
        logs = np.array([np.log(x.mean() / y.mean()) for x, y in zip(a, r, strict=True)])
        like = stats.ttest_1samp(logs, 0)
        parts = [
            (x.var(ddof=1) / 8 / x.mean() ** 2, y.var(ddof=1) / 8 / y.mean() ** 2) for x, y in zip(a, r, strict=True)
        ]
        error = np.sqrt(np.sum(parts)) / 5
        for row in part.itertuples():
            assert row.ri == pytest.approx(sign * 100 * np.expm1(logs.mean()))
            assert (row.datasets, row.note) == (5, "")
        these, others = part.iloc[0], part.iloc[1]
        assert (these.population, others.population) == ("these data sets", "data sets like these")
        assert others.p_value == pytest.approx(like.pvalue)
        ends = sorted(sign * 100 * np.expm1(np.array(like.confidence_interval(0.95))))
        assert (others.ci_low, others.ci_high) == pytest.approx(tuple(ends))
        df = np.sum(parts) ** 2 / sum(sum(p) ** 2 / (sum(p) ** 2 / sum(q**2 / 7 for q in p)) for p in parts)
        assert these.p_value == pytest.approx(2 * stats.t.sf(abs(logs.mean()) / error, df))


def test_an_aggregate_over_some_data_sets_says_so(read, tables):
    tables["cs"] = tables["cs"].drop(columns="NAO")
    results = read(tables)
    overall = aggregates(results, relative_improvements(results)).set_index("method")
    assert overall.loc["NAO", "datasets"].tolist() == [4, 4]
    assert overall.loc["NAO", "note"].tolist() == ["only 4 of 5 data sets"] * 2
    assert overall.loc["ENAS", "note"].tolist() == ["", ""]


def test_detectable_differences(read, tables):
    results = read(tables)
    for found, row in zip(detectable(results), relative_improvements(results).itertuples(), strict=True):
        a, r = tables[row.dataset][row.method], tables[row.dataset][f"{row.method} random"]
        spread = np.sqrt((a.var(ddof=1) + r.var(ddof=1)) / 2)
        effect = TTestIndPower().solve_power(nobs1=8, alpha=0.05, power=0.8)
        assert found == pytest.approx(100 * effect * spread / r.mean(), rel=1e-4)


def test_detectable_difference_of_pairs(csv):
    lines = ["A,0,91", "A,1,92.5", "A,2,93", "A,3,95", "R,0,90", "R,1,92", "R,2,93", "R,3,93.5"]
    (found,) = detectable(read_results([csv("method,seed,score", *lines)], baseline="R", paired=True))
    spread = np.std(np.log([91 / 90, 92.5 / 92, 1, 95 / 93.5]), ddof=1)
    effect = TTestPower().solve_power(nobs=4, alpha=0.05, power=0.8)
    assert found == pytest.approx(100 * effect * spread, rel=1e-4)


def test_what_has_no_spread_has_no_test(csv):
    path = csv("A,B,R", "91,91,90", ",91,90", ",91,90")
    results = read_results([path], baseline="R")
    frame = relative_improvements(results).set_index("method")
    assert frame.loc["A", "note"] == "one seed: no interval"
    assert frame.loc["B", "note"] == "all seeds equal: no interval"
    assert frame["ri"].to_numpy() == pytest.approx(100 / 90)
    assert frame[["ci_low", "p_value", "p_holm"]].isna().all(axis=None)
    assert np.isnan(detectable(results)).all()


def test_a_baseline_of_zero_costs_its_own_comparison_only(csv):
    path = csv("dataset,A,R", "zero,91,0", "zero,92,0", "other,91,90", "other,92,90.5")
    frame = relative_improvements(read_results([path], baseline="R")).set_index("dataset")
    assert "mean 0" in frame.loc["zero", "note"]
    assert np.isnan(frame.loc["zero", "ri"])
    assert frame.loc["other", "ri"] == pytest.approx(100 * (91.5 / 90.25 - 1))


def test_random_architectures_as_baselines(csv):
    """The estimate alone of a few of them; of many, the interval that is corrected for skewness."""
    rng = np.random.default_rng(8)
    a, r = rng.normal(91, 0.5, 60), np.where(rng.random(60) < 0.05, 10, rng.normal(90, 1, 60))
    path = csv("A,R", *(f"{x:.4f},{y:.4f}" for x, y in zip(a, r, strict=True)))
    for each, method in ((1, "delta-Welch"), (2, "delta-Welch, skewness-corrected")):
        results = read_results([path], baseline="R", architectures=each)
        (row,) = relative_improvements(results).itertuples()
        assert row.ri == pytest.approx(100 * (a.mean() / r.mean() - 1), abs=1e-3)
        assert row.test == method
        assert np.isnan([row.ci_low, row.ci_high, row.p_value, *detectable(results)]).all() == (each == 1)
        assert row.note.startswith("60 runs against 60 random architectures") == (each == 1)
    with pytest.raises(HarnessError, match="architectures: 0 is not a count"):
        read_results([path], baseline="R", architectures=0)
