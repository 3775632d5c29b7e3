"""Random search with weight sharing."""

import numpy as np
import pytest
import torch

from harness.errors import HarnessError
from harness.live.checkpoints import CheckpointError
from harness.live.networks import Shape
from harness.live.search import SearchSettings
from harness.live.shared import SharedWeights
from harness.live.supernet import SEARCHABLE, supernet

SPACES = ("darts", "nasbench201")


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("batch_norm", ["batch", "running"])
def test_one_candidate_an_edge_is_the_supernet_with_one_hot_weights(space, batch_norm):
    where, shape = SEARCHABLE[space], Shape(4, 2, (1, 8, 8), 10)
    network, _ = supernet(space, shape, 0, batch_norm=batch_norm)
    network.double()
    images = torch.randn(6, 1, 8, 8, dtype=torch.float64)
    rng = np.random.default_rng(0)
    for _ in range(3):
        choices = where.choices(where.space.sample(rng))
        assert {group: len(edges) for group, edges in choices.items()} == dict(where.groups)
        picked = [torch.tensor(choices[group]) for group in where.groups]
        hot = [torch.nn.functional.one_hot(one, len(where.primitives)).double() for one in picked]
        torch.testing.assert_close(network(images, *picked), network(images, *hot))


@pytest.mark.parametrize("space", SPACES)
def test_choices_are_the_operations_of_the_architecture(space):
    where, rng = SEARCHABLE[space], np.random.default_rng(1)
    for _ in range(20):
        arch = where.space.sample(rng)
        for group, operations in where.operations(arch).items():
            chosen = [where.primitives[choice] for choice in where.choices(arch)[group]]
            assert sorted(name for name in chosen if name != "none") == sorted(
                name for name in operations if name != "none"
            )


def test_only_the_drawn_architecture_moves(small, settings):
    search = SharedWeights("nasbench201", small, settings, 0)
    before = {name: value.clone() for name, value in search.network.named_parameters()}
    images, labels = small.reader()(small.train[:32])
    search._optimizer.param_groups[0]["weight_decay"] = 0.0
    search._optimizer.param_groups[0]["momentum"] = 0.0
    search.step((3, 0, 0, 0, 0, 0), images, labels)  # one 3x3 convolution, into a node that leads nowhere
    moved = {name for name, value in search.network.named_parameters() if not torch.equal(value, before[name])}
    assert moved
    assert not [name for name in moved if "fans" in name]
    search.step((0, 0, 0, 3, 0, 0), images, labels)  # a 3x3 convolution from the input to the output
    moved = {name for name, value in search.network.named_parameters() if not torch.equal(value, before[name])}
    inside = {name.partition("fans.")[2] for name in moved if "fans" in name}
    assert len(inside) == 1
    assert next(iter(inside)).startswith("0.edges.2.3.")  # edge 0 -> 3, candidate 3


def test_the_best_candidate_is_chosen_and_described(small, settings):
    search = SharedWeights("nasbench201", small, settings, 0, candidates=5)
    arch, rows = search.run()
    drawn = search._drawn("candidates", 0)
    candidates = [next(drawn) for _ in range(5)]
    assert arch == max(candidates, key=lambda candidate: search.accuracies([candidate])[0])
    assert [row["epoch"] for row in rows] == [0, 1]
    assert ["arch" in row for row in rows] == [False, True]
    assert rows[-1]["arch"] == SEARCHABLE["nasbench201"].space.format(arch)
    assert all(row["passes"] == row["steps"] == len(small.train) // settings.batch_size for row in rows)


def test_a_killed_search_goes_on_to_the_bit(small, tmp_path, monkeypatch):
    settings = SearchSettings(channels=2, cells=2, epochs=3, batch_size=32)
    times = {"seconds", "evaluation_seconds", "tracking_seconds", "peak_memory"}

    def result(checkpoint=None):
        arch, rows = SharedWeights("darts", small, settings, 3, candidates=4).run(checkpoint)
        return arch, [{key: value for key, value in row.items() if key not in times} for row in rows]

    whole = result()
    save = SharedWeights.save

    def killed(self, path):
        save(self, path)
        if len(self.rows) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(SharedWeights, "save", killed)
    with pytest.raises(KeyboardInterrupt):
        result(tmp_path / "search.pt")
    monkeypatch.setattr(SharedWeights, "save", save)
    assert result(tmp_path / "search.pt") == whole
    with pytest.raises(CheckpointError, match="seed was 3, not 4"):
        SharedWeights("darts", small, settings, 4).run(tmp_path / "search.pt")


def test_a_loss_that_is_not_finite(small):
    settings = SearchSettings(channels=2, cells=1, epochs=2, batch_size=32, learning_rate=1e30)
    with pytest.raises(HarnessError, match=r"the training loss is (nan|inf) in epoch 0, step"):
        SharedWeights("nasbench201", small, settings, 0).run()


def test_a_loss_that_is_not_finite_after_the_last_step(small, monkeypatch):
    search = SharedWeights("nasbench201", small, SearchSettings(channels=2, cells=1, epochs=1, batch_size=96), 0)
    step = search.step

    def breaking(*arguments):
        done = step(*arguments)
        with torch.no_grad():
            search.network.classifier.bias.fill_(float("nan"))
        return done

    monkeypatch.setattr(search, "step", breaking)
    with pytest.raises(HarnessError, match=r"^search, after epoch 0: the valid loss is nan$"):
        search.run()
