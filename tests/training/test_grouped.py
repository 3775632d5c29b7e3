"""Several networks as one: each is as it would be alone."""

import pytest
import torch

from harness.spaces.darts import DartsSpace
from harness.spaces.nasbench201 import NASBench201Space
from harness.training import discrete
from harness.training.grouped import clip_each, grouped
from harness.training.networks import Shape, Stages, build
from harness.training.settings import Recipe
from harness.training.train import train

SEEDS = (0, 1, 2)
NASBENCH201 = NASBench201Space().parse(
    "|nor_conv_3x3~0|+|nor_conv_1x1~0|avg_pool_3x3~1|+|skip_connect~0|none~1|nor_conv_3x3~2|"
)
CASES = [
    ("nasbench201", NASBENCH201, Shape(8, 1, (1, 8, 8), 10, reductions=0)),
    ("nasbench201", NASBENCH201, Stages(4, 1, (3, 8, 8), 5)),
    ("darts", DartsSpace().arch(987_654_321), Shape(4, 3, (1, 8, 8), 10)),
]


def networks(space, arch, shape):
    return [build(lambda: discrete.network(space, arch, shape), ("init", seed)) for seed in SEEDS]


@pytest.mark.parametrize(("space", "arch", "shape"), CASES)
@pytest.mark.parametrize("training", [True, False])
def test_forward_and_gradients_are_those_of_each_alone(space, arch, shape, training):
    alone = [network.double().train(training) for network in networks(space, arch, shape)]
    as_one = grouped([network.double() for network in networks(space, arch, shape)]).train(training)
    images = torch.randn(len(SEEDS), 6, *shape.image, generator=torch.Generator().manual_seed(0)).double()
    logits = as_one(torch.cat(list(images), dim=1))
    expected = torch.stack([network(part) for network, part in zip(alone, images, strict=True)])
    torch.testing.assert_close(logits, expected, rtol=1e-10, atol=1e-12)
    logits.square().sum().backward()
    expected.square().sum().backward()
    for name, parameter in as_one.named_parameters():
        gradients = [network.get_parameter(name).grad for network in alone]
        if parameter.grad is None:  # an unused part
            assert all(gradient is None for gradient in gradients)
        elif name == "classifier.weight":
            torch.testing.assert_close(parameter.grad, torch.stack(gradients).transpose(1, 2))
        else:
            torch.testing.assert_close(parameter.grad.flatten(), torch.stack(gradients).flatten())


def test_every_network_has_its_own_greatest_norm():
    parameter = torch.nn.Parameter(torch.zeros(3, 2))
    parameter.grad = torch.tensor([[3.0, 4.0], [0.3, 0.4], [6.0, 8.0]])
    clip_each([parameter], 3, 1.0)
    torch.testing.assert_close(parameter.grad, torch.tensor([[0.6, 0.8], [0.3, 0.4], [0.6, 0.8]]))


@pytest.mark.parametrize(("space", "arch"), [("nasbench201", NASBENCH201), ("darts", DartsSpace().arch(987_654_321))])
def test_a_training_does_not_depend_on_those_beside_it(space, arch, splits):
    recipe = Recipe(channels=4, cells=1, reductions=1, epochs=1, learning_rate=0.05, augment=True)
    beside = train(space, arch, splits, recipe, SEEDS)
    for rows, seed in zip(beside, SEEDS, strict=True):
        ((row,),) = train(space, arch, splits, recipe, [seed])
        assert rows[0]["train_loss"] == pytest.approx(row["train_loss"], rel=1e-3)
        assert rows[0]["test_loss"] == pytest.approx(row["test_loss"], rel=1e-3)
