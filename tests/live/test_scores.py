"""Training-free scores against independent computations, and the untrained networks that they are of."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from harness.errors import HarnessError
from harness.live import scores
from harness.live.problem import LiveProblem
from harness.live.scores import SCORES, relu_kernel, score
from harness.problem.budget import Budget
from harness.spaces.darts import DartsSpace
from harness.spaces.nasbench201 import NASBench201Space
from harness.testing import reachable
from harness.training import discrete, train
from harness.training.networks import Shape, Stages, build
from harness.training.settings import LiveSettings, Recipe, SearchSettings

DIGITS = (1, 8, 8)
CELL = (3, 1, 2, 4, 0, 3)
ALL_3X3 = (3,) * 6
TABLE = Stages(8, 1, DIGITS, 10, 0)  # as digits201 was recorded


def made(arch, shape=TABLE, seed=0):
    return build(lambda: discrete.network("nasbench201", arch, shape), ("test", seed))


def batch(n=64, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(n, *DIGITS, generator=rng), torch.randint(10, (n,), generator=rng)


# NASWOT


def test_the_kernel_counts_relu_units(splits):
    images, labels = splits.reader()(splits.train[:64])
    kernel = relu_kernel(made(ALL_3X3), images)
    assert kernel.shape == (64, 64)
    assert (np.diag(kernel) == 3584).all()  # 7 ReLUs of 8 channels of 8x8
    assert np.array_equal(kernel, kernel.T)
    assert np.linalg.eigvalsh(kernel)[0] > 0
    expected = 2 * np.log(np.diag(np.linalg.cholesky(kernel))).sum()
    assert scores.naswot(made(ALL_3X3), images, labels) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("arch", "relus"),
    [
        ((3, 0, 0, 3, 0, 0), 2),  # nothing leaves node 1: its convolution is computed, and does not count
        ((0, 0, 3, 1, 3, 0), 1),  # nothing enters node 1: its convolutions read zeros
        ((1, 1, 1, 1, 1, 1), 1),
        ((3, 0, 0, 0, 3, 0), 3),
    ],
)
def test_only_relus_between_images_and_output_count(arch, relus):
    kernel = relu_kernel(made(arch), batch()[0])
    assert (np.diag(kernel) == 512 * relus).all()


def test_the_kernel_is_the_number_of_units_on_the_same_side():
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 5), nn.ReLU(), nn.Linear(5, 7), nn.ReLU(inplace=True), nn.Linear(7, 10)
    )
    images = batch(6)[0]
    one = network[1](images.flatten(1))
    two = network[3](F.relu(one))
    active = torch.cat([one, two], dim=1) > 0
    expected = [[int((a == b).sum()) for b in active] for a in active]
    assert relu_kernel(network, images).tolist() == expected


def test_two_equal_images_are_minus_infinity():
    images, labels = batch()
    twice = images.clone()
    twice[40] = twice[3]
    assert math.isfinite(scores.naswot(made(ALL_3X3), images, labels))
    assert scores.naswot(made(ALL_3X3), twice, labels) == -math.inf
    assert scores.naswot(made((0,) * 6), images, labels) == -math.inf  # no image reaches the output


@pytest.mark.parametrize("name", ["naswot", "synflow", "params", "flops"])
def test_labels_are_not_read(name):
    images, labels = batch(16)
    found = [SCORES[name](made(CELL), images, given) for given in (labels, (labels + 1) % 10, torch.empty(0))]
    assert len(set(found)) == 1


# Synaptic flow


def test_flow_through_linear_layers_is_the_same_in_each():
    """R is linear in every layer's weights, so that the sum over one layer is R itself: here a product of matrices."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 6, bias=False), nn.BatchNorm2d(6), nn.Linear(6, 4, bias=False))
    first, second = (network[place].weight.detach().double().abs().numpy() for place in (1, 3))
    expected = 2 * (second @ first @ np.ones(64)).sum()
    assert scores.synflow(network, *batch(2)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("arch", [CELL, (0, 0, 3, 2, 3, 1)])
def test_flow_of_a_cell_is_the_sum_of_what_doubling_each_weight_adds(arch):
    network = made(arch, Stages(1, 1, (1, 4, 4), 2, 0))
    twin = made(arch, Stages(1, 1, (1, 4, 4), 2, 0)).double().eval()  # batch norm by its formula, with nothing to do
    for module in twin.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 0.0
    ones = torch.ones(1, 1, 4, 4, dtype=torch.float64)
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.abs_()
        flow, added = float(twin(ones).sum()), []
        for module in twin.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                for place, weight in enumerate(module.weight.flatten().tolist()):
                    module.weight.view(-1)[place] = 2 * weight
                    added.append(float(twin(ones).sum()) - flow)
                    module.weight.view(-1)[place] = weight
    found = scores.synflow(network, torch.randn(3, 1, 4, 4), torch.zeros(3))
    assert found == pytest.approx(sum(added), rel=1e-10)


# The gradient's norm


def test_the_gradient_of_a_linear_network():
    torch.manual_seed(0)
    network, (images, labels) = nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), batch(32)
    x = images.flatten(1).double().numpy()
    logits = x @ network[1].weight.detach().double().numpy().T + network[1].bias.detach().double().numpy()
    likely = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    gradient = (likely - np.eye(10)[labels.numpy()]).T @ x / 32
    assert scores.grad_norm(network, images, labels) == pytest.approx(np.sqrt((gradient**2).sum()), rel=1e-5)


