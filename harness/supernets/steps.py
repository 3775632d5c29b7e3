"""What a step is, and the step of the levels. That of single paths is in `harness.supernets.paths`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from harness.levels import Level, Schedule
from harness.supernets.gradient import Draw, LevelGradient
from harness.supernets.mixture import Mixture, Purpose, Relaxation, Softmax
from harness.supernets.net import Batches, Supernet
from harness.training.descent import set_rate

# What a pass in training computes: if drawn paths, its accuracy is not that of what is measured on the validation images.
PATH, MIXTURE = "path", "mixture"


class At(NamedTuple):
    """Where in a search a step is.

    Attributes
    ----------
    epoch, step
        Both from 0; `step` is within the epoch.
    progress
        Share of the search's epochs that are over.
    """

    epoch: int
    step: int
    progress: float


class Passed(NamedTuple):
    """What a step saw of its training batch: the loss, a number, and logits (n, classes), before the weights moved."""

    loss: float
    output: Tensor


class Moving(Protocol):
    """A step at work on one supernet: what it holds is its state."""

    @property
    def passes(self) -> int:
        """Forward-backward passes so far."""

    def __call__(self, batches: Batches, at: At) -> Passed:
        """Move once."""

    def begin_epoch(self, epoch: int, rate: float) -> None:
        """Take the epoch's learning rate of the weights."""

    def probabilities(self) -> list[Mixture] | None:
        """What the architecture parameters prefer, one mixture a group; None where there are none."""

    def alphas(self) -> Mapping[str, Tensor]:
        """The architecture parameters by name; of most relaxations those of the groups, (edges, candidates) each."""

    def evaluated(self, epoch: int) -> Sequence[Mixture] | Iterator[Sequence[Mixture]]:
        """What is measured on the validation images after an epoch, see `Supernet.measure`."""

    def state_dict(self) -> dict[str, Any]:
        """Tensors, numbers and texts in lists and mappings; the network's own weights are kept apart."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave."""


class Step(Protocol):
    """How a supernet is moved: a frozen dataclass of its settings, which is identified by its fields."""

    def words(self, epoch: int) -> Mapping[str, Any]:
        """What the step does in an epoch, as rows and reports call it: ``level``, ``order``, ``update``, ``lambda``, ..."""

    def start(self, net: Supernet) -> Moving:
        """Begin on a supernet."""


@dataclass(frozen=True)
class LevelStep:
    """Single-level, bilevel or mixed-level descent of weights and architecture parameters.

    Parameters
    ----------
    level
        A level, or levels by phase.
    relaxation
        How architecture parameters become weights of the candidates.
    """

    level: Level | Schedule
    relaxation: Relaxation = Softmax()  # noqa: RUF009  (frozen)

    def words(self, epoch: int) -> dict[str, Any]:
        """Level, order, update, λ, relaxation, and what a pass computes."""
        level = self.level.at(epoch)
        return {
            "level": level.name,
            "order": level.order,
            "update": level.update,
            "lambda": level.ratio,
            "relaxation": self.relaxation.word,
            "pass": PATH if self.relaxation.sampled else MIXTURE,
        }

    def start(self, net: Supernet) -> MovingLevel:
        """Begin with SGD on the weights and Adam on the architecture parameters, as the net's settings say."""
        return MovingLevel(self, net)


class MovingLevel:
    """A `LevelStep` at work."""

    def __init__(self, step: LevelStep, net: Supernet) -> None:
        settings = net.settings
        self._step, self._net = step, net
        self._named = net.alphas(step.relaxation)
        self._alphas = list(self._named.values())
        self._weight_optimizer = net.sgd()
        self._alpha_optimizer = torch.optim.Adam(
            self._alphas,
            lr=settings.alpha_learning_rate,
            betas=settings.alpha_betas,
            weight_decay=settings.alpha_weight_decay,
        )
        self._gradient = LevelGradient(
            net.network, self._alphas, self._weight_optimizer, self._alpha_optimizer, clip=settings.clip
        )

    @property
    def passes(self) -> int:
        """Forward-backward passes so far."""
        return self._gradient.passes

    def begin_epoch(self, epoch: int, rate: float) -> None:
        """Set the rate of the weights, and begin the epoch's stream of the relaxation."""
        set_rate(self._weight_optimizer, rate)
        self._rng = self._net.stream("relaxation", epoch)

    def __call__(self, batches: Batches, at: At) -> Passed:
        """Move once, by the level in force."""
        level = self._step.level.at(at.epoch)
        relax = self._step.relaxation

        def draw(purpose: Purpose) -> Draw:
            # All passes of one gradient are given the same numbers; the next gradient goes on behind them.
            place = self._rng.bit_generator.state

            def mixed(alphas: Sequence[Tensor]) -> list[Mixture]:
                self._rng.bit_generator.state = place
                return relax.mixture(alphas, self._rng, purpose, at.progress)

            return mixed

        other = None if level.same_batch else batches.other_train
        done = self._gradient(level, batches.train, batches.valid, other, draw=draw)
        return Passed(float(done.loss), done.output)

    def probabilities(self) -> list[Mixture]:
        """As the relaxation has them."""
        with torch.no_grad():
            return self._step.relaxation.probabilities(self._alphas)

    def alphas(self) -> Mapping[str, Tensor]:
        """The architecture parameters by name."""
        return self._named

    def evaluated(self, epoch: int) -> list[Mixture]:
        """The probabilities."""
        return self.probabilities()

    def state_dict(self) -> dict[str, Any]:
        """Architecture parameters and both optimizers."""
        return {
            "alphas": [alpha.detach() for alpha in self._alphas],
            "weight_optimizer": self._weight_optimizer.state_dict(),
            "alpha_optimizer": self._alpha_optimizer.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict`."""
        with torch.no_grad():
            for alpha, saved in zip(self._alphas, state["alphas"], strict=True):
                alpha.copy_(saved)
        self._weight_optimizer.load_state_dict(state["weight_optimizer"])
        self._alpha_optimizer.load_state_dict(state["alpha_optimizer"])
