"""Straight-through relaxations: values, gradients, what is computed and what is kept, in float64."""

from itertools import product

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.stats import chisquare

from harness import HarnessError
from harness.levels import Bilevel
from harness.spaces.nasbench201 import EDGES, OPERATIONS
from harness.supernets import AlphaSchedule, At, Gates, Gumbel, LevelStep, Mixture, Softmax
from harness.supernets.mixed import Fan, FusedFan
from harness.supernets.net import Supernet, initial_network
from harness.testing.supernets import _splits
from harness.training.operations import batch_statistics, operation
from harness.training.settings import SearchSettings

SETTINGS = SearchSettings(channels=4, cells=1, reductions=1, epochs=2, batch_size=16, learning_rate=0.1)
RELAXATIONS = [Gumbel(0.7, 0.7), Gates()]


@pytest.fixture(autouse=True)
def double():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


class Noise:
    """Stands for a generator whose Gumbel numbers are known."""

    def __init__(self, *numbers):
        self.numbers = list(numbers)

    def gumbel(self, size):
        return self.numbers.pop(0).reshape(size)


def rng():
    return np.random.default_rng(0)


def drawn(relaxation, alpha, noise=None):
    source = rng() if noise is None else Noise(noise)
    (mixture,) = relaxation.mixture([alpha], source, "alphas", 0.0)
    return mixture


def alphas(edges, candidates, seed=1):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(edges, candidates))).requires_grad_()


def fan_of(form):
    """Three edges of all candidates, a state, and gradients of the outputs."""
    torch.manual_seed(3)
    fan = form(lambda: [operation(name, 4, 1, batch_statistics) for name in OPERATIONS], 3)
    return fan, torch.randn(8, 4, 6, 6), torch.randn(3, 8, 4, 6, 6)


def products(fan, state, gradients):
    """<G, o_j(state)> of every edge and candidate."""
    with torch.no_grad():
        rows = [
            [(gradient * op(state)).sum() for op in ops] for gradient, ops in zip(gradients, fan.edges, strict=True)
        ]
    return torch.tensor(rows)


def alpha_gradient(fan, state, gradients, relaxation, alpha):
    mixture = drawn(relaxation, alpha)
    outputs = fan(state, mixture)
    loss = sum((gradient * output).sum() for gradient, output in zip(gradients, outputs, strict=True))
    (found,) = torch.autograd.grad(loss, alpha)
    return mixture.operations, found


# Values


@pytest.mark.parametrize("relaxation", RELAXATIONS)
def test_a_pass_is_that_of_the_drawn_path(relaxation):
    net = Supernet("nasbench201", _splits(0), SETTINGS, 0)
    network = net.network.double()
    images = torch.randn(16, 1, 8, 8)
    for seed in range(3):
        (mixture,) = relaxation.mixture([alphas(6, 5, seed)], np.random.default_rng(seed), "alphas", 0.5)
        path = net.path(tuple(mixture.operations.tolist()))
        torch.testing.assert_close(network(images, mixture), network(images, *path), rtol=0, atol=1e-15)


@pytest.mark.parametrize("relaxation", RELAXATIONS)
def test_candidates_are_drawn_by_their_softmax(relaxation):
    alpha = alphas(1, 4).detach()
    chosen = drawn(relaxation, alpha.expand(20_000, 4)).operations
    expected = np.exp(alpha[0].numpy()) / np.exp(alpha[0].numpy()).sum()
    assert chisquare(np.bincount(chosen, minlength=4), 20_000 * expected).pvalue > 1e-3


@pytest.mark.parametrize("relaxation", RELAXATIONS)
def test_probabilities_know_no_noise_and_no_temperature(relaxation):
    alpha = alphas(3, 5).detach()
    (found,), (softmax,) = relaxation.probabilities([alpha]), Softmax().probabilities([alpha])
    assert torch.equal(found.operations, softmax.operations)
    assert found.operations.is_floating_point()