def test_the_gradient_of_a_cell_by_finite_differences():
    network = made(CELL, Stages(1, 1, (1, 4, 4), 2, 0)).double()
    images, labels = torch.randn(8, 1, 4, 4, generator=torch.Generator().manual_seed(0)).double(), torch.arange(8) % 2
    squares, step = [], 1e-6
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                for place, weight in enumerate(module.weight.flatten().tolist()):
                    losses = []
                    for moved in (weight + step, weight - step):
                        module.weight.view(-1)[place] = moved
                        losses.append(float(F.cross_entropy(network(images), labels)))
                    module.weight.view(-1)[place] = weight
                    squares.append(((losses[0] - losses[1]) / (2 * step)) ** 2)
    assert scores.grad_norm(network, images, labels) == pytest.approx(math.sqrt(sum(squares)), rel=1e-6)


# All of them


def test_what_is_counted():
    images, labels = batch(2)
    assert SCORES["params"](made(CELL), images, labels) == discrete.parameters("nasbench201", CELL, TABLE)
    # Stem, two 3x3 and one 1x1 convolutions on 8x8 pixels, classifier.
    multiply_adds = 64 * (8 * 9 + 2 * 64 * 9 + 64) + 8 * 10
    assert SCORES["flops"](made(CELL), images, labels) == 2 * multiply_adds


@pytest.mark.parametrize("name", SCORES)
def test_scores_change_nothing(name):
    network, (images, labels) = made(CELL), batch(8)
    before, kept = {key: value.clone() for key, value in network.state_dict().items()}, images.clone()
    torch.manual_seed(0)
    state = torch.get_rng_state()
    with torch.no_grad():
        found = score(name, network, images, labels)
    assert found == score(name, network, images, labels)
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert torch.equal(images, kept)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(weight.grad is None for weight in network.parameters())


class Broken(nn.Module):
    def __init__(self, error):
        super().__init__()
        self.layer, self.error = nn.Linear(1, 1), error

    def forward(self, images):
        raise self.error


@pytest.mark.parametrize("error", [RuntimeError("no"), ZeroDivisionError(), np.linalg.LinAlgError()])
@pytest.mark.parametrize("name", ["naswot", "synflow", "grad-norm"])
def test_what_cannot_be_computed_is_minus_infinity(name, error):
    assert score(name, Broken(error), *batch(2)) == -math.inf


def test_no_number_is_minus_infinity():
    network = made(CELL)
    with torch.no_grad():
        network.classifier.weight.fill_(math.nan)
    assert score("grad-norm", network, *batch(4)) == score("synflow", network, *batch(4)) == -math.inf


# Untrained networks


def problem(splits, recipe, space="nasbench201", seed=0):
    settings = LiveSettings(SearchSettings(channels=2, cells=1, epochs=1, batch_size=32), recipe, recipe, "cpu")
    return LiveProblem(space, NASBench201Space(), splits, settings, Budget("epochs", 1), seed)


def test_it_is_what_its_training_begins_with(small):
    recipe = Recipe(channels=4, cells=1, epochs=1, batch_size=32)
    live = problem(small, recipe, seed=3)
    network, (images, labels) = live.untrained(CELL)
    begun = train._Training("nasbench201", CELL, small, recipe, [3], ("valid",), "cpu")._network
    begins = {
        name: weights[0].T if name == "classifier.weight" else weights for name, weights in begun.named_parameters()
    }
    for name, weights in network.named_parameters():
        assert torch.equal(weights, begins[name].reshape(weights.shape)), name
    assert network.training
    expected = small.reader()(small.train[:64])
    assert torch.equal(images, expected[0])
    assert torch.equal(labels, expected[1])
    assert (live.spent, live.n_statistics) == (0, 1)
    assert len(problem(replace(small, train=small.train[:40]), recipe).untrained(CELL)[1][1]) == 40
    with pytest.raises(HarnessError, match=r"variable 0 must be in 0\.\.4"):
        live.untrained((5, *CELL[1:]))


def test_no_test_image_can_be_reached_from_it(splits):
    live = problem(splits, Recipe(channels=2, cells=1, epochs=1, batch_size=32))
    found = live.untrained(CELL)
    read = splits.reader()
    tests = {image.numpy().tobytes() for image in read(splits.test)[0]}
    tests -= {image.numpy().tobytes() for image in read(np.concatenate([splits.train, splits.valid]))[0]}
    tensors = [item for item in reachable([live, found]) if isinstance(item, torch.Tensor) and item.ndim == 4]
    images = [item for item in tensors if item.shape[1:] == DIGITS and len(item) == 64]
    assert images
    assert not any(image.numpy().tobytes() in tests for item in images for image in item)


def test_darts_networks_are_scored_too():
    shape, arch = Shape(2, 3, DIGITS, 10), DartsSpace().arch(123_456_789)
    network = build(lambda: discrete.network("darts", arch, shape), ("test",))
    assert all(math.isfinite(score(name, network, *batch(8))) for name in ("naswot", "synflow", "grad-norm"))
