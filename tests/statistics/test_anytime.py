from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from harness.errors import HarnessError
from harness.statistics.anytime import area_under_regret, incumbents_on_grid, mean_band, simultaneous_band

TRACE = pd.DataFrame({"cell": ["b", "a", "b", "a", "b"], "step": [4, 2, 1, 7, 4], "value": [0.5, 0.3, 0.2, 0.9, 0.6]})


def test_steps_are_carried_forward_never_interpolated():
    curves = incumbents_on_grid(TRACE, range(1, 9))
    assert list(curves.index) == ["b", "a"]
    np.testing.assert_array_equal(curves.loc["b"], [0.2] * 3 + [0.6] * 5)
    np.testing.assert_array_equal(curves.loc["a"], [np.nan] + [0.3] * 5 + [0.9] * 2)


def test_grid_before_beyond_and_between_steps():
    curves = incumbents_on_grid(TRACE, [0, 3, 1000])
    np.testing.assert_array_equal(curves, [[np.nan, 0.2, 0.6], [np.nan, 0.3, 0.9]])


def test_costs_serve_as_steps_and_columns_have_names():
    trace = TRACE.rename(columns={"value": "incumbent_test"}).assign(cost=TRACE.step * 0.1)
    curves = incumbents_on_grid(trace, [0.2, 0.45], step="cost", value="incumbent_test")
    np.testing.assert_array_equal(curves, [[0.2, 0.6], [0.3, 0.3]])


def test_agrees_with_a_loop(rng):
    n = 400
    trace = pd.DataFrame({"cell": rng.integers(0, 20, n), "step": rng.permutation(n), "value": rng.normal(size=n)})
    grid = np.arange(0, n, 7)
    curves = incumbents_on_grid(trace, grid)
    for cell, rows in trace.groupby("cell"):
        for point in grid:
            seen = rows[rows.step <= point].sort_values("step")
            expected = seen.value.iloc[-1] if len(seen) else np.nan
            np.testing.assert_equal(curves.loc[cell, point], expected)


def test_wrong_traces_are_refused():
    with pytest.raises(HarnessError, match="no column 'incumbent'; columns are cell, step, value"):
        incumbents_on_grid(TRACE, [1], value="incumbent")
    with pytest.raises(HarnessError, match="trace, column step: nan at position 0"):
        incumbents_on_grid(TRACE.assign(step=np.nan), [1])
    with pytest.raises(HarnessError, match="missing at row 1"):
        incumbents_on_grid(TRACE.assign(cell=["a", None, "a", "a", "b"]), [1])
    with pytest.raises(HarnessError, match="one row a cell"):
        mean_band([1.0, 2.0])


def test_pointwise_band_is_a_t_interval(rng):
    curves = rng.normal(size=(6, 4)).cumsum(axis=1)
    band = mean_band(curves, 0.9)
    interval = stats.t.interval(0.9, 5, curves.mean(axis=0), stats.sem(curves, axis=0))
    np.testing.assert_allclose([band.low, band.high], interval)


def test_simultaneous_band_is_wider_and_at_one_point_the_t_interval(rng):
    curves = rng.normal(size=(6, 50))
    assert simultaneous_band(curves, rng).multiplier > 1.3 * mean_band(curves).multiplier
    one = simultaneous_band(curves[:, :1], rng, n_bootstrap=20_000)
    assert one.multiplier == pytest.approx(stats.t.ppf(0.975, 5), rel=0.04)


def test_simultaneous_band_is_the_bootstrap_of_whole_curves(rng):
    """Its multiplier is that of drawing all the Gaussian curves of every sample."""
    curves = rng.normal(size=(9, 1)) + rng.normal(size=(9, 15)).cumsum(axis=1)
    residual = curves - curves.mean(axis=0)
    samples = rng.standard_normal((20_000, 9, 9)) @ residual
    largest = np.max(np.abs(samples.mean(axis=1)) / samples.std(axis=1, ddof=1), axis=1)
    band = simultaneous_band(curves, rng, n_bootstrap=20_000)
    assert band.multiplier == pytest.approx(3.0 * np.quantile(largest, 0.95), rel=0.03)


def test_points_before_the_first_evaluation_are_nan_and_saturated_ones_have_no_width(rng):
    curves = np.column_stack([[np.nan, 1.0, 2.0], [1.0, 2.0, 3.5], [4.0, 4.0, 4.0]])
    for band in (mean_band(curves), simultaneous_band(curves, rng)):
        assert np.isnan([band.mean[0], band.low[0], band.high[0]]).all()
        assert band.low[1] < band.mean[1] < band.high[1]
        assert band.low[2] == band.high[2] == 4.0


def test_one_curve_has_no_band(rng):
    for band in (mean_band([[1.0, 2.0]]), simultaneous_band([[1.0, 2.0]], rng)):
        assert band.mean.tolist() == [1.0, 2.0]
        assert np.isnan([band.low, band.high]).all()


def test_same_rng_same_band(rng):
    curves = rng.normal(size=(5, 10))
    first, second = (simultaneous_band(curves, np.random.default_rng(1)) for _ in range(2))
    assert first.multiplier == second.multiplier


@pytest.mark.slow
@pytest.mark.parametrize("n", [5, 20])
def test_simultaneous_coverage(rng, n):
    """The whole mean curve lies in the band in 95 % of 1000 repetitions (error 0.7 %), for correlated points."""
    truth = np.log(np.arange(1, 31))
    hits = 0
    for _ in range(1000):
        noise = rng.normal(size=(n, 1)) + rng.normal(size=(n, 30)).cumsum(axis=1) / 4
        band = simultaneous_band(truth + noise, rng, n_bootstrap=500)
        hits += bool(np.all((band.low <= truth) & (truth <= band.high)))
    assert 0.93 <= hits / 1000 <= 0.975


def test_area_under_regret_of_step_functions():
    cost = np.array([1.0, 10.0, 100.0])
    np.testing.assert_allclose(area_under_regret([[0.4, 0.2, 0.0], [0.1, 0.1, 0.1]], cost), [0.3, 0.1])
    np.testing.assert_allclose(area_under_regret([[0.4, 0.2, 0.0]], 7 * cost), [0.3])
    with pytest.raises(HarnessError, match="give 2 ascending values"):
        area_under_regret([[0.4, 0.2]], [10.0, 1.0])
    with pytest.raises(HarnessError, match="every value must be above 0"):
        area_under_regret([[0.4, 0.2]], [0.0, 1.0])