# Gradients of α


@pytest.mark.parametrize("temperature", [10.0, 0.5])
def test_the_gradient_of_the_open_gate(temperature):
    fan, state, gradients = fan_of(FusedFan)
    alpha = alphas(3, 5)
    chosen, found = alpha_gradient(fan, state, gradients, Gumbel(temperature, 1.0), alpha)
    noisy = (alpha.detach().numpy() + rng().gumbel(size=(3, 5))) / temperature
    q = np.exp(noisy) / np.exp(noisy).sum(axis=1, keepdims=True)
    g = products(fan, state, gradients).numpy()
    expected = np.zeros((3, 5))
    for edge, k in enumerate(chosen.tolist()):
        for i in range(5):
            expected[edge, i] = g[edge, k] * q[edge, k] * ((i == k) - q[edge, i]) / temperature
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(found.numpy(), expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("form", [Fan, FusedFan])
def test_the_gradient_of_every_gate(form):
    fan, state, gradients = fan_of(form)
    alpha = alphas(3, 5)
    _, found = alpha_gradient(fan, state, gradients, Gates(), alpha)
    p, g = np.exp(alpha.detach().numpy()), products(fan, state, gradients).numpy()
    p /= p.sum(axis=1, keepdims=True)
    expected = p * (g - (p * g).sum(axis=1, keepdims=True))
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(found.numpy(), expected, rtol=0, atol=1e-12 * np.abs(g).max())


@pytest.mark.parametrize("relaxation", RELAXATIONS)
def test_gates_leave_the_gradients_of_weights_and_of_the_state_alone(relaxation):
    fan, state, gradients = fan_of(FusedFan)
    state.requires_grad_()
    found = []
    mixture = drawn(relaxation, alphas(3, 5))
    for given in (mixture, Mixture(mixture.operations)):
        loss = sum((gradient * output).sum() for gradient, output in zip(gradients, fan(state, given), strict=True))
        found.append(torch.autograd.grad(loss, [state, *fan.parameters()], allow_unused=True))
    for one, other in zip(*found, strict=True):
        assert (one is None and other is None) or torch.equal(one, other)


@pytest.mark.parametrize(("temperature", "ratio", "within"), [(1.0, 1 / 3, 1e-6), (1e-3, 1 / 2, 1e-4)])
def test_the_bias_of_the_open_gate_by_quadrature(temperature, ratio, within):
    # Of two candidates only the difference of their Gumbel numbers matters, which is logistic: integrate over its quantiles.
    points = (np.arange(1_000_000) + 0.5) / 1_000_000
    difference = np.log(points / (1 - points))
    alpha = torch.zeros(len(points), 2, requires_grad=True)
    mixture = drawn(Gumbel(temperature, temperature), alpha, np.stack([difference, np.zeros_like(difference)], axis=1))
    outputs = torch.tensor([2.0, -0.7])
    chosen = mixture.operations[:, None]
    (gradient,) = torch.autograd.grad(
        (mixture.gates.gather(1, chosen)[:, 0] * outputs[mixture.operations]).mean(), alpha
    )
    exact = 0.25 * (outputs[0] - outputs[1])  # p1 p2 (o1 - o2)
    assert float(gradient[:, 0].sum() / exact) == pytest.approx(ratio, abs=within)


def over_all_draws(alpha, loss):
    """Mean of the estimated gradient over all draws of two edges, and the gradient of the exact mean of the loss.

    `loss` is of the edges' outputs: it gets gates (2, 3), one-hot in value.
    """
    p = torch.softmax(alpha, dim=-1)
    mean, expectation = torch.zeros_like(alpha), 0
    for choices in product(range(3), repeat=2):
        noise = np.zeros((2, 3))
        noise[[0, 1], choices] = 100  # so that these are drawn
        probability = p[0, choices[0]] * p[1, choices[1]]
        estimate = torch.autograd.grad(loss(drawn(Gates(), alpha, noise).gates), alpha)[0]
        mean += probability.detach() * estimate
        expectation = expectation + probability * loss(F.one_hot(torch.tensor(choices), 3).to(alpha))
    return mean, torch.autograd.grad(expectation, alpha)[0]


def test_every_gate_is_unbiased_for_a_linear_loss_and_not_for_a_cross_entropy():
    alpha, outputs = alphas(2, 3), torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0))
    direction, label = torch.randn(4, generator=torch.Generator().manual_seed(1)), torch.tensor([2])

    def logits(gates):
        return (gates[..., None] * outputs).sum(dim=(0, 1))

    mean, exact = over_all_draws(alpha, lambda gates: direction @ logits(gates))
    torch.testing.assert_close(mean, exact, rtol=0, atol=1e-14)
    mean, exact = over_all_draws(alpha, lambda gates: F.cross_entropy(logits(gates)[None], label))
    assert float((mean - exact).abs().max()) > 1e-2


