from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.weightstats import ttost_ind

from harness.errors import HarnessError
from harness.statistics.noninferiority import Changes, cell_changes, equivalence_p_value, non_inferiority


def change(difference, error, df=1e9):
    return Changes(*(np.atleast_1d(np.asarray(x, dtype=float)) for x in (difference, error, df)))


@pytest.mark.parametrize(
    ("difference", "strict", "outcome"),
    [
        (0.0, False, "pass"),
        (-0.3, False, "pass"),
        (-0.9, False, "inconclusive"),
        (-1.1, False, "inconclusive"),
        (-1.5, False, "regressed"),
        (-0.5, True, "regressed"),  # passes the margin too: regressed wins
        (-0.1, True, "pass"),
        (2.0, True, "pass"),
    ],
)
def test_three_outcomes(difference, strict, outcome):
    assert non_inferiority(change(difference, 0.2), margin=1.0, strict=strict).outcome == outcome


def test_bounds_and_p_values_say_the_same_as_the_outcome(rng):
    for difference in np.linspace(-2, 1, 31):
        verdict = non_inferiority(change(difference, 0.3, 7), margin=0.8)
        assert (verdict.outcome == "pass") == (verdict.p_inferior < 0.05) == (verdict.low > -0.8)
        assert (verdict.outcome == "regressed") == (verdict.p_regressed < 0.05) == (verdict.high < -0.8)


def test_one_cell_is_a_one_sided_welch_test(rng):
    new, old = rng.normal(0.94, 0.01, 6), rng.normal(0.945, 0.02, 9)
    verdict = non_inferiority(cell_changes([new], [old], [0.9]), margin=0.5)
    reference = stats.ttest_ind(new + 0.5 * 0.9 / 100, old, equal_var=False, alternative="greater")
    assert verdict.p_inferior == pytest.approx(reference.pvalue)
    assert verdict.difference == pytest.approx(100 * (new.mean() - old.mean()) / 0.9)
    assert verdict.df == pytest.approx(reference.df)


def test_paired_cells(rng):
    old = rng.normal(0.9, 0.05, 8)
    new = old + rng.normal(0.001, 0.001, 8)
    changes = cell_changes([new], [old], [0.9], paired=True)
    reference = stats.ttest_rel(new, old)
    assert changes.difference[0] / changes.error[0] == pytest.approx(reference.statistic)
    assert changes.df[0] == 7


def test_pooling_weights_by_inverse_variance():
    pooled = non_inferiority(change([1.0, 3.0], [1.0, 2.0], [1e9, 1e9]), margin=1.0)
    assert pooled.difference == pytest.approx((1 + 3 / 4) / (1 + 1 / 4))
    assert pooled.error == pytest.approx((1 + 1 / 4) ** -0.5)
    few = non_inferiority(change([1.0, 3.0], [1.0, 2.0], [4, 4]), margin=1.0)
    assert few.error > pooled.error
    assert few.df == pytest.approx(1 / (0.8**2 / 4 + 0.2**2 / 4))


def test_a_margin_of_three_point_three_errors_passes_no_change_with_95_percent():
    power = stats.norm.sf(stats.norm.ppf(0.95) - 3.3)
    assert power == pytest.approx(0.95, abs=0.002)


def test_seeds_factor_reaches_the_planned_power():
    verdict = non_inferiority(change(0.0, 1.0), margin=1.0)
    assert verdict.outcome == "inconclusive"
    error = 1.0 / np.sqrt(verdict.seeds_factor)
    assert stats.norm.sf(stats.norm.ppf(0.95) - 1.0 / error) == pytest.approx(0.8, abs=1e-6)


def test_equal_cells_are_left_out_and_all_equal_is_a_pass(rng):
    equal, new, old = [0.9] * 4, rng.normal(0.9, 0.01, 4), rng.normal(0.9, 0.01, 4)
    both = non_inferiority(cell_changes([equal, new], [equal, old], [0.9, 0.9]), 1.0)
    assert both == non_inferiority(cell_changes([new], [old], [0.9]), 1.0)
    verdict = non_inferiority(cell_changes([equal], [equal], [0.9]), 1.0, strict=True)
    assert (verdict.outcome, verdict.difference, verdict.error) == ("pass", 0, 0)


@pytest.mark.parametrize(
    ("new", "old", "reference", "paired", "words"),
    [
        ([[1, 2]], [[1, 2], [1, 2]], [1.0], False, "new has 1, old 2, reference 1"),
        ([[1, 2], [1]], [[1, 2], [1, 2]], [1.0, 1.0], False, "cell 1: one seed has no spread"),
        ([[1, 1]], [[2, 2]], [1.0], False, "cell 0: no spread over seeds, yet the scores differ"),
        ([[1, 2]], [[1, 2, 3]], [1.0], True, "new has 2, old has 3"),
        ([[1, 2]], [[1, 2]], [0.0], False, "reference: holds 0"),
        ([[1, np.nan]], [[1, 2]], [1.0], False, "new, cell 0: nan at position 1"),
    ],
)
def test_wrong_cells_are_refused(new, old, reference, paired, words):
    with pytest.raises(HarnessError, match=words):
        cell_changes(new, old, reference, paired)


def test_wrong_margins_are_refused():
    with pytest.raises(HarnessError, match="margin: 0 is not above 0"):
        non_inferiority(change(0.0, 1.0), margin=0)
    with pytest.raises(HarnessError, match="margin: -1 is not above 0"):
        equivalence_p_value([1, 2], [1, 2], -1)
    with pytest.raises(HarnessError, match="compare them exactly"):
        equivalence_p_value([1, 1], [1, 1], 1)


@pytest.mark.parametrize("shift", [0.0, 0.3, -0.8])
def test_equivalence_agrees_with_statsmodels(rng, shift):
    a, b = rng.normal(shift, 1, 12), rng.normal(0, 0.5, 9)
    expected = ttost_ind(a, b, -1, 1, usevar="unequal")[0]
    assert equivalence_p_value(a, b, 1.0) == pytest.approx(expected)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "most"), [(4, 0.075), (8, 0.06), (20, 0.06)])
def test_error_rates(rng, n, most):
    """Eight cells of unequal noise, a true loss of exactly the margin: errors near 5 % (4000 repetitions)."""
    spread, outcomes = np.geomspace(0.5, 3, 8)[:, np.newaxis], []
    for _ in range(4000):
        new, old = (mean + spread * rng.normal(size=(8, n)) for mean in (99, 100))
        outcomes.append(non_inferiority(cell_changes(new, old, np.full(8, 100.0)), margin=1.0).outcome)
    assert 0.04 < outcomes.count("pass") / 4000 < most
    assert 0.04 < outcomes.count("regressed") / 4000 < most
