"""Bayesian optimisation: its kernel, its posterior, and what labels of choices do not change."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.methods.base import make_method, run_search
from harness.methods.bo_gp import EVERY, FROM, BayesianOptimisation, GaussianProcess, distances, likeliest
from harness.problem.budget import Budget
from harness.spaces.base import Arch, CategoricalSpace
from harness.streams import Streams
from harness.tabular.problem import TabularProblem
from harness.tabular.table import Table

CARDINALITIES = (5, 3, 4)
ALL = np.array([[i, j, k] for i in range(5) for j in range(3) for k in range(4)])


@pytest.mark.parametrize("length", [0.5, 2.0, 12.0])
def test_eigenvalues_of_the_kernel_over_a_whole_space(length: float) -> None:
    """The Gram matrix is a Kronecker product of (1 - rho) I + rho 1 over the variables."""
    rho = math.exp(-1 / length)
    eigenvalues = np.linalg.eigvalsh(np.exp(-distances(ALL, ALL) / length))
    least, most = math.prod(1 - rho for _ in CARDINALITIES), math.prod(1 + (c - 1) * rho for c in CARDINALITIES)
    assert eigenvalues[0] == pytest.approx(least, abs=1e-12)
    assert eigenvalues[-1] == pytest.approx(most, rel=1e-12)


def test_a_gaussian_of_the_hamming_distance_is_no_covariance() -> None:
    cube = np.array(list(np.ndindex(5, 5, 5)))
    assert np.linalg.eigvalsh(np.exp(-(distances(cube, cube) ** 2)))[0] == pytest.approx(-0.05, abs=0.005)


@pytest.fixture
def seen() -> tuple[np.ndarray, np.ndarray]:
    """25 of the 60 architectures, and numbers."""
    rng = np.random.default_rng(3)
    return ALL[rng.permutation(60)[:25]], rng.standard_normal(25)


@pytest.mark.parametrize(("length", "noise"), [(0.5, 0.2), (3.0, 0.01), (12.0, 1e-4)])
def test_the_posterior_is_scikit_learns(length: float, noise: float, seen: tuple[np.ndarray, np.ndarray]) -> None:
    kernels = pytest.importorskip("sklearn.gaussian_process.kernels", reason="needs the extra `models`")
    from sklearn.gaussian_process import GaussianProcessRegressor

    codes, targets = seen
    process = GaussianProcess(codes, targets, length, noise)
    space = CategoricalSpace("s", {f"v{i}": [str(j) for j in range(n)] for i, n in enumerate(CARDINALITIES)})
    # The squared distance of one-hot codes is twice the number of variables that differ.
    kernel = kernels.ConstantKernel(process.variance) * kernels.RBF(math.sqrt(length))
    peer = GaussianProcessRegressor(kernel, alpha=process.variance * noise, optimizer=None)
    peer.fit(space.one_hot(codes), targets)
    mean, std = process(ALL)
    expected_mean, expected_std = peer.predict(space.one_hot(ALL), return_std=True)
    np.testing.assert_allclose(mean, expected_mean, atol=1e-8)
    np.testing.assert_allclose(std, expected_std, atol=1e-8)
    assert process.log_likelihood == pytest.approx(peer.log_marginal_likelihood_value_, abs=1e-8)
    # The variance is the likeliest one.
    for factor in (0.99, 1.01):
        other = kernels.ConstantKernel(process.variance * factor) * kernels.RBF(math.sqrt(length))
        worse = GaussianProcessRegressor(other, alpha=process.variance * noise * factor, optimizer=None)
        worse.fit(space.one_hot(codes), targets)
        assert worse.log_marginal_likelihood_value_ < process.log_likelihood


def test_without_noise_it_interpolates(seen: tuple[np.ndarray, np.ndarray]) -> None:
    codes, targets = seen
    mean, std = GaussianProcess(codes, targets, 2.0, 0.0)(codes)
    np.testing.assert_allclose(mean, targets, atol=1e-10)
    np.testing.assert_allclose(std, 0.0, atol=1e-6)
    with pytest.raises(HarnessError, match="an architecture stands twice"):
        GaussianProcess(codes[[0, 0, 1]], targets[:3], 2.0, 0.0)


def test_length_and_noise_are_the_likeliest(seen: tuple[np.ndarray, np.ndarray]) -> None:
    codes, targets = seen
    lengths, noises = [0.5, 1.0, 4.0], [0.01, 0.2]
    grid = {pair: GaussianProcess(codes, targets, *pair).log_likelihood for pair in itertools.product(lengths, noises)}
    assert likeliest(codes, targets, lengths, noises) == max(grid, key=lambda pair: grid[pair])
    # What falls off slowly is told from what does not.
    smooth = codes.sum(axis=1).astype(float)
    assert likeliest(codes, smooth - smooth.mean(), lengths, noises)[0] == 4.0


def test_above_100_evaluations_length_and_noise_stand_for_25(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = []

    def note(codes: np.ndarray, *_: object) -> tuple[float, float]:
        chosen.append(len(codes))
        return 1.0, 0.1

    monkeypatch.setattr("harness.methods.bo_gp.likeliest", note)
    method = BayesianOptimisation()
    method._chosen = {}
    rng = np.random.default_rng(0)
    for n in range(98, 153):
        method.fit(rng.integers(3, size=(n, 6)), rng.standard_normal(n), "score", 0)
    assert (FROM, EVERY) == (100, 25)
    assert chosen == [98, 99, 100, 125, 150]


class Relabelled(CategoricalSpace):
    """A space whose choices have other numbers; neighbours come in the order that they had."""

    orders: Sequence[np.ndarray]

    def neighbours(self, arch: Sequence[int]) -> Iterator[Arch]:
        old = [int(np.flatnonzero(order == choice)[0]) for order, choice in zip(self.orders, arch, strict=True)]
        for near in super().neighbours(old):
            yield tuple(int(order[choice]) for order, choice in zip(self.orders, near, strict=True))


@pytest.mark.parametrize("acquisition", ["its", "ei", "ucb"])
def test_numbers_of_choices_do_not_matter(acquisition: str, make_table: Callable[..., Table]) -> None:
    table, rng = make_table(missing=0.2), np.random.default_rng(1)
    assert isinstance(table.space, CategoricalSpace)
    orders = [rng.permutation(cardinality) for cardinality in table.space.cardinalities]
    space = Relabelled(table.space.name, dict(table.space.variables))
    space.orders = orders
    codes = np.stack([order[column] for order, column in zip(orders, table.codes.T, strict=True)], axis=1)
    rows = np.full(space.size, -1, dtype=np.int32)
    rows[space.indices(codes)] = np.arange(len(codes))
    relabelled = dataclasses.replace(table, space=space, codes=codes, rows=rows)
    histories = []
    for one in (table, relabelled):
        problem = TabularProblem(one, Budget("evaluations", 40))
        run_search(make_method("bo-gp", acquisition=acquisition), problem, Streams(one.name, 2))
        histories.append(problem.history)
    np.testing.assert_array_equal(*histories)