@pytest.mark.parametrize("relaxation", RELAXATIONS)
def test_a_decided_edge_is_a_fixed_point(relaxation):
    fan, state, gradients = fan_of(FusedFan)
    decided = [3, 1, 4]
    alpha = (200 * F.one_hot(torch.tensor(decided), 5).double()).requires_grad_()
    chosen, found = alpha_gradient(fan, state, gradients, relaxation, alpha)
    assert chosen.tolist() == decided
    assert float(found.abs().max()) == pytest.approx(0, abs=1e-30)


def test_the_temperature_is_linear_in_the_epochs_that_are_over():
    alpha, noise = alphas(1, 2), np.array([[0.3, -0.2]])
    for progress, temperature in ((0.0, 10.0), (0.5, 5.5), (0.9, 1.9)):
        expected = torch.softmax((alpha + torch.from_numpy(noise)) / temperature, dim=-1)
        torch.testing.assert_close(Gumbel().soft(alpha, torch.from_numpy(noise), progress), expected)


@pytest.mark.parametrize("first", [0.0, -1.0, float("nan"), float("inf")])
def test_a_temperature_is_a_number_above_0(first):
    with pytest.raises(HarnessError, match="temperature first must be above 0"):
        Gumbel(first)


# What is computed, and what is kept


def calls_of(step, at):
    """How many candidates each part of one step of a supernet computes, forward and backward, and the supernet."""
    torch.set_default_dtype(torch.float32)
    net = Supernet("nasbench201", _splits(0), SETTINGS, 0)
    moving = step.start(net)
    calls = []
    for fan in (module for module in net.network.modules() if isinstance(module, Fan)):
        for ops in fan.edges:
            for op in ops:
                op.register_forward_pre_hook(lambda *_: calls.append(torch.is_grad_enabled()))
    moving.begin_epoch(0, 0.1)
    before = [weight.detach().clone() for weight in net.network.parameters()]
    moving(next(net.batches(0)), at)
    return calls, moving, net, before


EDGES_OF_A_PASS = 2 * len(EDGES)  # a cell in each of two stages


@pytest.mark.parametrize("update", ["w_first", "alpha_first", "simultaneous"])
def test_as_many_operations_are_computed_as_there_are_edges(update):
    calls, moving, _, _ = calls_of(LevelStep(Bilevel(update=update), Gumbel()), At(0, 0, 0.0))
    assert moving.passes == 2
    assert calls == [True] * 2 * EDGES_OF_A_PASS


def test_all_passes_of_a_second_order_gradient_compute_one_path():
    torch.set_default_dtype(torch.float32)
    net = Supernet("nasbench201", _splits(0), SETTINGS, 0)
    moving = LevelStep(Bilevel(order=2, update="w_first"), Gumbel()).start(net)
    paths = []
    net.network.register_forward_pre_hook(lambda _, given: paths.append(given[1].operations.tolist()))
    moving.begin_epoch(0, 0.1)
    for step, batches in zip(range(2), net.batches(0), strict=False):
        moving(batches, At(0, step, 0.0))
    assert len(paths) == moving.passes == 2 * 5
    assert paths[1] == paths[2] == paths[3] == paths[4]
    assert paths[0] != paths[1] != paths[6]


