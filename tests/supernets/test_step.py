"""Search steps: passes, orders, unrolling, and how the levels relate."""

from dataclasses import replace

import pytest
import torch

from harness.levels import LEVELS, Bilevel, MixedLevel, SingleLevel, official_code
from harness.supernets.gradient import LevelGradient
from harness.supernets.mixture import Softmax
from harness.supernets.net import initial_alphas, initial_network
from harness.training.networks import Stages

SHAPE = Stages(2, 1, (1, 8, 8), 10)
UPDATES = ("simultaneous", "w_first", "alpha_first")


def batch(seed):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(16, *SHAPE.image, generator=rng), torch.randint(10, (16,), generator=rng)


TRAIN, VALID = batch(0), batch(1)


class Steps(LevelGradient):
    """Steps by one deterministic relaxation."""

    relax = staticmethod(Softmax().probabilities)

    def __call__(self, *arguments):
        return super().__call__(*arguments, draw=lambda purpose: self.relax)

    def alpha_gradient(self, *arguments, draw=None, **known):
        return super().alpha_gradient(*arguments, draw=draw or (lambda purpose: self.relax), **known)


def make(**options):
    network = initial_network("nasbench201", SHAPE, 0)
    alphas = list(initial_alphas("nasbench201", SHAPE, 0, Softmax()).values())
    weights = torch.optim.SGD(network.parameters(), lr=0.025, momentum=0.9, weight_decay=3e-4)
    return Steps(network, alphas, weights, torch.optim.Adam(alphas, lr=3e-3), **options), network, alphas


# Passes


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("name", LEVELS)
def test_passes_are_counted(name, update):
    level = replace(LEVELS[name], update=update)
    step, network, _ = make()
    forward, backward = [], []
    network.register_forward_hook(lambda *_: forward.append(1))
    network.classifier.register_full_backward_hook(lambda *_: backward.append(1))
    for _ in range(2):
        step(level, TRAIN, VALID)
    assert len(forward) == len(backward) == step.passes == 2 * level.passes


def test_each_pass_computes_only_the_gradients_asked_for(monkeypatch):
    step, network, alphas = make()
    asked = []
    monkeypatch.setattr(
        torch.autograd,
        "grad",
        lambda loss, wanted, _grad=torch.autograd.grad, **options: asked.append(len(wanted)) or _grad(loss, wanted, **options),
    )  # fmt: skip
    step(MixedLevel(), TRAIN, VALID)
    assert asked == [len(list(network.parameters())) + len(alphas), len(alphas)]
    assert all(p.requires_grad and p.grad is None for p in [*network.parameters(), *alphas])


# On a quadratic in float64, where everything is known


class Residual(torch.nn.Module):
    """Losses ½|w - M α|²; a batch's input is its matrix M."""

    def __init__(self, start):
        super().__init__()
        self.w = torch.nn.Parameter(start)
        self.seen = []

    def forward(self, matrix, alpha):
        self.seen.append(alpha.detach().clone())
        return self.w - matrix @ alpha


def quadratic(alphas_to_weights=None):
    rng = torch.Generator().manual_seed(7)
    w, alpha = (torch.randn(4, generator=rng, dtype=torch.float64) for _ in range(2))
    matrix = torch.randn(4, 4, generator=rng, dtype=torch.float64)
    network, alphas = Residual(w), [alpha.requires_grad_()]
    sgd = torch.optim.SGD(network.parameters(), lr=0.3, momentum=0.9, weight_decay=0.01)
    step = Steps(
        network,
        alphas,
        sgd,
        torch.optim.Adam(alphas),
        loss=lambda output, target: 0.5 * (output**2).sum() + 0 * target,
    )
    step.relax = list
    zero = torch.zeros((), dtype=torch.float64)
    return step, network, alphas[0], sgd, (matrix, zero), (torch.eye(4, dtype=torch.float64), zero)


def analytic(w, alpha, matrix, factors, xi, extra=0.0):
    """Gradient in α of ``f_train L_train(w', α) + f_valid L_valid(w', α)`` with w' = w - xi (w - A α + extra)."""
    ahead = w - xi * (w - matrix @ alpha + extra)
    result = torch.zeros_like(alpha)
    for factor, target in zip(factors, (matrix, torch.eye(4, dtype=torch.float64)), strict=True):
        residual = ahead - target @ alpha
        result += factor * (xi * matrix.T @ residual - target.T @ residual)
    return result


@pytest.mark.parametrize(
    "level", [Bilevel(order=2), MixedLevel(order=2), MixedLevel(order=2, lambda_valid=0.3, lambda_train=2, xi=0.05)]
)
def test_second_order_is_the_unrolled_gradient(level):
    step, network, alpha, _, train, valid = quadratic()
    (gradient,) = step.alpha_gradient(level, train, valid)
    xi = 0.3 if level.xi is None else level.xi
    expected = analytic(network.w.detach(), alpha.detach(), train[0], level.coefficients, xi)
    torch.testing.assert_close(gradient, expected, rtol=0, atol=1e-8)


