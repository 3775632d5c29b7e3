"""Training-free methods: the best of some random architectures by a score of their untrained networks.

A score that ranks no better than the number of parameters is no evidence, so `params` and `flops` are methods here, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from harness.methods.base import OwnLoop, SearchResult, first_best, register_method, require
from harness.problem.base import Problem
from harness.problem.offer import Offer
from harness.streams import Streams
from harness.taxonomy import Taxonomy


@dataclass
class _TrainingFree(OwnLoop):
    """The first of the best of some architectures drawn at random, by the score of this name in `harness.live.scores`.

    Nothing is trained and no epoch is spent: the record's ``n_statistics`` says how many networks were scored.

    Parameters
    ----------
    candidates
        How many are drawn and scored.
    """

    candidates: int = 100

    version: ClassVar[str] = "1"
    taxonomy: ClassVar[Taxonomy] = Taxonomy("any", "random", "zero-cost proxy", "none")

    def __post_init__(self) -> None:
        require(self.candidates >= 1, f"{self.name}: candidates must be at least 1, not {self.candidates}")

    @property
    def statistic_names(self) -> tuple[str, ...]:
        """The score that it is called after."""
        return (self.name,)

    def check(self, offer: Offer) -> None:
        """Want networks."""
        require(offer.live, f"{self.name}: wants untrained networks to score, and a table has none")

    def search(self, problem: Problem, streams: Streams) -> SearchResult:
        """Draw, score, choose."""
        uniforms = streams.uniforms("sample")
        drawn = [problem.sample(uniforms) for _ in range(self.candidates)]
        scores = np.array([problem.statistics(arch)[self.name] for arch in drawn])
        return SearchResult(drawn[int(first_best(scores))])


@register_method("naswot")
@dataclass
class Naswot(_TrainingFree):
    """How differently images pass through the ReLUs of the untrained network: the published score is that of CIFAR images."""

    source: ClassVar[str] = "Mellor et al., ICML 2021"


@register_method("synflow")
@dataclass
class Synflow(_TrainingFree):
    """Synaptic flow of the untrained network; reads no image."""

    source: ClassVar[str] = "Tanaka et al., NeurIPS 2020; Abdelfattah et al., ICLR 2021"


@register_method("grad-norm")
@dataclass
class GradNorm(_TrainingFree):
    """Norm of the gradient of the untrained network."""

    source: ClassVar[str] = "Abdelfattah et al., ICLR 2021"


@register_method("params")
@dataclass
class Params(_TrainingFree):
    """Most parameters: what a score has to beat."""

    source: ClassVar[str] = "counted"


@register_method("flops")
@dataclass
class Flops(_TrainingFree):
    """Most floating point operations: what a score has to beat."""

    source: ClassVar[str] = "counted"
