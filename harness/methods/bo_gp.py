"""Bayesian optimisation with a Gaussian process over a categorical space."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from harness.errors import HarnessError
from harness.methods.base import register_method, require
from harness.methods.predicting import Predicting
from harness.problem.base import Problem
from harness.spaces.base import Arch
from harness.streams import Streams
from harness.taxonomy import Taxonomy

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

EVERY, FROM = 25, 100  # above so many evaluations, length and noise are chosen again after each so many


@register_method("bo-gp")
@dataclass
class BayesianOptimisation(Predicting):
    """Bayesian optimisation: a Gaussian process over Hamming distances says which candidate is evaluated next.

    Parameters
    ----------
    init
        Architectures that are drawn before the first fit.
    batch
        Architectures that are evaluated between two fits: those of the greatest acquisition.
    acquisition
        ``its``: independent Thompson sampling; ``ei``: expected improvement; ``ucb``: upper confidence bound.
    beta
        Standard deviations above the mean, of ``ucb``.
    lengths
        Lengths of the kernel among which the marginal likelihood chooses, in differing variables.
    noises
        Variances of noise among which it chooses, in parts of the variance of the process.

    Notes
    -----
    The kernel is exp(-d / length) with d the number of variables in which two architectures differ: a product over variables, so
    positive definite, as exp(-d^2) is not (on 5^3 its smallest eigenvalue is -0.05). Rasmussen and Williams, "Gaussian
    processes for machine learning", 2006, Algorithm 2.1. Length and noise are chosen by the marginal likelihood with the variance
    of the process in closed form, anew after every evaluation, above 100 after every 25. Candidates, ranks and constraints are
    those of `harness.methods.predicting`.

    Auto-Keras (Jin, Song and Hu, KDD 2019; release 0.3.7) is what this strategy is best known by, and is not rebuilt here. There
    the training kernel is that of a Bourgain embedding and the test kernel exp(-d^2) of the raw edit distances; scores are not
    centred; every fit sets the global seed; and candidates come of annealing over the models evaluated.
    """

    init: int = 10
    batch: int = 1
    acquisition: Literal["its", "ei", "ucb"] = "its"
    beta: float = 2.576
    lengths: list[float] = field(default_factory=lambda: [0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0])
    noises: list[float] = field(default_factory=lambda: [1e-4, 0.01, 0.05, 0.2])

    version: ClassVar[str] = "1"
    source: ClassVar[str] = "Rasmussen and Williams 2006, Algorithm 2.1; Jin, Song and Hu, KDD 2019"
    taxonomy: ClassVar[Taxonomy] = Taxonomy("any", "bayesian", "predictor", "none")

    def __post_init__(self) -> None:
        for name in ("init", "batch"):
            require(getattr(self, name) >= 1, f"bo-gp: {name} must be at least 1, not {getattr(self, name)}")
        require(bool(np.isfinite(self.beta)), f"bo-gp: beta must be a finite number, not {self.beta}")
        for name in ("lengths", "noises"):
            values = getattr(self, name)
            require(bool(values), f"bo-gp: {name} must not be empty")
            for value in values:
                require(0 < value < float("inf"), f"bo-gp: {name} must be finite numbers above 0, not {value}")

    @property
    def first(self) -> int:
        """See `Predicting.first`."""
        return self.init

    def start(self, problem: Problem, streams: Streams) -> None:
        """Begin with no length and no noise chosen."""
        super().start(problem, streams)
        self._chosen: dict[
            str, tuple[int, float, float]
        ] = {}  # of each model: evaluations at the choice, length, noise

    def choose(self, k: int) -> Iterable[Arch]:
        """The candidate of the greatest acquisition."""
        return self.order(self.acquisition, self.beta)(self.candidates())

    def fit(self, codes: Codes, targets: Array, what: str, seed: int) -> GaussianProcess:
        """Choose length and noise if it is time to, and fit."""
        n = len(codes)
        at, length, noise = self._chosen.get(what, (0, 0.0, 0.0))
        if not at or n <= FROM or n >= at + EVERY:
            length, noise = likeliest(codes, targets, self.lengths, self.noises)
            self._chosen[what] = n, length, noise
        return GaussianProcess(codes, targets, length, noise)


class GaussianProcess:
    """The posterior of a process of mean 0 and covariance v exp(-d / length), seen with noise of variance v * noise.

    Parameters
    ----------
    codes, targets
        (n, variables) architectures and (n,) what was seen there.
    length
        In differing variables, above 0.
    noise
        In parts of the variance of the process, at least 0.

    Attributes
    ----------
    variance
        v, at which the likelihood is greatest.
    log_likelihood
        Of the targets at that variance.

    Raises
    ------
    HarnessError
        If the covariance is singular: an architecture stands twice, and there is no noise.
    """

    def __init__(self, codes: Codes, targets: Array, length: float, noise: float) -> None:
        self._codes, self._length = codes, length
        self.factor = _cholesky(np.exp(-distances(codes, codes) / length), noise)
        whitened = solve_triangular(self.factor, targets, lower=True, check_finite=False)
        self.variance, self.log_likelihood = _likelihood(self.factor, whitened)
        self._weights = solve_triangular(self.factor, whitened, lower=True, trans="T", check_finite=False)

    def __call__(self, codes: Codes) -> tuple[Array, Array]:
        """Mean and standard deviation of the process, without noise, at `codes` (m, variables): (m,) each."""
        covariance = np.exp(-distances(self._codes, codes) / self._length)  # (n, m)
        whitened = solve_triangular(self.factor, covariance, lower=True, check_finite=False)
        variance = self.variance * np.maximum(1.0 - (whitened**2).sum(axis=0), 0.0)
        return self._weights @ covariance, np.sqrt(variance)


def likeliest(codes: Codes, targets: Array, lengths: Sequence[float], noises: Sequence[float]) -> tuple[float, float]:
    """Length and noise of the greatest likelihood, the first of equals; see `GaussianProcess`."""
    apart = distances(codes, codes)
    kernels = {length: np.exp(-apart / length) for length in lengths}

    def of(pair: tuple[float, float]) -> float:
        factor = _cholesky(kernels[pair[0]], pair[1])
        return _likelihood(factor, solve_triangular(factor, targets, lower=True, check_finite=False))[1]

    return max(product(lengths, noises), key=of)


def distances(one: Codes, other: Codes) -> Array:
    """Number of variables in which architectures (n, variables) and (m, variables) differ: (n, m)."""
    return (one[:, None, :] != other[None, :, :]).sum(axis=-1).astype(np.float64)


def _cholesky(kernel: Array, noise: float) -> Array:
    covariance = kernel + noise * np.eye(len(kernel))
    try:
        factor = np.asarray(np.linalg.cholesky(covariance), dtype=np.float64)
    except np.linalg.LinAlgError:
        raise HarnessError(f"a Gaussian process of noise {noise:g} is singular: an architecture stands twice") from None
    return factor


def _likelihood(factor: Array, whitened: Array) -> tuple[float, float]:
    """Variance of the greatest likelihood, in closed form, and its logarithm (Rasmussen and Williams, eq. 2.30)."""
    n = len(whitened)
    variance = max(float(whitened @ whitened) / n, np.finfo(np.float64).tiny)
    determinant = float(np.log(np.diag(factor)).sum())
    return variance, -determinant - 0.5 * n * (np.log(2 * np.pi * variance) + 1.0)