def test_momentum_and_weight_decay_in_the_unrolled_step_are_an_option():
    step, network, alpha, sgd, train, valid = quadratic()
    level = Bilevel(order=2)
    step(level, train, valid)  # so that there is momentum
    w, given = network.w.detach().clone(), alpha.detach().clone()
    extra = 0.9 * sgd.state[network.w]["momentum_buffer"] + 0.01 * w
    for unroll, added in (("gradient", 0.0), ("darts-code", extra)):
        (gradient,) = step.alpha_gradient(replace(level, unroll=unroll), train, valid)
        torch.testing.assert_close(gradient, analytic(w, given, train[0], (0, 1), 0.3, added), rtol=0, atol=1e-8)


def test_alpha_does_not_move_inside_the_unrolled_model_except_in_the_milenas_code():
    step, network, alpha, _, train, valid = quadratic()
    for unroll, moves in (("gradient", False), ("darts-code", False), ("milenas-code", True)):
        network.seen.clear()
        w, given = network.w.detach().clone(), alpha.detach().clone()
        step.alpha_gradient(Bilevel(order=2, unroll=unroll), train, valid)
        assert len(network.seen) == 4
        assert any(not torch.equal(seen, given) for seen in network.seen) == moves
        assert torch.equal(network.w, w)
        assert torch.equal(alpha, given)


def test_the_milenas_codes_second_order():
    step, network, alpha, _, train, valid = quadratic()
    (gradient,) = step.alpha_gradient(official_code(Bilevel(order=2)), train, valid)
    w, a, m, xi, decay = network.w.detach(), alpha.detach(), train[0], 0.3, 0.01
    w_ahead = w - xi * (w - m @ a + decay * w)
    a_ahead = a - xi * (-m.T @ (w - m @ a) + decay * a)
    slope_w, slope_a = w_ahead - a_ahead, a_ahead - w_ahead
    implicit = -m.T @ (slope_w - m @ slope_a)  # both Hessian blocks of the training loss, since α was perturbed too
    torch.testing.assert_close(gradient, slope_a - xi * implicit, rtol=0, atol=1e-8)


# On a supernet


@pytest.mark.parametrize("level", [Bilevel(), MixedLevel(lambda_valid=0.3)])
def test_at_xi_0_second_order_is_first_order(level):
    step, _, _ = make()
    first = step.alpha_gradient(level, TRAIN, VALID)
    second = step.alpha_gradient(replace(level, order=2, xi=0.0), TRAIN, VALID)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_weights_are_put_back_to_the_bit():
    step, network, alphas = make()
    before = [p.detach().clone() for p in [*network.parameters(), *alphas]]
    step.alpha_gradient(MixedLevel(order=2, unroll="milenas-code"), TRAIN, VALID)
    assert all(torch.equal(a, b) for a, b in zip(before, [*network.parameters(), *alphas], strict=True))


def test_the_mixed_gradient_is_the_sum():
    step, _, _ = make()
    (train,), (valid,), (mixed,) = (
        step.alpha_gradient(level, TRAIN, VALID)
        for level in (SingleLevel(), Bilevel(), MixedLevel(lambda_valid=3, lambda_train=0.5))
    )
    torch.testing.assert_close(mixed, 0.5 * train + 3 * valid)


def test_weights_are_clipped_and_alphas_are_not():
    moved = {}
    for clip in (True, False):
        step, network, alphas = make(clip=1e-3)
        before = [p.detach().clone() for p in network.parameters()]
        gradient = step.alpha_gradient(SingleLevel(), TRAIN, VALID)
        seen = []
        step._alpha_optimizer.register_step_pre_hook(
            lambda *_, seen=seen, alphas=alphas: seen.append([alpha.grad.clone() for alpha in alphas])
        )
        step(SingleLevel(clip=clip), TRAIN, VALID)
        moved[clip] = torch.cat([(p - q).flatten() for p, q in zip(before, network.parameters(), strict=True)]).norm()
        assert all(torch.equal(a, b) for a, b in zip(seen[0], gradient, strict=True))
    assert moved[True] < 0.025 * (1e-3 + 3e-4 * 20)
    assert moved[False] > 10 * moved[True]


def test_the_order_of_updates():
    for update in UPDATES:
        step, network, alphas = make()
        order = []
        step._weight_optimizer.register_step_post_hook(lambda *_, order=order: order.append("w"))
        step._alpha_optimizer.register_step_post_hook(lambda *_, order=order: order.append("alpha"))
        weights, given = [p.detach().clone() for p in network.parameters()], alphas[0].detach().clone()
        points = []
        network.register_forward_pre_hook(
            lambda module, arguments, points=points, weights=weights, given=given: points.append(
                all(torch.equal(a, b) for a, b in zip(module.parameters(), weights, strict=True))
                and torch.equal(torch.softmax(given, -1), arguments[1].operations)
            )
        )
        step(MixedLevel(update=update), TRAIN, VALID)
        if update == "simultaneous":
            assert points == [True, True]
        else:
            assert order == (["w", "alpha"] if update == "w_first" else ["alpha", "w"])
            assert points == ([True, False, False] if update == "w_first" else [True, True, False])


def test_a_training_batch_of_its_own_for_alpha():
    level = MixedLevel(update="w_first", same_batch=False)
    results = []
    for other in (TRAIN, batch(2)):
        step, _, alphas = make()
        for _ in range(3):
            step(level, TRAIN, VALID, other)
        results.append(alphas[0].detach().clone())
    assert not torch.equal(*results)
