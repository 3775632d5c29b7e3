"""Steps of elastic supernets: several networks a step, the smaller ones taught by the largest."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.errors import HarnessError
from harness.spaces.base import Arch
from harness.spaces.cells import CellSpace
from harness.supernets.elastic import sort_channels
from harness.supernets.net import Batches, Supernet
from harness.supernets.paths import MovingPath, PathStep, Uniform
from harness.supernets.stages import stage_ends
from harness.supernets.steps import PATH, At, Passed


def soft_cross_entropy(logits: Tensor, teacher: Tensor) -> Tensor:
    """Mean cross-entropy (n, classes) of the teacher's probabilities, through which no gradient goes."""
    return -(teacher.detach().softmax(dim=1) * logits.log_softmax(dim=1)).sum(dim=1).mean()


def extremes(where: CellSpace) -> tuple[Arch, Arch]:
    """The largest and the smallest network of a space in which all are parts of the largest.

    Raises
    ------
    HarnessError
        If it is another space.
    """
    if where.nested is None:
        raise HarnessError(
            f"space {where.name}: its networks are no parts of a largest one, so that there is nothing elastic"
        )
    return where.nested


class _Moving(MovingPath):
    """What sums the gradients of several networks before it moves the weights."""

    def begin(self) -> None:
        """Forget all gradients."""
        self._sums: list[Tensor | None] = [None] * len(self._weights)

    def add(self, loss: Tensor) -> None:
        """Add the gradient of a loss: one pass."""
        gradients = torch.autograd.grad(loss, self._weights, allow_unused=True)
        for place, gradient in enumerate(gradients):
            if gradient is not None:
                present = self._sums[place]
                self._sums[place] = gradient if present is None else present + gradient
        self.passes += 1

    def move_by_sum(self) -> None:
        """Take one step. Weights that nothing used have a gradient of 0: momentum and decay go on."""
        pairs = zip(self._weights, self._sums, strict=True)
        self.move([torch.zeros_like(weight) if gradient is None else gradient for weight, gradient in pairs])


@dataclass(frozen=True)
class SandwichStep:
    """The sandwich rule with in-place distillation (Yu et al., "BigNAS", ECCV 2020, section 3.1).

    A step trains the largest network by the labels; some random ones and the smallest by the largest's output of the same step.
    Their gradients are summed and weights decay once, as those of the largest alone would.

    Parameters
    ----------
    randoms
        Random networks a step; the paper has 2.
    """

    randoms: int = 2

    def words(self, epoch: int) -> dict[str, Any]:
        """As of single paths."""
        return {"level": "SharedWeights", "update": "", "relaxation": "sandwich", "pass": PATH}

    def start(self, net: Supernet) -> MovingSandwich:
        """Begin with SGD, as the net's settings say."""
        return MovingSandwich(self, net)


class MovingSandwich(_Moving):
    """A `SandwichStep` at work."""

    def __init__(self, step: SandwichStep, net: Supernet) -> None:
        super().__init__(PathStep(Uniform()), net)
        self._randoms = step.randoms
        self._largest, self._smallest = extremes(net.where)

    def __call__(self, batches: Batches, at: At) -> Passed:
        """Train the largest, random ones and the smallest."""
        net, (images, labels) = self._net, batches.train
        drawn = [net.where.sample(self._rng) for _ in range(self._randoms)]
        self.begin()
        logits: Tensor = net.network(images, *net.path(self._largest))
        loss = F.cross_entropy(logits, labels)
        self.add(loss)
        teacher = logits.detach()
        for arch in (*drawn, self._smallest):
            self.add(soft_cross_entropy(net.network(images, *net.path(arch)), teacher))
        self.move_by_sum()
        return Passed(float(loss.detach()), teacher)


@dataclass(frozen=True)
class ShrinkingStep:
    """Progressive shrinking (Cai et al., "Once-for-All", ICLR 2020, section 3.3).

    The largest network is trained first. Then stages make one dimension after the other elastic, the space's own; a step trains
    random networks of those that the stage allows, by the labels and by what the largest put out after the first stage. Channels
    are sorted when widths become elastic.

    Parameters
    ----------
    shares
        Shares of the epochs: of the largest network, and of every stage of the space in its order.
    samples
        Random networks a step, whose gradients are summed.
    weight
        Of the teacher's loss beside that of the labels.
    """

    shares: tuple[float, ...] = (0.4, 0.2, 0.2, 0.2)
    samples: int = 1
    weight: float = 1.0

    def stage(self, epoch: int, epochs: int, stages: Sequence[str]) -> int:
        """Number of the stage that an epoch (from 0) is in: 0 is the largest network. Shares are of those that the space has."""
        ends = stage_ends(self.shares, len(stages), epochs)
        return int(np.searchsorted(ends, epoch, side="right"))

    def words(self, epoch: int) -> dict[str, Any]:
        """As of single paths."""
        return {"level": "SharedWeights", "update": "", "relaxation": "shrinking", "pass": PATH}

    def start(self, net: Supernet) -> MovingShrinking:
        """Begin with SGD, as the net's settings say."""
        return MovingShrinking(self, net)


class MovingShrinking(_Moving):
    """A `ShrinkingStep` at work."""

    def __init__(self, step: ShrinkingStep, net: Supernet) -> None:
        super().__init__(PathStep(Uniform()), net)
        self._shrinking = step
        self._largest, _ = extremes(net.where)
        self._stages = tuple(net.where.stages)
        self._teacher: nn.Module | None = None
        self._sorted = False
        self._stage = 0

    def begin_epoch(self, epoch: int, rate: float) -> None:
        """Keep the teacher when the first stage ends, and sort channels when widths become elastic."""
        super().begin_epoch(epoch, rate)
        self._stage = self._shrinking.stage(epoch, self._net.settings.epochs, self._stages)
        if self._stage and self._teacher is None:
            self._teacher = _still(self._net.network)
        if not self._sorted and "width" in self._stages[: self._stage]:
            sort_channels(self._net.network)
            self._sorted = True

    def __call__(self, batches: Batches, at: At) -> Passed:
        """Train the largest network, or random ones of the stage."""
        net, (images, labels) = self._net, batches.train
        self.begin()
        if self._teacher is None:
            logits: Tensor = net.network(images, *net.path(self._largest))
            loss = F.cross_entropy(logits, labels)
            self.add(loss)
        else:
            with torch.no_grad():
                taught = self._teacher(images, *net.path(self._largest))
            allowed = net.where.stages[self._stages[self._stage - 1]]
            for _ in range(self._shrinking.samples):
                arch = net.where.canonical(tuple(int(self._rng.choice(choices)) for choices in allowed))
                logits = net.network(images, *net.path(arch))
                loss = F.cross_entropy(logits, labels)
                self.add(loss + self._shrinking.weight * soft_cross_entropy(logits, taught))
        self.move_by_sum()
        return Passed(float(loss.detach()), logits.detach())

    def state_dict(self) -> dict[str, Any]:
        """What a path has, the teacher, and whether channels are sorted."""
        teacher = None if self._teacher is None else self._teacher.state_dict()
        return super().state_dict() | {"teacher": teacher, "sorted": self._sorted}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict`."""
        super().load_state_dict(state)
        self._sorted = state["sorted"]
        if state["teacher"] is not None:
            self._teacher = _still(self._net.network)
            self._teacher.load_state_dict(state["teacher"])


def _still(network: nn.Module) -> nn.Module:
    """A copy that is not trained."""
    return copy.deepcopy(network).eval().requires_grad_(False)
