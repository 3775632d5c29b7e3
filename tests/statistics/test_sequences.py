"""Confidence sequences: duality of interval and p-value, batches, widening, mid-ranks, the family; and false verdicts."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from harness.errors import HarnessError
from harness.statistics import (
    AsymptoticMean,
    PairedDifferences,
    RandomSearchLaw,
    Sequence,
    Widened,
    WinProbability,
    exact_random_baseline,
    first_rejections,
    mid_ranks,
    skewness_of,
)

RNG = np.random.default_rng(0)
KINDS: dict[str, tuple[Callable[..., Sequence], np.ndarray]] = {  # type: ignore[type-arg]
    "pairs": (PairedDifferences, RNG.normal(0.4, 1.0, 60)),
    "wins": (WinProbability, RNG.beta(3, 2, 60)),
    "mean": (AsymptoticMean, RNG.normal(0.4, 1.0, 60)),
    "skewed mean": (lambda values=(): AsymptoticMean(values, 1.3), RNG.normal(0.4, 1.0, 60)),
    "published": (lambda values=(): Widened(AsymptoticMean(values), 0.2, 0.05, 9, 0.005), RNG.normal(0.6, 1.0, 60)),
    "exact value": (
        lambda values=(): Widened(PairedDifferences(values), 0.2, rounding=0.005),
        RNG.normal(0.6, 1.0, 60),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_batches_have_no_say(kind: str) -> None:
    make, values = KINDS[kind]
    whole, grown = make(values), make()
    for batch in (values[:1], values[1:2], values[2:35], values[35:]):
        grown.add(batch)
    assert (whole.n, whole.estimate) == (grown.n, grown.estimate)
    assert whole.interval(0.05) == grown.interval(0.05)
    for one, other in zip(whole.p_values(0.5), grown.p_values(0.5), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("kind", KINDS)
def test_verdicts_are_never_withdrawn(kind: str) -> None:
    make, values = KINDS[kind]
    few, many = make(values[:45]), make(values)
    for p, fewer in zip(many.p_values(0.5), few.p_values(0.5), strict=True):
        assert np.all(np.diff(p) <= 0)
        assert np.array_equal(p[:45], fewer)
    (low, high), (lower, higher) = many.interval(), few.interval()
    assert lower - 1e-9 <= low < high <= higher + 1e-9  # ends are found to rounding


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "published"])
def test_the_interval_holds_what_is_not_rejected(kind: str) -> None:
    make, values = KINDS[kind]
    sequence = make(values)
    for alpha in (0.05, 0.2):
        low, high = sequence.interval(alpha)
        assert low < sequence.estimate < high
        # The p-value may jump where the boundary is one of the values.
        assert sequence.p_values(low)[0][-1] <= alpha / 2 < sequence.p_values(low + 1e-6)[0][-1]
        assert sequence.p_values(high)[1][-1] <= alpha / 2 < sequence.p_values(high - 1e-6)[1][-1]


def test_containment_is_both_sides_and_the_contrary_is_either() -> None:
    sequence = AsymptoticMean(KINDS["mean"][1])
    above, below = sequence.p_values(-1.0)[0], sequence.p_values(1.0)[1]
    assert np.array_equal(sequence.p_inside(-1.0, 1.0), np.maximum(above, below))
    assert np.array_equal(sequence.p_inside(low=-1.0), above)
    assert np.array_equal(sequence.p_inside(high=1.0), below)
    beyond = sequence.p_values(0.0)[0]  # above the upper end
    assert sequence.p_outside(-1.0, 0.0)[-1] == pytest.approx(2 * beyond[-1])
    assert np.array_equal(sequence.p_outside(high=0.0), beyond)
    assert sequence.p_inside(-1.0, 1.0)[-1] < 0.05
    assert sequence.p_outside(-1.0, 1.0)[-1] == 1.0


def test_a_value_with_an_error_widens_by_its_t_interval() -> None:
    """Half of the level each: the ends are those of the sequence, moved by the value, its t interval and the rounding."""
    values = KINDS["published"][1]
    mean, widened = AsymptoticMean(values), Widened(AsymptoticMean(values), 0.2, 0.05, 9, 0.005)
    low, high = mean.interval(0.025)
    reach = stats.t.ppf(1 - 0.05 / 4, 9) * 0.05 + 0.005
    assert widened.interval(0.05) == pytest.approx((low - 0.2 - reach, high - 0.2 + reach))
    assert widened.estimate == pytest.approx(values.mean() - 0.2)
    p = widened.p_values(0.0)[0][-1]
    assert 0 < p < 0.05
    assert widened.interval(2 * p)[0] >= -1e-9  # a one-sided level is twice that of both sides
    assert widened.interval(2 * p * 0.85)[0] < 0  # the next finer level of the grid is 10^(-1/20) of it


def test_an_exact_value_only_moves() -> None:
    values = KINDS["mean"][1]
    moved = Widened(AsymptoticMean(values), 0.25)
    assert moved.interval() == pytest.approx(tuple(end - 0.25 for end in AsymptoticMean(values).interval()))
    for one, other in zip(moved.p_values(0.1), AsymptoticMean(values).p_values(0.35), strict=True):
        assert np.allclose(one, other)
    assert Widened(AsymptoticMean(values), 0.25, rounding=0.05).p_values(0.0)[0][-1] > moved.p_values(0.0)[0][-1]


def test_without_seeds_or_spread_there_is_no_interval() -> None:
    for make in (PairedDifferences, AsymptoticMean):
        assert make().interval() == (-math.inf, math.inf)
        assert math.isnan(make().estimate)
        assert make(np.full(100, 2.0)).interval() == (-math.inf, math.inf)
    assert WinProbability().interval() == (0.0, 1.0)
    assert PairedDifferences().p_values(0.0)[0].shape == (0,)


def test_values_out_of_range_are_refused() -> None:
    with pytest.raises(HarnessError, match="they are from 0 to 1"):
        WinProbability([0.5, 1.2])
    with pytest.raises(HarnessError, match="finite"):
        PairedDifferences([0.5, math.nan])
    with pytest.raises(HarnessError, match="none"):
        Widened(PairedDifferences(), 0.0, -1.0)


def test_e_values_and_p_values_are_each_other_s_inverse() -> None:
    sequence = PairedDifferences(KINDS["pairs"][1])
    assert sequence.e_values(0.0)[0] == pytest.approx(1 / sequence.p_values(0.0)[0][-1])
    assert sequence.e_values(0.0)[1] >= 1.0


@pytest.mark.parametrize("direction", ["max", "min"])
def test_mid_ranks_by_enumeration(direction: str) -> None:
    """Two draws of a table of six rows: how often the search does worse, and half of how often it does as well."""
    valid, test = np.array([1.0, 2.0, 2.0, 3.0, 4.0, 5.0]), np.array([0.5, 0.7, 0.6, 0.7, 0.9, 0.8])
    sign = 1.0 if direction == "max" else -1.0
    law = RandomSearchLaw(valid, test, direction=direction)
    found: list[tuple[float, float]] = []  # what a search finds, and how likely
    for i in range(6):
        for j in range(6):
            best = [k for k in (i, j) if sign * valid[k] == max(sign * valid[i], sign * valid[j])]
            found += [(float(test[k]), 1 / 36 / len(best)) for k in best]
    for score in (0.4, 0.6, 0.7, 0.75, 0.9):
        wanted = sum(p * ((sign * one < sign * score) + (one == score) / 2) for one, p in found)
        assert mid_ranks([score], exact_random_baseline(law, 2))[0] == pytest.approx(wanted)
    assert mid_ranks([math.nan], exact_random_baseline(law, 2))[0] == 0.0


def test_a_search_that_finds_nothing_is_as_good_as_such_random_searches() -> None:
    law = RandomSearchLaw([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0], feasible=[False, False, True, True])
    baseline = exact_random_baseline(law, 1)  # half of the searches find nothing
    assert mid_ranks([math.nan, 3.0, 4.0], baseline) == pytest.approx([0.25, 0.5 + 0.125, 0.5 + 0.375])


def test_random_search_itself_wins_half_of_the_time() -> None:
    law = RandomSearchLaw([1.0, 2.0, 2.0, 3.0], [0.3, 0.1, 0.4, 0.4])
    baseline = exact_random_baseline(law, 3)
    values, probability = law.pmf(3)
    assert probability @ mid_ranks(values, baseline) == pytest.approx(0.5)
    assert skewness_of(baseline) == pytest.approx(
        stats.skew(np.repeat(values, np.rint(probability * 4**3 * 2).astype(int)))
    )


def test_the_family_is_holm_s_after_every_seed() -> None:
    rng = np.random.default_rng(5)
    p = np.minimum.accumulate(rng.random((12, 40)) ** 3, axis=1)
    wanted = np.zeros(12, dtype=int)
    for seeds in range(40):
        rejected = multipletests(p[:, seeds], 0.05, "holm")[0]
        wanted[(wanted == 0) & rejected] = seeds + 1
    assert wanted.any()
    assert np.array_equal(first_rejections(p, 0.05), wanted)
    with_none = np.vstack([p, np.full((1, 40), np.nan)])
    assert np.array_equal(first_rejections(with_none, 0.05), [*wanted, 0])


def test_seeds_after_a_rejection_have_no_say_in_the_others() -> None:
    rng = np.random.default_rng(6)
    p = np.minimum.accumulate(rng.random((8, 60)) ** 3, axis=1)
    first = first_rejections(p)
    stopped = np.array(
        [np.where(np.arange(60) >= at - 1, row[at - 1], row) if at else row for row, at in zip(p, first, strict=True)]
    )
    assert np.array_equal(first_rejections(stopped), first)


@pytest.mark.slow
def test_false_verdicts_and_seeds_on_a_real_law() -> None:
    """At the boundary of every kind of claim false verdicts are as rare as stated, and effects take few seeds more."""
    from benchmarks.sequences import EFFECTS, baselines, medians, rates

    rng = np.random.default_rng(7)
    name, baseline = next(one for one in baselines() if one[0] == "random@100 of nasbench-graph/cora")
    for one in rates(name, baseline, 1000, rng):
        assert one.false <= one.limit, one
    for took in medians(500, rng):
        if took.kind != "asymptotic mean":
            assert took.median <= EFFECTS[took.effect] * took.fixed, took
