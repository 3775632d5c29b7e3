"""The step of single paths: every step trains the weights of one architecture (Guo et al., ECCV 2020)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from harness.spaces.base import Arch, Space
from harness.supernets.archive import Archive, Counts
from harness.supernets.mixture import Mixture
from harness.supernets.net import Batch, Batches, Supernet
from harness.supernets.steps import PATH, At, Passed
from harness.training.descent import set_rate


class Sampler(Protocol):
    """Which architecture is trained next. A frozen dataclass: what it remembers is the archive that it is handed."""

    word: ClassVar[str]  # what rows and reports call it
    remembers: ClassVar[bool]  # whether it wants an archive

    def draw(self, space: Space, rng: np.random.Generator, archive: Archive) -> Arch:
        """Draw an architecture.

        Parameters
        ----------
        space, rng
            The space, and the only source of chance.
        archive
            All architectures that were trained so far, in order; empty unless it remembers.
        """


@dataclass(frozen=True)
class Uniform:
    """Every variable uniformly: single-path one-shot (Guo et al., ECCV 2020), random search with weight sharing."""

    word: ClassVar[str] = "uniform"
    remembers: ClassVar[bool] = False

    def draw(self, space: Space, rng: np.random.Generator, archive: Archive) -> Arch:
        """Draw from the space."""
        return space.sample(rng)


@dataclass(frozen=True)
class Novelty:
    """The most novel of some architectures drawn uniformly: EN2AS (Zhang et al., "One-shot neural architecture search via
    novelty driven sampling", IJCAI 2020).

    This is what the paper means. In the released code every search keeps the architectures it began with: distances are taken of
    half of each vector, reduction cells are stored at another's place, and rounding undoes every move.

    Parameters
    ----------
    candidates
        How many are drawn for a step; the first of the most novel ones is trained. One is `Uniform`, to the bit.
    neighbours
        Novelty is the mean distance to so many nearest architectures of all that were trained, or to all while they are fewer.
    """

    candidates: int = 20
    neighbours: int = 10

    word: ClassVar[str] = "novelty"
    remembers: ClassVar[bool] = True

    def draw(self, space: Space, rng: np.random.Generator, archive: Archive) -> Arch:
        """Draw, compare, choose."""
        drawn = [space.sample(rng) for _ in range(self.candidates)]
        return drawn[int(np.argmax(novelty(archive.distances(drawn), self.neighbours)))]


def novelty(distances: Counts, neighbours: int) -> NDArray[np.float64]:
    """Mean of the smallest distances of each row, (n, archive) -> (n,); 0 while nothing was trained."""
    count = min(neighbours, distances.shape[1])
    if not count:
        return np.zeros(len(distances))
    nearest = np.partition(distances, count - 1, axis=1)[:, :count]
    return nearest.mean(axis=1)


@dataclass(frozen=True)
class PathStep:
    """One architecture a step, drawn by a sampler.

    Parameters
    ----------
    sampler
        Which architecture.
    unsampled
        What becomes of the weights that it does not use: ``"decay"``, where momentum and weight decay go on, or ``"frozen"``.
    """

    sampler: Sampler = Uniform()
    unsampled: Literal["decay", "frozen"] = "decay"

    def words(self, epoch: int) -> dict[str, Any]:
        """No level: nothing but weights moves, and a pass is one path."""
        return {"level": "SharedWeights", "update": "", "relaxation": self.sampler.word, "pass": PATH}

    def start(self, net: Supernet) -> MovingPath:
        """Begin with SGD, as the net's settings say."""
        return MovingPath(self, net)


class MovingPath:
    """A `PathStep` at work."""

    def __init__(self, step: PathStep, net: Supernet) -> None:
        self.passes = 0
        self._step, self._net = step, net
        self._weights = list(net.network.parameters())
        self._optimizer = net.sgd()
        self._archive = Archive(net.where)

    def begin_epoch(self, epoch: int, rate: float) -> None:
        """Set the rate of the weights, and begin the epoch's stream of architectures."""
        set_rate(self._optimizer, rate)
        self._rng = self._net.stream("architectures", epoch)

    def __call__(self, batches: Batches, at: At) -> Passed:
        """Train one architecture."""
        arch = self._step.sampler.draw(self._net.where, self._rng, self._archive)
        if self._step.sampler.remembers:
            self._archive.append(arch)
        return self.train(arch, batches.train)

    def train(self, arch: Arch, batch: Batch) -> Passed:
        """Move the weights of an architecture on a batch."""
        images, labels = batch
        logits: Tensor = self._net.network(images, *self._net.path(arch))
        loss = F.cross_entropy(logits, labels)
        # With zeros for what the architecture does not use, momentum and decay go on there, after a checkpoint too.
        decays = self._step.unsampled == "decay"
        gradients = torch.autograd.grad(loss, self._weights, allow_unused=True, materialize_grads=decays)
        self.move(gradients)
        self.passes += 1
        return Passed(float(loss.detach()), logits.detach())

    def move(self, gradients: Sequence[Tensor | None]) -> None:
        """Clip the gradients of all weights, and take one step; what has none stays as it is."""
        for weight, gradient in zip(self._weights, gradients, strict=True):
            weight.grad = gradient
        nn.utils.clip_grad_norm_(self._weights, self._net.settings.clip)
        self._optimizer.step()

    def probabilities(self) -> None:
        """There are none."""

    def alphas(self) -> Mapping[str, Tensor]:
        """There are none."""
        return {}

    def evaluated(self, epoch: int) -> Iterator[list[Mixture]]:
        """An architecture drawn uniformly for each batch."""
        rng = self._net.stream("architectures-valid", epoch)
        return iter([self._net.path(self._net.where.sample(rng)) for _ in range(self._net.measured)])

    def state_dict(self) -> dict[str, Any]:
        """The optimizer, and what the sampler remembers."""
        return {"optimizer": self._optimizer.state_dict(), "archive": [list(arch) for arch in self._archive]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict`."""
        self._optimizer.load_state_dict(state["optimizer"])
        self._archive = Archive(self._net.where, [tuple(arch) for arch in state["archive"]])
