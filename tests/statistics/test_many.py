from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from harness.errors import HarnessError
from harness.statistics.many import against_control, can_carry, compare_over_datasets
from harness.statistics.multiple import holm


@pytest.fixture
def samples(rng):
    return {"evolution": rng.normal(0.3, 1, 8), "local search": rng.normal(1.5, 1, 10)}


def test_holm_against_a_control(samples, rng):
    control = rng.normal(0, 1, 9)
    table = against_control(samples, control, rng)
    p = [stats.ttest_ind(sample, control, equal_var=False).pvalue for sample in samples.values()]
    np.testing.assert_allclose(table.p_value, p)
    np.testing.assert_allclose(table.p_adjusted, holm(p))
    assert table.method.tolist() == list(samples)
    assert ((table.low < table.estimate) & (table.estimate < table.high)).all()


def test_dunnett_of_one_method_is_student_s_t(samples, rng):
    control = rng.normal(0, 1, 9)
    (row,) = against_control({"a": samples["evolution"]}, control, rng, "dunnett").itertuples()
    reference = stats.ttest_ind(samples["evolution"], control)
    assert row.p_adjusted == pytest.approx(reference.pvalue, abs=1e-4)
    assert row.high == pytest.approx(reference.confidence_interval().high, abs=2e-3)


def test_dunnett_lies_between_no_adjustment_and_bonferroni_and_repeats(samples, rng):
    control = rng.normal(0, 1, 9)
    first, second = (against_control(samples, control, np.random.default_rng(1), "dunnett") for _ in range(2))
    pd.testing.assert_frame_equal(first, second)
    groups = [control, *samples.values()]
    df = sum(len(g) - 1 for g in groups)
    pooled = sum((len(g) - 1) * g.var(ddof=1) for g in groups) / df
    error = np.sqrt([pooled * (1 / len(control) + 1 / len(s)) for s in samples.values()])
    alone = 2 * stats.t.sf(np.abs(first.estimate) / error, df)
    assert (first.p_adjusted > alone).all()
    assert (first.p_adjusted < 2 * alone).all()
    with pytest.raises(HarnessError, match=r"unknown procedure 'tukey'; .*dunnett, holm"):
        against_control(samples, control, rng, "tukey")


def test_floors():
    assert can_carry(6, 2) is None
    assert "0.0625, above 0.05; at least 6 data sets" in can_carry(5, 2)
    assert [float(can_carry(n, 2).split("p-value is ")[1].split(",")[0]) for n in (3, 4, 5)] == [0.25, 0.125, 0.0625]
    assert "at least 7 data sets" in can_carry(3, 3)
    assert "Friedman" in can_carry(7, 3)
    assert can_carry(8, 3) is None
    assert can_carry(9, 4) is None
    assert "at least 10" in can_carry(9, 7)
    assert "nothing to compare" in can_carry(9, 1)


def test_the_floor_is_reached_by_a_method_that_always_wins():
    scores = pd.DataFrame({"a": np.arange(8) + 1.0, "b": np.arange(8) * 0.9, "c": np.arange(8) * 0.5 - 3})
    pairs = compare_over_datasets(scores).pairs
    assert pairs.p_value.iloc[0] == 2.0**-7
    assert pairs.p_holm.iloc[0] == 3 * 2.0**-7


def test_pairs_and_friedman_agree_with_scipy(rng):
    scores = pd.DataFrame(rng.normal([0, 0.5, 1], 1, (12, 3)), columns=["a", "b", "c"])
    result = compare_over_datasets(scores)
    chi2 = stats.friedmanchisquare(*scores.to_numpy().T).statistic
    f = 11 * chi2 / (12 * 2 - chi2)
    assert result.p_value == pytest.approx(stats.f.sf(f, 2, 22))
    assert result.mean_ranks.sum() == pytest.approx(6)
    assert result.mean_ranks.is_monotonic_increasing
    expected = [stats.wilcoxon(scores[a], scores[b]).pvalue for a, b in itertools.combinations("abc", 2)]
    np.testing.assert_allclose(result.pairs.p_value, expected)
    np.testing.assert_allclose(result.pairs.p_holm, holm(expected))


def test_ties_are_corrected_for(rng):
    scores = pd.DataFrame(rng.integers(0, 3, (15, 4)))
    chi2 = stats.friedmanchisquare(*scores.to_numpy().T).statistic
    assert compare_over_datasets(scores).p_value == pytest.approx(stats.f.sf(14 * chi2 / (15 * 3 - chi2), 3, 42))


def test_equal_and_perfectly_ordered_methods():
    equal = compare_over_datasets(pd.DataFrame(np.ones((8, 3))))
    assert equal.p_value == 1
    assert (equal.pairs.p_holm == 1).all()
    assert compare_over_datasets(pd.DataFrame(np.tile([0.0, 1.0, 2.0], (8, 1)))).p_value == 0


def test_too_few_data_sets_are_refused_with_the_reason():
    with pytest.raises(HarnessError, match="3 data sets and 3 methods: the smallest possible Wilcoxon-Holm p-value"):
        compare_over_datasets(pd.DataFrame(np.eye(3)))
    with pytest.raises(HarnessError, match="nan at position 0, 1"):
        compare_over_datasets(pd.DataFrame([[1.0, np.nan]]))
