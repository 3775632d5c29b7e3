"""What a step is, and the step of the levels. That of single paths is in `harness.supernets.paths`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

import torch
from torch import Tensor

from harness.errors import HarnessError
from harness.levels import Level, Schedule
from harness.supernets.beside import Beside
from harness.supernets.costs import ExpectedCost
from harness.supernets.gradient import Asked, Computed, Draw, LevelGradient, compute
from harness.supernets.mixture import Choice, Mixture, Purpose, Relaxation, Softmax, fix
from harness.supernets.net import Batches, Mixed, Supernet
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
class AlphaSchedule:
    """When architecture parameters move; the weights always do.

    Parameters
    ----------
    alpha_from
        Share of the search's epochs that are over before α moves for the first time, in [0, 1]: a warm-up of the weights;
        with 1 it never moves.
    alpha_every
        α moves with every n-th step, counted over the whole search: with steps n - 1, 2n - 1, ... from 0.

    Raises
    ------
    HarnessError
        If a number is out of its range.
    """

    alpha_from: float = 0.0
    alpha_every: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.alpha_from <= 1:
            raise HarnessError(f"schedule: alpha_from must be a share of the epochs in [0, 1], not {self.alpha_from!r}")
        if self.alpha_every < 1:
            raise HarnessError(f"schedule: alpha_every must be at least 1, not {self.alpha_every!r}")

    def moves(self, at: At, steps: int) -> bool:
        """Whether α moves at a place in the search; `steps` is their number in an epoch."""
        return at.progress >= self.alpha_from and (at.epoch * steps + at.step + 1) % self.alpha_every == 0

    def words(self) -> dict[str, Any]:
        """What differs from moving α with every step."""
        found = {"alpha_from": self.alpha_from, "alpha_every": self.alpha_every}
        return {name: value for name, value in found.items() if value != getattr(AlphaSchedule, name)}


@dataclass(frozen=True)
class LevelStep:
    """Single-level, bilevel or mixed-level descent of weights and architecture parameters.

    Parameters
    ----------
    level
        A level, or levels by phase.
    relaxation
        How architecture parameters become weights of the candidates.
    schedule
        When architecture parameters move.
    unsampled
        What becomes of the weights that no sampled path of a step uses: ``"decay"``, where momentum and weight decay go on, or
        ``"frozen"``, as in `harness.supernets.paths.PathStep`.
    cost
        What α descends besides the losses; None: nothing.
    """

    level: Level | Schedule
    relaxation: Relaxation = Softmax()  # noqa: RUF009  (frozen)
    schedule: AlphaSchedule = field(default=AlphaSchedule(), metadata={"later": True})
    unsampled: Literal["decay", "frozen"] = field(default="decay", metadata={"later": True})
    cost: ExpectedCost | None = field(default=None, metadata={"later": True})

    def words(self, epoch: int) -> dict[str, Any]:
        """Level, order, update, λ, relaxation, what a pass computes; a schedule of α and a cost if there are."""
        level = self.level.at(epoch)
        return {
            "level": level.name,
            "order": level.order,
            "update": level.update,
            "lambda": level.ratio,
            "relaxation": self.relaxation.word,
            "pass": PATH if self.relaxation.sampled else MIXTURE,
            **self.schedule.words(),
            **({} if self.cost is None else self.cost.words()),
        }

    def start(self, net: Supernet) -> MovingLevel:
        """Begin with SGD on the weights and Adam on the architecture parameters, as the net's settings say."""
        return MovingLevel(self, net)


class MovingLevel:
    """A `LevelStep` at work.

    Attributes
    ----------
    fixed
        Edges that a selection has decided, for all passes and for the probabilities; it keeps them itself over a kill.
    """

    fixed: Sequence[Choice] = ()

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
            net.network,
            self._alphas,
            self._weight_optimizer,
            self._alpha_optimizer,
            clip=settings.clip,
            penalty=None if step.cost is None else self._penalty,
            frozen=step.unsampled == "frozen",
            compute=self._compute,
        )

    @property
    def places(self) -> int:
        """How many searches share a pass: 1 where this one's mixtures cannot be computed beside others."""
        net, relax = self._net, self._step.relaxation
        whole = all(mixture.edges is None for mixture in relax.probabilities(self._alphas))
        return net.settings.side_by_side if whole and not relax.sampled and isinstance(net.form, Mixed) else 1

    @property
    def _compute(self) -> Callable[[Asked], Computed]:
        if self.places == 1:
            return compute
        return Beside(self.places).alone if self._net.turn is None else self._net.turn.ask

    def _penalty(self, alphas: Sequence[Tensor]) -> Tensor:
        assert self._step.cost is not None
        return self._step.cost(self._step.relaxation.probabilities(alphas))

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
                return fix(relax.mixture(alphas, self._rng, purpose, at.progress), self.fixed)

            return mixed

        if self._step.schedule.moves(at, self._net.steps):
            other = None if level.same_batch else batches.other_train
            done = self._gradient(level, batches.train, batches.valid, other, draw=draw)
        else:
            done = self._gradient.move_weights(level, batches.train, draw=draw)
        return Passed(float(done.loss), done.output)

    def probabilities(self) -> list[Mixture]:
        """As the relaxation has them, but for decided edges."""
        with torch.no_grad():
            return fix(self._step.relaxation.probabilities(self._alphas), self.fixed)

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
