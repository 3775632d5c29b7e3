from __future__ import annotations

import pytest
from statsmodels.stats.power import TTestIndPower, TTestPower

from harness.errors import HarnessError
from harness.statistics.power import detectable_improvement, detection_power, seeds_needed

LIBRARY = {True: TTestPower(), False: TTestIndPower()}


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("n", [2, 3, 8, 50])
@pytest.mark.parametrize("improvement", [-0.7, 0.1, 1.0])
def test_power_agrees_with_statsmodels(exact, n, improvement):
    expected = LIBRARY[exact].power(improvement / 2.0, n, 0.05)
    assert detection_power(improvement, n, 2.0, exact) == pytest.approx(expected, abs=1e-6)


def test_power_of_no_improvement_is_the_level():
    assert detection_power(0.0, 5, 1.0, True, level=0.01) == pytest.approx(0.01)
    assert detection_power(1e-9, 5, 1.0, True) == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("n", "sampled", "exact"),
    [(3, 2.28, None), (5, 1.50, 1.25), (8, 1.12, None), (10, 0.98, 0.74), (20, 0.67, 0.49), (30, 0.55, 0.39)],
)
def test_detectable_improvement_at_the_median_variation_of_yang_et_al(n, sampled, exact):
    assert detectable_improvement(n, 0.74, exact_baseline=False) == pytest.approx(sampled, abs=0.01)
    if exact:
        assert detectable_improvement(n, 0.74, exact_baseline=True) == pytest.approx(exact, abs=0.01)


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("improvement", [0.1, 0.5, -2.0, 9.0])
def test_seeds_needed_is_the_smallest_number(exact, improvement):
    n = seeds_needed(improvement, 0.74, exact)
    assert detection_power(improvement, n, 0.74, exact) >= 0.8
    assert n == 2 or detection_power(improvement, n - 1, 0.74, exact) < 0.8
    assert detectable_improvement(n, 0.74, exact) <= abs(improvement)


def test_an_exact_baseline_saves_about_half_the_runs():
    sampled, exact = (seeds_needed(0.5, 0.74, e) for e in (False, True))
    assert (sampled, exact) == (36, 20)


def test_wrong_inputs_are_refused():
    with pytest.raises(HarnessError, match="1 seed has no spread"):
        detection_power(1.0, 1, 1.0, True)
    with pytest.raises(HarnessError, match="cv: 0"):
        detection_power(1.0, 5, 0, True)
    with pytest.raises(HarnessError, match="never found"):
        seeds_needed(0.0, 1.0, True)
    with pytest.raises(HarnessError, match="over 1000000 seeds"):
        seeds_needed(1e-6, 1.0, True)
    with pytest.raises(HarnessError, match="target_power: 80"):
        detectable_improvement(5, 1.0, True, target_power=80)
