"""Supernets and discrete networks: what they compute and what is counted about them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.spaces.darts import DartsSpace
from harness.spaces.nasbench201 import NASBench201Space
from harness.spaces.registry import cell_space, cell_space_names
from harness.supernets.graph import BATCH_NORMS, mixed_network
from harness.supernets.mixed import COMPOSE_UP_TO, Fan, FusedFan
from harness.supernets.mixture import Mixture, Softmax
from harness.supernets.net import initial_alphas, initial_network
from harness.training import discrete, networks
from harness.training.networks import Shape, Stages, build
from harness.training.operations import OPERATIONS, batch_statistics, normalised, operation

CIFAR, DIGITS = (3, 32, 32), (1, 8, 8)
DARTS_V2 = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), "
    "('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, 5], "
    "reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0), "
    "('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=[2, 3, 4, 5])"
)


def supernet(space, shape, seed, **options):
    """The network of a supernet, and its architecture parameters under DARTS's softmax."""
    return initial_network(space, shape, seed, **options), list(initial_alphas(space, shape, seed, Softmax()).values())


def loss_and_gradients(network, alphas, form, batch):
    for module in network.modules():
        if isinstance(module, Fan):
            module.__class__ = form
    images, labels = batch
    loss = F.cross_entropy(network(images, *Softmax().probabilities(alphas)), labels)
    return [loss, *torch.autograd.grad(loss, [*alphas, *network.parameters()])]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("space", "shape"),
    [
        ("darts", Shape(4, 3, DIGITS, 10)),
        ("darts", Shape(COMPOSE_UP_TO // 2, 3, (3, 4, 4), 10)),  # wider than what is composed, in the last cells
        ("nasbench201", Shape(4, 2, DIGITS, 10)),
    ],
)
def test_the_fused_form_is_the_plain_one(space, shape, dtype):
    network, alphas = supernet(space, shape, 0)
    network = network.to(dtype)
    rng = torch.Generator().manual_seed(0)
    alphas = [torch.randn(a.shape, generator=rng, dtype=dtype).requires_grad_() for a in alphas]
    batch = torch.randn(16, *shape.image, generator=rng, dtype=dtype), torch.arange(16) % shape.classes
    plain, fused = (loss_and_gradients(network, alphas, form, batch) for form in (Fan, FusedFan))
    tolerance = 1e-5 if dtype == torch.float32 else 1e-12
    for one, other in zip(plain, fused, strict=True):
        torch.testing.assert_close(other, one, rtol=tolerance, atol=tolerance)


def test_a_mixed_edge_is_the_weighted_sum_of_its_operations():
    names = cell_space("darts").primitives

    def candidates():
        return [normalised(operation(name, 3, 2, batch_statistics), 3, batch_statistics) for name in names]

    fan = build(lambda: Fan(candidates, 2), ("test",))
    state, weights = torch.randn(4, 3, 8, 8), torch.rand(2, len(names))
    for output, row, operations in zip(fan(state, Mixture(weights)), weights, fan.edges, strict=True):
        expected = sum(float(w) * op(state) for w, op in zip(row, operations, strict=True))
        torch.testing.assert_close(output, expected)
        assert not operations[names.index("none")](state).any()


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("stride", [1, 2])
def test_operations_keep_channels_and_halve_the_image_at_stride_2(name, stride):
    module = operation(name, 4, stride, batch_statistics)
    assert module(torch.randn(2, 4, 8, 8)).shape == (2, 4, 8 // stride, 8 // stride)


def test_published_parameter_counts_of_the_darts_space():
    network, alphas = supernet("darts", Shape(16, 8, CIFAR, 10), 0)
    assert networks.parameters(network) == 1_930_618  # "param size = 1.930618MB" without, 1.930842 with alphas
    assert networks.parameters(network) + sum(alpha.numel() for alpha in alphas) == 1_930_842
    assert discrete.parameters("darts", DartsSpace().parse(DARTS_V2), Shape(36, 20, CIFAR, 10)) == 3_349_342


@pytest.mark.parametrize(
    ("text", "parameters", "mega"),
    [
        ("|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|", 129_306, 15.64736),
        ("|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|none~0|nor_conv_3x3~1|avg_pool_3x3~2|", 802_426, 113.95136),
        ("|skip_connect~0|+|skip_connect~0|skip_connect~1|+|none~0|nor_conv_1x1~1|none~2|", 101_306, 11.7152),
    ],
)  # fmt: skip
def test_published_sizes_of_nasbench201_cells(text, parameters, mega):
    arch, shape = NASBench201Space().parse(text), Shape(16, 5, CIFAR, 10)
    assert discrete.parameters("nasbench201", arch, shape) == parameters
    assert discrete.multiply_adds("nasbench201", arch, shape) == round(1e6 * mega)


def test_multiply_adds_of_a_convolution():
    def make():
        return torch.nn.Sequential(
            torch.nn.Conv2d(3, 5, 3, padding=1, bias=False), torch.nn.Flatten(), torch.nn.Linear(320, 7)
        )

    assert networks.multiply_adds(make, (3, 8, 8)) == 3 * 5 * 9 * 64 + 320 * 7


def test_alphas_are_no_weights():
    network, alphas = supernet("darts", Shape(2, 3, DIGITS, 10), 0)
    assert [tuple(alpha.shape) for alpha in alphas] == [(14, 8), (14, 8)]
    weights = {id(parameter) for parameter in network.parameters()}
    assert not weights & {id(alpha) for alpha in alphas}


def test_initial_weights_depend_on_the_named_stream_only():
    shape = Stages(2, 1, DIGITS, 10)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one, alphas = supernet("nasbench201", shape, 5)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    same, same_alphas = supernet("nasbench201", shape, 5)
    other, _ = supernet("nasbench201", shape, 6)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), same.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b in zip(alphas, same_alphas, strict=True))
    assert not torch.equal(one.classifier.weight, other.classifier.weight)
    running, _ = supernet("nasbench201", shape, 5, batch_norm="running")
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), running.parameters(), strict=True))


