from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.statistics import attained_by_draws, dominance_ranks, expected_hypervolume, hypervolume, pareto_front

POINTS = st.lists(st.tuples(*[st.integers(0, 5)] * 2), min_size=1, max_size=7)
CLOUDS = st.integers(1, 4).flatmap(
    lambda goals: st.lists(st.tuples(*[st.integers(0, 4)] * goals), min_size=1, max_size=25)
)


def dominates(a, b):
    return all(x >= y for x, y in zip(a, b, strict=True)) and a != b


def area(points, reference=(0, 0)):
    """Unit squares below at least one point: exact for whole numbers."""
    squares = itertools.product(range(reference[0], 6), range(reference[1], 6))
    return sum(any(x > i and y > j for x, y in points) for i, j in squares)


@settings(deadline=None)
@given(CLOUDS)
def test_the_front_is_what_nothing_dominates(points):
    expected = [not any(dominates(other, one) for other in points) for one in points]
    assert pareto_front(points).tolist() == expected


@settings(deadline=None)
@given(CLOUDS)
def test_ranks_peel_one_front_after_the_other(points):
    ranks = dominance_ranks(points)
    for rank, one in zip(ranks, points, strict=True):
        better = [other for other, point in zip(ranks, points, strict=True) if dominates(point, one)]
        assert rank == max(better, default=-1) + 1


@settings(deadline=None)
@given(POINTS, st.tuples(*[st.integers(0, 3)] * 2))
def test_hypervolume_counts_unit_squares(points, reference):
    assert hypervolume(points, reference) == area(points, reference)
    front = np.array(points)[pareto_front(points)]
    assert hypervolume(front, reference) == area(points, reference)


@settings(max_examples=60, deadline=None)
@given(
    POINTS,
    st.integers(1, 3),
    st.none() | st.lists(st.integers(1, 4), min_size=7, max_size=7),
    st.lists(st.booleans(), min_size=7, max_size=7),
    st.tuples(*[st.integers(0, 2)] * 2),
)
def test_expected_hypervolume_equals_all_sequences(points, n, weights, feasible, reference):
    weights, feasible = None if weights is None else weights[: len(points)], feasible[: len(points)]
    total = Fraction(sum(weights or [1] * len(points)))
    expected = Fraction(0)
    for draws in itertools.product(range(len(points)), repeat=n):
        probability = np.prod([Fraction((weights or [1] * len(points))[i]) / total for i in draws])
        expected += probability * area([points[i] for i in draws if feasible[i]], reference)
    found = expected_hypervolume(points, reference, n, weights, feasible)
    assert found == pytest.approx(float(expected), abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    POINTS,
    st.integers(1, 3),
    st.sampled_from([0.1, 0.5, 0.9]),
    st.none() | st.lists(st.integers(1, 4), min_size=7, max_size=7),
    st.lists(st.booleans(), min_size=7, max_size=7),
)
def test_what_draws_attain_equals_all_sequences(points, n, probability, weights, feasible):
    weights, feasible = None if weights is None else weights[: len(points)], feasible[: len(points)]
    share = (
        [Fraction(weight, sum(weights)) for weight in weights] if weights else [Fraction(1, len(points))] * len(points)
    )

    def chance(score, level):
        """That some draw is at least as good in both, over all sequences of draws."""
        hit = [ok and x >= score and y >= level for (x, y), ok in zip(points, feasible, strict=True)]
        sequences = itertools.product(range(len(points)), repeat=n)
        return sum(Fraction(np.prod([share[i] for i in one])) for one in sequences if any(hit[i] for i in one))

    found = attained_by_draws(points, range(6), n, probability, weights, feasible)
    for level, best in enumerate(found):
        reached = [score for score in range(6) if chance(score, level) >= Fraction(str(probability))]
        assert best == (max(reached) if reached else -np.inf)


def test_what_is_handed_over_is_left_as_it_is():
    points, weights, feasible = (
        np.array([[1.0, 1.0], [2.0, 0.0], [0.0, 2.0]]),
        np.array([1.0, 2.0, 1.0]),
        np.ones(3, bool),
    )
    expected_hypervolume(points, (0, 0), 5, weights, feasible)
    attained_by_draws(points, [0.0, 1.0], 5, 0.5, weights, feasible)
    assert feasible.all()
    assert points.tolist() == [[1, 1], [2, 0], [0, 2]]
    assert weights.tolist() == [1, 2, 1]


def test_a_probability_is_between_0_and_1():
    with pytest.raises(HarnessError, match="probability: must lie between 0 and 1, not 1"):
        attained_by_draws([(1, 1)], [0], 3, 1)


def test_unequal_weights_take_another_way_to_the_same_numbers(rng):
    points = rng.random((300, 2))
    nearly = np.ones(300)
    nearly[0] += 1e-12
    for n in (1, 30, 10**6):
        assert expected_hypervolume(points, (0, 0), n) == pytest.approx(
            expected_hypervolume(points, (0, 0), n, nearly), rel=1e-9
        )


def test_many_draws_reach_the_whole_front_and_one_draw_the_mean_rectangle(rng):
    points = rng.random((200, 2))
    assert expected_hypervolume(points, (0, 0), 10**6) == pytest.approx(hypervolume(points, (0, 0)), rel=1e-12)
    assert expected_hypervolume(points, (0, 0), 1) == pytest.approx(points.prod(axis=1).mean(), rel=1e-12)
    assert (
        expected_hypervolume(points, (1, 1), 5)
        == hypervolume(points, (1, 1))
        == hypervolume(np.empty((0, 2)), (0, 0))
        == 0
    )


def test_simulated_random_search_has_the_expected_hypervolume(cora, rng):
    points = np.column_stack([cora.valid, rng.random(len(cora))])[::10]
    reference, expected = points.min(axis=0), None
    expected = expected_hypervolume(points, reference, 50)
    found = [hypervolume(points[rng.integers(len(points), size=50)], reference) for _ in range(1500)]
    assert abs(np.mean(found) - expected) < 4 * np.std(found) / len(found) ** 0.5


def test_against_pymoo(rng):
    indicator = pytest.importorskip("pymoo.indicators.hv").HV
    sorting = pytest.importorskip("pymoo.util.nds.non_dominated_sorting").NonDominatedSorting()
    for goals in (2, 3):
        points = rng.integers(0, 40, (150, goals)).astype(float)
        for rank, front in enumerate(sorting.do(-points)):
            assert set(front) == set(np.flatnonzero(dominance_ranks(points) == rank))
    points, reference = rng.random((80, 2)), np.array([0.1, 0.3])
    assert hypervolume(points, reference) == pytest.approx(indicator(ref_point=-reference)(-points), rel=1e-12)


def test_wrong_points_are_refused():
    with pytest.raises(HarnessError, match="3 goals; hypervolumes are of 2"):
        hypervolume([[1, 2, 3]], [0, 0, 0])
    with pytest.raises(HarnessError, match="nan at position"):
        pareto_front([[1, np.nan]])
    with pytest.raises(HarnessError, match="weights has 1"):
        expected_hypervolume([[1, 2], [2, 1]], [0, 0], 3, [1])
    with pytest.raises(HarnessError, match="whole numbers"):
        expected_hypervolume([[1, 2]], [0, 0], 0)
