"""NARS: a predictor that is pretrained on what can be counted."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from harness.methods.base import register_method, require
from harness.methods.predicting import Model, Predicting
from harness.problem.base import Problem
from harness.spaces.base import Arch
from harness.streams import Streams
from harness.taxonomy import Taxonomy

if TYPE_CHECKING:
    from sklearn.neural_network import MLPRegressor

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

WIDTH, STEPS = 64, 200  # units of a hidden layer; steps of L-BFGS at most


@register_method("nars")
@dataclass
class NARS(Predicting):
    """Pretrain a network on a statistic of many architectures, then let it choose what is evaluated, a batch at a time.

    Parameters
    ----------
    batch
        Architectures that are evaluated between two fits; the first batch is drawn.
    pretrain
        Whether the network is pretrained.
    statistic
        What it is pretrained on: something that `Problem.statistics` says of an architecture.
    pool
        Architectures that are drawn for that and whose statistic is asked for.
    generations
        Rounds of evolution on the predictor: all neighbours of the batch that it thinks best join the candidates.

    Notes
    -----
    Dai et al., "FBNetV3: Joint architecture-recipe search using predictor pretraining", CVPR 2021, section 3, without the
    recipe: a table has one. The network has one column a choice, two layers of 64 units and one output, and is trained on normal
    scores by L-BFGS, which learns a statistic that is linear in the code far better than Adam in the same time. Each fit begins
    with the pretrained layers and a new output, as in the paper, and not with the last fit. There the predictor chooses
    from a pool first, and evolution on it comes at the end; here both are in every batch, and the other rules are those
    of `harness.methods.predicting`.

    Pretraining need not help: the guide has the rank agreement with and without it.
    """

    batch: int = 20
    pretrain: bool = True
    statistic: str = "params"
    pool: int = 1000
    generations: int = 1

    version: ClassVar[str] = "1"
    source: ClassVar[str] = "Dai et al., CVPR 2021, section 3"
    taxonomy: ClassVar[Taxonomy] = Taxonomy("any", "predictor", "predictor", "none")
    requires: ClassVar[tuple[str, ...]] = ("scikit-learn",)

    def __post_init__(self) -> None:
        require(self.batch >= 1, f"nars: batch must be at least 1, not {self.batch}")
        require(self.pool >= 2, f"nars: pool must be at least 2, not {self.pool}")
        require(self.generations >= 0, f"nars: generations must be at least 0, not {self.generations}")

    @property
    def statistic_names(self) -> tuple[str, ...]:
        """The statistic, if the network is pretrained."""
        return (self.statistic,) if self.pretrain else ()

    @property
    def first(self) -> int:
        """See `Predicting.first`."""
        return self.batch

    def start(self, problem: Problem, streams: Streams) -> None:
        """Begin without a network."""
        super().start(problem, streams)
        self.pretrained: MLPRegressor | None = None

    def choose(self, k: int) -> Iterable[Arch]:
        """What the network thinks best, after some generations."""
        if self.pretrain and self.pretrained is None:
            self.pretrained = self._pretrained()
        order = self.order("mean")
        chosen = order(self.candidates())
        for _ in range(self.generations):
            children = filter(self.is_new, self.neighbours(chosen[:k]))
            chosen = order(list(dict.fromkeys([*chosen, *children])))
        return chosen

    def fit(self, codes: Codes, targets: Array, what: str, seed: int) -> Model:
        """Train from the pretrained layers on."""
        if self.pretrained is None:
            network = _network(seed)
        else:
            network = deepcopy(self.pretrained)
            # The output is new: drawn as scikit-learn draws it (Glorot and Bengio 2010).
            bound = np.sqrt(6.0 / (WIDTH + 1))
            rng = np.random.RandomState(seed)
            network.coefs_[-1] = rng.uniform(-bound, bound, (WIDTH, 1))
            network.intercepts_[-1] = rng.uniform(-bound, bound, 1)
        _train(network, self.problem.space.one_hot(codes), targets)
        return self._model(network)

    def _model(self, network: MLPRegressor) -> Model:
        def model(codes: Codes) -> tuple[Array, Array]:
            return network.predict(self.problem.space.one_hot(codes)), np.zeros(len(codes))

        return model

    def _pretrained(self) -> MLPRegressor:
        """A network of the statistic, standardised; an architecture without a finite one is left out."""
        draws, problem = self.streams.uniforms("statistics"), self.problem
        archs = list(dict.fromkeys(problem.identity(problem.sample(draws)) for _ in range(self.pool)))
        values = np.array([problem.statistics(arch)[self.statistic] for arch in archs])
        known = np.isfinite(values)
        require(known.sum() > 1, f"nars: statistic {self.statistic} of no two architectures is a finite number")
        values = values[known]
        network = _network(self.streams.seed("statistics"))
        spread = values.std() or 1.0
        codes = np.array(archs)[known]
        return _train(network, problem.space.one_hot(codes), (values - values.mean()) / spread)


def _network(seed: int) -> MLPRegressor:
    from sklearn.neural_network import MLPRegressor

    return MLPRegressor(
        hidden_layer_sizes=(WIDTH, WIDTH), solver="lbfgs", max_iter=STEPS, warm_start=True, random_state=seed
    )


def _train(network: MLPRegressor, x: Array, y: Array) -> MLPRegressor:
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # so many steps are what is meant
        return network.fit(x, y)