def test_gates_compute_the_others_for_the_gradient_of_alpha_alone():
    step = LevelStep(Bilevel(update="w_first"), Gates(), AlphaSchedule(alpha_every=5))
    calls, moving, _, _ = calls_of(step, At(0, 0, 0.0))
    assert (calls, moving.passes) == ([True] * EDGES_OF_A_PASS, 1)
    calls, moving, _, _ = calls_of(step, At(0, 4, 0.0))
    assert moving.passes == 2
    assert calls == [True] * 2 * EDGES_OF_A_PASS + [False] * len(OPERATIONS) * EDGES_OF_A_PASS


def kept(loss):
    """Bytes of what a forward pass keeps and a backward pass adds, and the gradients in the leaves."""
    storages = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        storages[storage.data_ptr()] = (storage.nbytes(), tensor)  # held, so that no address is used twice
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss().backward()
    return sum(size for size, _ in storages.values())


def test_the_memory_of_all_gates_is_that_of_one_candidate():
    torch.set_default_dtype(torch.float32)
    shape = Supernet("nasbench201", _splits(0), SETTINGS, 0).shape
    network = initial_network("nasbench201", shape, 0)
    images, labels = torch.randn(32, 1, 8, 8), torch.arange(32) % 4
    convolutions = np.zeros((6, 5))
    convolutions[:, OPERATIONS.index("nor_conv_3x3")] = 100
    alpha = torch.zeros(6, 5, requires_grad=True)
    mixtures = {
        "one": lambda: Mixture(torch.full((6,), OPERATIONS.index("nor_conv_3x3"))),
        "gates": lambda: drawn(Gates(), alpha, convolutions),
        "all": lambda: Softmax().probabilities([alpha])[0],
    }
    used = {
        name: kept(lambda make=make: F.cross_entropy(network(images, make()), labels))
        for name, make in mixtures.items()
    }
    assert alpha.grad is not None
    assert used["gates"] <= 1.3 * used["one"]
    assert used["all"] > 1.5 * used["one"]  # so the measure sees what is kept


# Weights that no path uses


def test_weights_that_are_not_drawn_rest_to_the_bit_or_decay():
    for unsampled in ("frozen", "decay"):
        step = LevelStep(Bilevel(update="w_first"), Gates(), unsampled=unsampled)
        _, moving, net, before = calls_of(step, At(0, 0, 0.0))
        optimizer = moving._weight_optimizer
        unused = [weight for weight in net.network.parameters() if "momentum_buffer" not in optimizer.state[weight]]
        moved = [not torch.equal(a, b) for a, b in zip(before, net.network.parameters(), strict=True)]
        assert len(unused) > 0 if unsampled == "frozen" else not unused
        assert moved.count(False) == len(unused)


def test_what_was_drawn_once_rests_when_it_is_not_drawn_again():
    # Its momentum must not move it either, nor be lost.
    step = LevelStep(Bilevel(update="w_first"), Gates(), unsampled="frozen")
    _, moving, net, _ = calls_of(step, At(0, 0, 0.0))
    batches = next(net.batches(1))
    rested = 0
    for place in range(1, 4):
        state = moving._weight_optimizer.state
        weights = [weight for weight in net.network.parameters() if "momentum_buffer" in state[weight]]
        before = [(weight.detach().clone(), state[weight]["momentum_buffer"].clone()) for weight in weights]
        moving(batches, At(0, place, 0.0))
        for weight, (value, momentum) in zip(weights, before, strict=True):
            assert torch.equal(weight, value) == torch.equal(state[weight]["momentum_buffer"], momentum)
            rested += torch.equal(weight, value)
    assert rested > 0