def test_initial_weights_are_spread_as_torchs_own():
    network, _ = supernet("darts", Shape(8, 3, CIFAR, 10), 0)
    weight = network.cells[0].graph.fans[0].edges[0][5][0].spatial.weight.detach()  # depthwise 5x5: 25 inputs
    assert weight.abs().max() <= 1 / 5
    assert weight.std() == pytest.approx(1 / 5 / np.sqrt(3), rel=0.1)


def test_batch_norm_of_a_search_keeps_no_statistics_unless_told():
    network, _ = supernet("darts", Shape(2, 3, DIGITS, 10), 0)
    assert not list(network.buffers())
    assert {form.fan for form in BATCH_NORMS.values()} == {Fan, FusedFan}
    network, alphas = supernet("nasbench201", Stages(2, 1, DIGITS, 10), 0, batch_norm="running")
    before = [buffer.clone() for buffer in network.buffers()]
    network(torch.randn(8, *DIGITS), *Softmax().probabilities(alphas))
    assert any(not torch.equal(a, b) for a, b in zip(before, network.buffers(), strict=True))


@pytest.mark.parametrize("space", cell_space_names())
def test_discrete_networks_have_a_logit_a_class(space):
    where = cell_space(space)
    shape = Shape(4, 3, DIGITS, 7)
    for seed in range(5):
        arch = where.sample(np.random.default_rng(seed))
        network = build(lambda arch=arch: discrete.network(space, arch, shape), ("test", seed))
        assert network(torch.randn(3, *DIGITS)).shape == (3, 7)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Shape(4, 3, (3, 30, 32), 10), "multiples of 4"),
        (lambda: Shape(0, 3, CIFAR, 10), "at least 1"),
        (lambda: supernet("dart", Shape(4, 3, CIFAR, 10), 0), "unknown cell space 'dart'; did you mean 'darts'"),
        (lambda: supernet("darts", Shape(4, 3, CIFAR, 10), 0, batch_norm="runing"), "did you mean 'running'"),
        (lambda: discrete.network("dart", (), Shape(4, 3, CIFAR, 10)), "did you mean 'darts'"),
        (lambda: supernet("darts", Shape(4, 3, CIFAR, 10), 0, device="gpu"), "wanted cpu, cuda"),
        (lambda: operation("sep_conv_7x7", 4, 1, batch_statistics), "unknown operation 'sep_conv_7x7'"),
    ],
)
def test_wrong_input(call, message):
    with pytest.raises(HarnessError, match=message):
        call()


def test_forms_share_their_parameters():
    plain = replace(BATCH_NORMS["batch"], fan=Fan)
    shape = Shape(2, 3, DIGITS, 10)
    names = [
        [
            name
            for name, _ in build(
                lambda form=form: mixed_network(cell_space("darts"), shape, form), ("x",)
            ).named_parameters()
        ]
        for form in (plain, BATCH_NORMS["batch"])
    ]
    assert names[0] == names[1]


@given(cells=st.integers(1, 12), reductions=st.integers(0, 5))
def test_a_darts_network_halves_the_image_as_often_as_it_is_told_or_is_refused(cells, reductions):
    image = (1, 2**reductions, 2 * 2**reductions)
    assert Stages(4, cells, image, 10, reductions).pixels == 2
    if cells < reductions:
        with pytest.raises(
            HarnessError, match=rf"{reductions} reductions need as many cells, not {cells}; write cells = "
        ):
            Shape(4, cells, image, 10, reductions)
    else:
        shape = Shape(4, cells, image, 10, reductions)
        assert sum(shape.is_reduction(cell) for cell in range(cells)) == reductions
