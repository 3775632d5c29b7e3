"""BANANAS: an ensemble of predictors over paths, and independent Thompson sampling."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from harness.methods.acquisition import Acquisition
from harness.methods.base import register_method, require
from harness.methods.predicting import Model, Predicting
from harness.spaces.base import Arch, Space
from harness.taxonomy import Taxonomy

Array = NDArray[np.float64]
Codes = NDArray[np.int64]


@register_method("bananas")
@dataclass
class Bananas(Predicting):
    """Fit an ensemble to what was evaluated, and evaluate the candidates that it thinks best, a batch at a time.

    Parameters
    ----------
    init
        Architectures that are drawn before the first fit.
    batch
        Architectures that are evaluated between two fits.
    model
        ``forest``: a random forest, whose trees are the ensemble; ``mlp``: networks of 10 layers of 20 units.
    ensemble
        Number of networks, of ``mlp``; with one alone there is no spread, and sampling is the mean.
    acquisition
        ``its``: independent Thompson sampling; ``ei``: expected improvement; ``ucb``: upper confidence bound; ``mean``.
    beta
        Standard deviations above the mean, of ``ucb``.

    Notes
    -----
    White, Neiswanger and Savani, "BANANAS: Bayesian optimization with neural architectures for neural architecture search",
    AAAI 2021, Algorithm 1. Features are sequences of operations (`Space.paths`) where a space has them, and one-hot elsewhere.
    Candidates, ranks and constraints are those of `harness.methods.predicting`. The forest has 116 trees, a share of 0.17 of
    the features at a split, two architectures at least in a leaf and no bootstrap, as the forest of White, Zela et al., "How
    powerful are performance predictors in neural architecture search?", NeurIPS 2021: on tables it is as good as the networks
    at a tenth of the time. The networks minimise the squared error of normal scores by Adam at 0.01, not the absolute one.

    Not as in the released code (naszilla): there clones are among the mutants, random search beside it is without repeats while
    evolution repeats itself, the population of that evolution stays at 29, and the "GCN" evaluates the first k. NASLib's
    path encoding of NAS-Bench-201 takes the edges in another order, so that two of its four paths are none of the cell's.
    """

    init: int = 10
    batch: int = 10
    model: Literal["forest", "mlp"] = "forest"
    ensemble: int = 5
    acquisition: Acquisition = "its"
    beta: float = 2.576

    version: ClassVar[str] = "1"
    source: ClassVar[str] = "White, Neiswanger and Savani, AAAI 2021, Algorithm 1"
    taxonomy: ClassVar[Taxonomy] = Taxonomy("any", "predictor", "predictor", "none")
    requires: ClassVar[tuple[str, ...]] = ("scikit-learn",)

    def __post_init__(self) -> None:
        for name in ("init", "batch", "ensemble"):
            require(getattr(self, name) >= 1, f"bananas: {name} must be at least 1, not {getattr(self, name)}")
        require(bool(np.isfinite(self.beta)), f"bananas: beta must be a finite number, not {self.beta}")

    @property
    def first(self) -> int:
        """See `Predicting.first`."""
        return self.init

    def choose(self, k: int) -> Iterable[Arch]:
        """The candidates of the greatest acquisition."""
        return self.order(self.acquisition, self.beta)(self.candidates())

    def fit(self, codes: Codes, targets: Array, what: str, seed: int) -> Model:
        """Fit the ensemble."""
        space = self.problem.space
        members = _trees(seed) if self.model == "forest" else _networks(seed, self.ensemble)
        predict = members(features(space, codes), targets)

        def model(others: Codes) -> tuple[Array, Array]:
            predicted = predict(features(space, others))
            return predicted.mean(axis=0), predicted.std(axis=0)

        return model


def features(space: Space, codes: Codes) -> Array:
    """What the ensemble sees of architectures: paths where the space has them, else one column a choice."""
    paths = space.paths(codes)
    return space.one_hot(codes) if paths is None else paths


Fit = Callable[[Array, Array], Callable[[Array], Array]]  # features and targets -> features -> predictions (members, n)


def _trees(seed: int) -> Fit:
    def fit(x: Array, y: Array) -> Callable[[Array], Array]:
        from sklearn.ensemble import RandomForestRegressor

        forest = RandomForestRegressor(
            n_estimators=116, max_features=0.17, min_samples_leaf=2, bootstrap=False, random_state=seed
        ).fit(x, y)
        # Each tree's own method would check the features anew.
        return lambda others: _stacked(others.astype(np.float32), [tree.tree_.predict for tree in forest.estimators_])

    return fit


def _networks(seed: int, count: int) -> Fit:
    def fit(x: Array, y: Array) -> Callable[[Array], Array]:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.neural_network import MLPRegressor

        networks = [
            MLPRegressor(
                hidden_layer_sizes=(20,) * 10,
                learning_rate_init=0.01,
                batch_size=min(32, len(x)),
                random_state=(seed + number) % 2**32,
            )
            for number in range(count)
        ]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # 200 epochs are what is meant
            for network in networks:
                network.fit(x, y)
        return lambda others: _stacked(others, [network.predict for network in networks])

    return fit


def _stacked(x: Array, members: list[Callable[[Any], Any]]) -> Array:
    return np.stack([np.ravel(member(x)) for member in members])
