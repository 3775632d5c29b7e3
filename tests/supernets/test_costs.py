"""The expected cost: its gradient, what it does to a search, and where the costs of candidates come from."""

import numpy as np
import pytest
import torch

from harness import HarnessError
from harness.levels import Bilevel
from harness.spaces.registry import cell_space
from harness.supernets import At, LevelStep, Softmax
from harness.supernets.costs import ExpectedCost, by_operation, fitted, operations_counted
from harness.supernets.net import Supernet
from harness.testing.supernets import _splits
from harness.training import discrete
from harness.training.settings import SearchSettings

CELLS = cell_space("nasbench201")
RNG = np.random.default_rng(5)
COSTS = {"cell": RNG.uniform(1, 3, size=(6, 5))}


def net(space="nasbench201", cells=1):
    return Supernet(space, _splits(0), SearchSettings(channels=2, cells=cells, epochs=1, batch_size=16), 0)


def softmax(alpha):
    p = np.exp(alpha)
    return p / p.sum(axis=1, keepdims=True)


# The term


def test_the_gradient_of_the_expected_cost():
    start = RNG.normal(size=(6, 5))
    alpha = torch.from_numpy(start).requires_grad_()
    cost = ExpectedCost.of("lookup", 0.3, COSTS)
    value = cost(Softmax().probabilities([alpha]))
    (found,) = torch.autograd.grad(value, alpha)
    p = softmax(start)
    f = COSTS["cell"] / COSTS["cell"].mean(axis=1).sum()
    assert float(value.detach()) == pytest.approx(0.3 * (p * f).sum(), abs=1e-14)
    np.testing.assert_allclose(found, 0.3 * p * (f - (p * f).sum(axis=1, keepdims=True)), rtol=0, atol=1e-15)


def test_equal_probabilities_cost_the_weight_whatever_the_unit():
    uniform = Softmax().probabilities([torch.zeros(6, 5, dtype=torch.float64)])
    for unit in (1.0, 1e6):
        cost = ExpectedCost.of("lookup", 0.3, {"cell": unit * COSTS["cell"]})
        assert float(cost(uniform)) == pytest.approx(0.3, abs=1e-14)


def test_a_larger_weight_never_raises_the_cost_at_convergence():
    losses = torch.from_numpy(RNG.normal(scale=0.1, size=(6, 5)))
    f = COSTS["cell"] / COSTS["cell"].mean(axis=1).sum()
    reached = []
    for weight in (0.0, 0.5, 2.0, 10.0):
        alpha = torch.zeros(6, 5, dtype=torch.float64, requires_grad=True)
        cost, adam = ExpectedCost.of("lookup", weight, COSTS), torch.optim.Adam([alpha], lr=0.3)
        for _ in range(120):
            adam.zero_grad()
            mixtures = Softmax().probabilities([alpha])
            ((mixtures[0].operations * losses).sum() + cost(mixtures)).backward()
            adam.step()
        # The optimum is a vertex: of every edge the candidate with the least sum of loss and cost.
        best = (losses.numpy() + weight * f).argmin(axis=1)
        assert alpha.argmax(dim=1).tolist() == best.tolist()
        reached.append(f[np.arange(6), best].sum())
    assert reached == sorted(reached, reverse=True)
    assert reached[-1] < reached[0]


