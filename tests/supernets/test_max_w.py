"""Max-W: its weights, its gradient, and what goes on reading probabilities."""

import torch

from harness.levels import MixedLevel
from harness.supernets import LevelStep, MaxW, Softmax, search
from harness.supernets.net import Supernet
from harness.testing.supernets import _splits
from harness.training.settings import SearchSettings
from harness.training.tracking import entropy


def drawn(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64).requires_grad_()


def weights_of(alpha):
    (mixture,) = MaxW().mixture([alpha], None, "weights", 0.0)
    return mixture.operations


def test_the_best_weighs_1_to_the_bit_and_all_their_sum():
    for alpha in (drawn(200, 8), drawn(200, 8).float()):
        p, w = torch.softmax(alpha, dim=-1), weights_of(alpha)
        assert (w.max(dim=-1).values == 1).all()
        assert torch.equal(w.argmax(dim=-1), alpha.argmax(dim=-1))
        torch.testing.assert_close(w.sum(dim=-1), 1 + 8 * (1 - p.max(dim=-1).values))


def test_the_gradient_flows_through_the_maximum():
    alpha, c = drawn(5, 7), drawn(5, 7).detach().flip(0)
    (gradient,) = torch.autograd.grad((c * weights_of(alpha)).sum(), [alpha])
    for row, p, slope in zip(gradient, torch.softmax(alpha, -1).detach(), c, strict=True):
        jacobian = torch.diag(p) - torch.outer(p, p)
        best = torch.zeros(7, dtype=torch.float64)
        best[p.argmax()] = 1
        torch.testing.assert_close(row, jacobian @ (slope - best * slope.sum()), rtol=0, atol=1e-12)


def test_rows_read_probabilities_and_passes_the_weights():
    net = Supernet("nasbench201", _splits(0), SearchSettings(channels=2, cells=1, epochs=1, batch_size=16), 0)
    seen = []
    net.network.register_forward_pre_hook(
        lambda module, inputs: seen.append((module.training, inputs[1].operations.detach()))
    )
    search(net, LevelStep(MixedLevel(), MaxW()))
    (row,) = net.rows
    (mixture,) = Softmax().probabilities([torch.tensor(row["alphas_cell"])])
    assert row["weights_cell"] == mixture.operations.tolist()
    assert row["alpha_entropy_cell"] == entropy(mixture.operations.numpy())
    assert row["relaxation"] == "max-w"
    assert all(((operations.max(dim=1).values == 1).all()) == training for training, operations in seen)
    assert {training for training, _ in seen} == {True, False}
