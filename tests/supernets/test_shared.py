"""Supernets trained by single paths."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from harness.errors import HarnessError
from harness.spaces.registry import cell_space
from harness.streams import Streams
from harness.supernets.loop import Search
from harness.supernets.mixture import Mixture
from harness.supernets.net import Supernet, initial_network
from harness.supernets.paths import PathStep
from harness.supernets.selections import BestOfRandom
from harness.training.checkpoints import CheckpointError
from harness.training.networks import Shape
from harness.training.settings import SearchSettings

STREAMS = Streams("live/test", 0)


def begun(space, splits, settings, seed=0, *, candidates=100, checkpoint=None, **options):
    net = Supernet(space, splits, settings, seed, checkpoint=checkpoint)
    return Search(net, PathStep(**options), BestOfRandom(candidates))


SPACES = ("darts", "nasbench201")


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("batch_norm", ["batch", "running"])
def test_one_candidate_an_edge_is_the_supernet_with_one_hot_weights(space, batch_norm):
    where, shape = cell_space(space), Shape(4, 2, (1, 8, 8), 10)
    network = initial_network(space, shape, 0, batch_norm=batch_norm)
    network.double()
    images = torch.randn(6, 1, 8, 8, dtype=torch.float64)
    rng = np.random.default_rng(0)
    for _ in range(3):
        choices = where.choices(where.sample(rng))
        assert {group: len(edges) for group, edges in choices.items()} == dict(where.groups)
        picked = [torch.tensor(choices[group]) for group in where.groups]
        hot = [torch.nn.functional.one_hot(one, len(where.primitives)).double() for one in picked]
        paths, mixtures = ([Mixture(one) for one in group] for group in (picked, hot))
        torch.testing.assert_close(network(images, *paths), network(images, *mixtures))


@pytest.mark.parametrize("space", SPACES)
def test_choices_are_the_operations_of_the_architecture(space):
    where, rng = cell_space(space), np.random.default_rng(1)
    for _ in range(20):
        arch = where.sample(rng)
        for group, operations in where.operations(arch).items():
            chosen = [where.primitives[choice] for choice in where.choices(arch)[group]]
            assert sorted(name for name in chosen if name != "none") == sorted(
                name for name in operations if name != "none"
            )


def test_only_the_drawn_architecture_moves(small, settings):
    search = begun("nasbench201", small, replace(settings, weight_decay=0.0, momentum=0.0))
    before = {name: value.clone() for name, value in search.net.network.named_parameters()}
    batch = small.reader()(small.train[:32])
    search.moving.train((3, 0, 0, 0, 0, 0), batch)  # one 3x3 convolution, into a node that leads nowhere
    moved = {name for name, value in search.net.network.named_parameters() if not torch.equal(value, before[name])}
    assert moved
    assert not [name for name in moved if "fans" in name]
    search.moving.train((0, 0, 0, 3, 0, 0), batch)  # a 3x3 convolution from the input to the output
    moved = {name for name, value in search.net.network.named_parameters() if not torch.equal(value, before[name])}
    inside = {name.partition("fans.")[2] for name in moved if "fans" in name}
    assert len(inside) == 1
    assert next(iter(inside)).startswith("0.edges.2.3.")  # edge 0 -> 3, candidate 3


def test_frozen_weights_are_equal_to_the_bit(small, settings):
    for unsampled, moves in (("frozen", False), ("decay", True)):
        search = begun("nasbench201", small, settings, unsampled=unsampled)
        batch = small.reader()(small.train[:32])
        search.moving.train((3, 3, 3, 3, 3, 3), batch)  # so that there is momentum
        before = {name: value.clone() for name, value in search.net.network.named_parameters()}
        search.moving.train((1, 1, 1, 1, 1, 1), batch)  # skips have no weights
        inside = [
            torch.equal(value, before[name]) for name, value in search.net.network.named_parameters() if "fans" in name
        ]
        assert all(inside) != moves


def test_the_best_candidate_is_chosen_and_described(small, settings):
    search = begun("nasbench201", small, settings, candidates=5)
    arch, rows = search.run(STREAMS), search.net.rows
    rng = search.net.stream("candidates")
    candidates = [search.net.where.sample(rng) for _ in range(5)]
    assert arch == max(candidates, key=lambda candidate: search.net.accuracies([candidate])[0])
    assert [row["epoch"] for row in rows] == [0, 1]
    assert ["arch" in row for row in rows] == [False, True]
    assert rows[-1]["arch"] == cell_space("nasbench201").format(arch)
    assert all(row["passes"] == row["steps"] == len(small.train) // settings.batch_size for row in rows)


@pytest.mark.parametrize("unsampled", ["decay", "frozen"])
def test_a_killed_search_goes_on_to_the_bit(unsampled, small, tmp_path):
    settings = SearchSettings(channels=2, cells=1, reductions=1, epochs=3, batch_size=32)
    times = {"seconds", "processor_seconds", "evaluation_seconds", "tracking_seconds", "peak_memory"}

    def search(checkpoint=None, seed=3):
        return begun("darts", small, settings, seed, candidates=4, checkpoint=checkpoint, unsampled=unsampled)

    def result(one):
        arch = one.run(STREAMS)
        return arch, [{key: value for key, value in row.items() if key not in times} for row in one.net.rows]

    def killed(row):
        if row["epoch"] == 1:
            raise KeyboardInterrupt

    whole = result(search())
    with pytest.raises(KeyboardInterrupt):
        search(tmp_path / "search.pt").run(STREAMS, on_epoch=killed)
    assert result(search(tmp_path / "search.pt")) == whole
    with pytest.raises(CheckpointError, match="seed was 3, not 4"):
        search(tmp_path / "search.pt", seed=4).run(STREAMS)


def test_a_loss_that_is_not_finite(small):
    settings = SearchSettings(channels=2, cells=1, epochs=2, batch_size=32, learning_rate=1e30)
    with pytest.raises(HarnessError, match=r"the training loss is (nan|inf) in epoch 0, step"):
        begun("nasbench201", small, settings).run(STREAMS)


def test_a_loss_that_is_not_finite_after_the_last_step(small, monkeypatch):
    search = begun("nasbench201", small, SearchSettings(channels=2, cells=1, epochs=1, batch_size=96))
    train = search.moving.train

    def breaking(*arguments):
        done = train(*arguments)
        with torch.no_grad():
            search.net.network.classifier.bias.fill_(float("nan"))
        return done

    monkeypatch.setattr(search.moving, "train", breaking)
    with pytest.raises(HarnessError, match=r"^search, after epoch 0: the valid loss is nan$"):
        search.run(STREAMS)