def test_a_step_adds_it_to_what_alpha_descends():
    cost = ExpectedCost.of("lookup", 2.0, COSTS)
    gradients = []
    for step in (LevelStep(Bilevel()), LevelStep(Bilevel(), cost=cost)):
        supernet = net()
        moving = step.start(supernet)
        moving._alpha_optimizer.register_step_pre_hook(
            lambda optimizer, *_: gradients.append(optimizer.param_groups[0]["params"][0].grad.clone())
        )
        start = moving.alphas()["cell"].detach().double().numpy()
        moving.begin_epoch(0, 0.1)
        moving(next(supernet.batches(0)), At(0, 0, 0.0))
    p, f = softmax(start), np.array(cost.costs[0])
    expected = 2.0 * p * (f - (p * f).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(gradients[1] - gradients[0], expected, rtol=0, atol=1e-6)
    assert step.words(0) | {"cost": "lookup", "cost_weight": 2.0} == step.words(0)
    assert "cost_r2" not in step.words(0)


# Where costs come from


@pytest.mark.parametrize(("space", "cells"), [("nasbench201", 1), ("darts", 3)])
def test_operations_that_are_counted_are_those_of_the_networks(space, cells):
    supernet = net(space, cells)
    where, costs = supernet.where, operations_counted(supernet)
    rest = set()
    rng = np.random.default_rng(0)
    for _ in range(4):
        arch = where.sample(rng)
        choices = where.choices(arch)
        own = sum(costs[name][np.arange(len(chosen)), list(chosen)].sum() for name, chosen in choices.items())
        rest.add(discrete.multiply_adds(space, arch, supernet.shape) - own)
    assert len(rest) == 1  # stem, halvings, classifier: the same in all
    assert rest.pop() > 0
    assert all(group[:, where.primitives.index("none")].max() == 0 for group in costs.values())


def test_a_lookup_has_a_number_for_every_operation():
    costs = dict(zip(CELLS.primitives, (0.0, 0.1, 1.0, 3.0, 0.5), strict=True))
    assert by_operation(CELLS, costs)["cell"].tolist() == [[0.0, 0.1, 1.0, 3.0, 0.5]] * 6
    with pytest.raises(HarnessError, match=r"cost: unknown operation 'skip_conect'; did you mean 'skip_connect'"):
        by_operation(CELLS, {**costs, "skip_conect": 1.0})
    del costs["none"]
    with pytest.raises(HarnessError, match="cost: none has none; every operation of nasbench201 needs one"):
        by_operation(CELLS, costs)


def test_sums_of_candidates_are_found_again():
    costs, r_squared = fitted(CELLS, lambda arch: COSTS["cell"][np.arange(6), list(arch)].sum(), 20_000)
    assert r_squared == pytest.approx(1, abs=1e-12)
    codes = RNG.integers(0, 5, size=(50, 6))
    np.testing.assert_allclose(
        costs["cell"][np.arange(6), codes].sum(axis=1), COSTS["cell"][np.arange(6), codes].sum(axis=1), atol=1e-10
    )


def test_what_no_sum_explains_is_missing_in_r_squared():
    # Over all cells the effects of different edges are orthogonal, and so is an interaction of two: their shares are known.
    effects, columns = RNG.normal(size=5), RNG.normal(size=(2, 5))
    effects, columns = effects - effects.mean(), columns - columns.mean(axis=1, keepdims=True)
    _, r_squared = fitted(CELLS, lambda a: 7 + effects[a[0]] + columns[0, a[1]] * columns[1, a[2]], 20_000)
    variance = effects.var()
    assert r_squared == pytest.approx(variance / (variance + columns[0].var() * columns[1].var()), abs=1e-12)


def test_costs_in_a_large_space_are_fitted_to_a_sample():
    where, seen = cell_space("darts"), []
    weights = RNG.uniform(1, 3, size=(2, 14, 8))

    def cost(arch):
        seen.append(arch)
        return sum(
            weights[group, np.arange(14), chosen].sum() for group, chosen in enumerate(where.choices(arch).values())
        )

    costs, r_squared = fitted(where, cost, 900)
    assert r_squared == pytest.approx(1, abs=1e-9)
    assert (len(seen), len({*seen})) == (900, 900)
    arch = where.sample(RNG)
    found = sum(costs[name][np.arange(14), chosen].sum() for name, chosen in where.choices(arch).items())
    assert found == pytest.approx(cost(arch), rel=1e-6)


@pytest.mark.parametrize("value", [1.0, np.nan])
def test_a_column_without_differences_is_refused(value):
    with pytest.raises(HarnessError, match="wanted a number for every architecture, and not the same one for all"):
        fitted(CELLS, lambda arch: value, 20_000)


def test_costs_of_nothing_are_refused():
    with pytest.raises(HarnessError, match=r"cost lookup: random architectures cost 0\.0 on average"):
        ExpectedCost.of("lookup", 1.0, {"cell": np.zeros((6, 5))})
