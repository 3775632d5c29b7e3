"""Novelty: the archive's distances, who is novel, and that what is trained is spread more evenly than uniform draws are."""

import numpy as np
import pytest
import torch

from harness.streams import Streams, generator
from harness.supernets import Archive, BestOfRandom, Novelty, PathStep, Search, Supernet, Uniform
from harness.supernets.graph import SEARCHABLE
from harness.supernets.paths import novelty
from harness.training.settings import SearchSettings

CELLS = SEARCHABLE["nasbench201"]
STREAMS = Streams("live/test", 0)


@pytest.mark.parametrize("space", SEARCHABLE)
def test_distances_are_counted_on_edges(space):
    where, rng = SEARCHABLE[space], np.random.default_rng(0)
    known, others = (
        [where.space.sample(rng) for _ in range(n)] for n in (150, 5)
    )  # more than it has room for at first
    archive = Archive(where, known)
    assert list(archive) == known
    found = archive.distances(others)
    assert found.shape == (5, 150)
    for row, one in zip(found, others, strict=True):
        for distance, other in zip(row, known, strict=True):
            pairs = [
                (a, b)
                for group in where.groups
                for a, b in zip(where.choices(one)[group], where.choices(other)[group], strict=True)
            ]
            assert distance == sum(a != b for a, b in pairs)


def test_novelty_is_the_mean_distance_to_the_nearest():
    distances = np.array([[6, 1, 4, 3], [0, 5, 5, 5]], dtype=np.uint8)
    assert novelty(distances, 3).tolist() == [pytest.approx(8 / 3), pytest.approx(10 / 3)]
    assert novelty(distances, 10).tolist() == [14 / 4, 15 / 4]  # as many as there are
    assert novelty(np.empty((3, 0), dtype=np.uint8), 10).tolist() == [0, 0, 0]


def test_the_first_of_the_most_novel_is_drawn():
    drawn = [CELLS.space.sample(rng) for rng in [np.random.default_rng(3)] for _ in range(20)]
    assert Novelty().draw(CELLS.space, np.random.default_rng(3), Archive(CELLS)) == drawn[0]
    archive = Archive(CELLS, [drawn[0]])
    distances = [sum(a != b for a, b in zip(one, drawn[0], strict=True)) for one in drawn]
    assert distances.count(max(distances)) > 1
    expected = drawn[distances.index(max(distances))]
    assert Novelty().draw(CELLS.space, np.random.default_rng(3), archive) == expected


def trained(sampler, seed, steps):
    """The architectures that are trained, (steps, 6)."""
    rng, archive = generator("test", "novelty", seed), Archive(CELLS)
    for _ in range(steps):
        archive.append(sampler.draw(CELLS.space, rng, archive))
    return np.array(list(archive))


def spread(codes):
    """Visits of the least visited (edge, operation), and the mean distance of all pairs: n/(n-1) sum_e (1 - sum_o f^2)."""
    visits = np.array([np.bincount(column, minlength=5) for column in codes.T])
    n = len(codes)
    return visits.min(), n / (n - 1) * (1 - ((visits / n) ** 2).sum(axis=1)).sum()


def test_the_spread_is_that_of_all_pairs():
    codes = trained(Uniform(), 0, 50)
    pairs = [(a != b).sum() for i, a in enumerate(codes) for b in codes[:i]]
    assert spread(codes)[1] == pytest.approx(np.mean(pairs), rel=1e-12)


@pytest.mark.slow
def test_it_spreads_what_is_trained_in_20_of_20_seeds():
    for seed in range(20):
        novel, uniform = (trained(sampler, seed, 420) for sampler in (Novelty(), Uniform()))
        for steps in (100, 420):
            (least, distance), (other_least, other_distance) = spread(novel[:steps]), spread(uniform[:steps])
            assert least > other_least, (seed, steps)
            assert distance > other_distance, (seed, steps)


# In a search

SETTINGS = SearchSettings(channels=2, cells=1, epochs=3, batch_size=32)


def begun(small, sampler, checkpoint=None):
    net = Supernet("nasbench201", small, SETTINGS, 0, checkpoint=checkpoint)
    return Search(net, PathStep(sampler), BestOfRandom(3))


def result(search, *but):
    arch = search.run(STREAMS)
    rows = [
        {k: v for k, v in row.items() if "second" not in k and k not in ("peak_memory", *but)}
        for row in search.net.rows
    ]
    return arch, rows, [weight.detach().clone() for weight in search.net.network.parameters()]


def assert_same(one, other):
    assert one[:2] == other[:2]
    assert all(torch.equal(a, b) for a, b in zip(one[2], other[2], strict=True))


def test_one_candidate_is_single_path_to_the_bit(small):
    found = [result(begun(small, sampler), "relaxation") for sampler in (Uniform(), Novelty(candidates=1))]
    assert_same(*found)


def test_a_killed_search_remembers_what_was_trained(small, tmp_path):
    whole = begun(small, Novelty())
    expected = result(whole)
    assert {row["relaxation"] for row in expected[1]} == {"novelty"}
    begun(small, Novelty(), tmp_path / "search.pt").epoch()
    again = begun(small, Novelty(), tmp_path / "search.pt")
    assert_same(result(again), expected)
    assert list(again.moving._archive) == list(whole.moving._archive)
    assert len(whole.moving._archive) == whole.moving.passes == 9
