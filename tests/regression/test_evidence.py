"""Verdicts where a baseline, a run or both have no spread over seeds; right values from one-sample t tests."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from harness.errors import HarnessError
from harness.regression import check as checking
from harness.regression.baseline import Baseline, Cell
from harness.regression.check import MethodFinding
from harness.regression.compare import compare

REFERENCE = 80.0


@pytest.fixture(autouse=True)
def no_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def cell(test: Sequence[float] | np.ndarray[Any, Any], place: int = 0, first_seed: int = 0) -> Cell:
    scores = np.array(test, dtype=float)
    return Cell(
        *(f"bench/{place}", "method", "evaluations", 100, "method", "{}", "data"),
        sign=1,
        reference=REFERENCE,
        seeds=first_seed + np.arange(len(scores)),
        valid=np.zeros(len(scores)),
        test=scores,
    )


def judge(old: Sequence[Any], new: Sequence[Any], strict: bool = False) -> MethodFinding:
    """Verdict on cells with these old and new scores."""
    olds = {made.identity: made for made in (cell(test, place) for place, test in enumerate(old))}
    news = [cell(test, place) for place, test in enumerate(new)]
    findings = [checking._cell_finding(one, olds[one.identity]) for one in news]
    return checking._verdicts(findings, Baseline("made", olds), strict)[0]


FLAT = [82.53] * 10


def test_a_run_with_spread_is_tested_against_a_baseline_without() -> None:
    new = np.random.default_rng(0).normal(82, 2, 10)
    found = judge([FLAT], [new])
    expected = stats.ttest_1samp(new, 82.53, alternative="less")
    unit = 100 / REFERENCE
    assert found.p_regressed == pytest.approx(expected.pvalue, rel=1e-6)
    assert found.high == pytest.approx(unit * expected.confidence_interval(0.95).high - unit * 82.53)
    assert found.margin == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(("mean", "outcome"), [(78, "regressed"), (82.4, "inconclusive"), (86, "pass")])
@pytest.mark.parametrize("strict", [False, True])
def test_it_is_worse_better_or_neither(mean: float, outcome: str, strict: bool) -> None:
    new = stats.norm.ppf((np.arange(10) + 0.5) / 10, mean, 2)
    found = judge([FLAT], [new], strict)
    assert found.outcome == outcome
    assert "the baseline gives every seed the same score" in found.why


def test_no_difference_at_all_is_inconclusive_whatever_the_number_of_seeds() -> None:
    found = judge([FLAT], [np.array(FLAT) + [-1, 1] * 5])
    assert found.outcome == "inconclusive"
    assert "no number of seeds would decide" in found.why


@pytest.mark.parametrize(
    ("old", "new", "outcome"),
    [
        (FLAT, [82.0] * 10, "regressed"),
        (FLAT, [83.0] * 10, "pass"),
        (FLAT, [82.53 + 1e-13] * 10, "pass"),
        (FLAT, [82.53 - 1e-13] * 10, "pass"),  # a difference of rounding is none
        (FLAT[:4], [82.0] * 4, "inconclusive"),  # four seeds agree by chance
        (FLAT[:4], [83.0] * 10, "inconclusive"),
        (FLAT[:1], [82.0], "inconclusive"),
        (FLAT[:1], [82.0, 83.0, 81.0, 80.0, 84.0], "inconclusive"),
        (FLAT, [82.0], "inconclusive"),
        (FLAT, [], "inconclusive"),
        ([], FLAT, "inconclusive"),
        ([80, 81, 82, 83, 84, 85], [90.0] * 6, "pass"),
        ([80, 81, 82, 83, 84, 85], [70.0] * 6, "regressed"),
        ([0.1] * 10, [0.1] * 9 + [0.2], "inconclusive"),  # a variance of 1e-34 is none
    ],
)
def test_no_spread_on_a_side_or_on_both(old: list[float], new: list[float], outcome: str) -> None:
    found = judge([old], [new])
    assert found.outcome == outcome, found.why
    assert "\n" not in found.why


def test_a_cell_without_spread_does_not_decide_for_noisy_ones() -> None:
    """A gain in a constant cell beside a loss by chance in a noisy one: nothing is regressed, "the same for every seed"."""
    rng = np.random.default_rng(1)
    noisy = rng.normal(80, 2, 40)
    found = judge([FLAT, noisy], [[83.0] * 10, noisy - 0.01 + rng.normal(0, 0.001, 40)])
    assert found.outcome == "pass", found.why
    assert found.margin > 0.5
    worse = judge([FLAT, noisy], [[83.0] * 10, noisy - 5])
    assert worse.outcome == "regressed"
    assert worse.p_regressed < 1e-6
    lost = judge([FLAT, noisy], [[82.0] * 10, noisy + 5])
    assert lost.outcome == "regressed"
    assert "the same for every seed" in lost.why


def test_a_single_seed_does_not_hide_a_loss_elsewhere() -> None:
    noisy = np.random.default_rng(2).normal(80, 2, 40)
    assert judge([[80.0], noisy], [[81.0], noisy - 5]).outcome == "regressed"
    assert judge([[80.0], noisy], [[81.0], noisy + 0.01]).outcome == "inconclusive"


def test_two_tests_of_a_method_share_the_level() -> None:
    """A p-value of 0.03 of one of two tests is 0.06."""
    flat_new = 82.53 + stats.norm.ppf((np.arange(10) + 0.5) / 10)
    p = stats.ttest_1samp(flat_new - 0.6, 82.53, alternative="less").pvalue
    assert 0.025 < p < 0.05
    noisy = np.random.default_rng(3).normal(80, 2, 100)
    assert judge([FLAT], [flat_new - 0.6]).outcome == "regressed"
    both = judge([FLAT, noisy], [flat_new - 0.6, noisy + 0.001])
    assert both.p_regressed == pytest.approx(2 * p)
    assert both.outcome == "inconclusive"


def test_an_unchanged_method_is_called_regressed_in_at_most_five_percent() -> None:
    """Where a search all but always finds the same, a baseline of ten seeds may have no spread by chance."""
    rng = np.random.default_rng(4)
    alarms = 0
    for _ in range(2000):
        old, new = (np.where(rng.random(10) < 0.1, 80.0, 82.5) for _ in range(2))
        if not np.ptp(old) and np.ptp(new):
            alarms += judge([old], [new]).outcome == "regressed"
    assert alarms / 2000 < 0.05


def test_compare_without_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    sides = {
        "one": [cell(FLAT), cell([80.0], 1), cell([], 2), cell([80.0, 80.0], 3)],
        "two": [cell([82.0] * 10), cell([81.0], 1), cell([81.0], 2), cell([80.0, 82.0], 3, first_seed=5)],
    }
    monkeypatch.setattr(
        "harness.regression.compare.cells_of_run",
        lambda path: Baseline("", {one.identity: one for one in sides[str(path)]}),
    )
    frame = compare(Path("one"), Path("two")).set_index("benchmark")
    unit = 100 / REFERENCE
    change = frame["change"]
    assert change["bench/0"] == pytest.approx(-0.53 * unit)
    assert change["bench/1"] == pytest.approx(1 * unit)
    assert np.isnan(change["bench/2"])
    assert change["bench/3"] == pytest.approx(1 * unit)
    assert frame["ci_low"].drop("bench/3").isna().all()
    reach = stats.t(1).ppf(0.975) * unit
    assert frame.loc["bench/3", "ci_high"] == pytest.approx(unit + reach)


def test_no_change_is_measured_in_hundredths_of_nothing() -> None:
    old, new = replace(cell(FLAT), reference=0.0), replace(cell([82.0] * 10), reference=0.0)
    assert checking._cell_finding(old, old).identical
    with pytest.raises(
        HarnessError, match="method on bench/0, 100 evaluations: the mean test score of random search is 0"
    ):
        checking._cell_finding(new, old)
