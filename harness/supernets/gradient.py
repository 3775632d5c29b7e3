"""The gradients of a level: how it moves the weights and the architecture parameters of a supernet.

Equation numbers are those of MiLeNAS (arXiv:2003.12238).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.levels import UNROLLS, Level
from harness.supernets.mixture import Mixture, Purpose

Batch = tuple[Tensor, Tensor]
# From architecture parameters to what a pass computes; chance is fixed, so that passes of one gradient compute the same mixture.
Draw = Callable[[Sequence[Tensor]], Sequence[Mixture | Tensor]]

PERTURBATION = 0.01  # length of the finite difference of Eq. 8


class Pass(NamedTuple):
    """A forward and backward pass.

    Attributes
    ----------
    loss, output
        The loss, a scalar, and the network's output, (n, classes).
    weights, alphas
        Gradients in the weights and in α, shaped like these; empty where they were not asked for.
    used
        Whether the pass used each of the weights.
    """

    loss: Tensor
    output: Tensor
    weights: Sequence[Tensor]
    alphas: Sequence[Tensor]
    used: Sequence[bool]


class Asked(NamedTuple):
    """A pass that is to be computed.

    Attributes
    ----------
    network, inputs, targets, mixtures, loss
        Whose loss, of what.
    weights, trained
        All parameters of the network, and whether their gradients are wanted.
    alphas
        Architecture parameters whose gradients are wanted.
    """

    network: nn.Module
    inputs: Tensor
    targets: Tensor
    mixtures: Sequence[Mixture | Tensor]
    loss: Callable[[Tensor, Tensor], Tensor]
    weights: Sequence[Tensor]
    trained: bool
    alphas: Sequence[Tensor]

    @property
    def wanted(self) -> list[Tensor]:
        """What gradients are wanted of."""
        return [*(self.weights if self.trained else ()), *self.alphas]

    @property
    def kind(self) -> tuple[bool, bool, torch.Size]:
        """What passes must have in common to be computed as one: whose gradients are wanted, and the size of the batch."""
        return self.trained, bool(self.alphas), self.inputs.shape


class Computed(NamedTuple):
    """A pass that was computed: loss and output as in `Pass`, and the gradients, None of what was not used."""

    loss: Tensor
    output: Tensor
    gradients: Sequence[Tensor | None]


def compute(asked: Asked) -> Computed:
    """Compute a pass through the network that it is asked of."""
    output = asked.network(asked.inputs, *asked.mixtures)
    loss = asked.loss(output, asked.targets)
    found = torch.autograd.grad(loss, asked.wanted, allow_unused=True)
    return Computed(loss.detach(), output.detach(), found)


class LevelGradient:
    """Moves the weights and the architecture parameters once, on one training and one validation batch.

    Parameters
    ----------
    network
        Called as ``network(inputs, *weights)``; its parameters are the weights w.
    alphas
        Architecture parameters α: leaves that the network does not hold.
    weight_optimizer
        SGD over the network's parameters.
    alpha_optimizer
        Any optimizer over `alphas`.
    clip
        Greatest norm of the weight gradient, where the level clips.
    loss
        Of the network's output and the batch's targets.
    penalty
        What α descends besides the losses, of α alone; None: nothing.
    frozen
        Whether weights that a training pass did not use stay as they are; else momentum and weight decay go on there.
    compute
        Computes a pass, see `harness.supernets.beside` for another way than the network's own.

    Attributes
    ----------
    passes
        Forward-backward passes done so far.
    """

    def __init__(
        self,
        network: nn.Module,
        alphas: Sequence[Tensor],
        weight_optimizer: torch.optim.SGD,
        alpha_optimizer: torch.optim.Optimizer,
        *,
        clip: float = 5.0,
        loss: Callable[[Tensor, Tensor], Tensor] = F.cross_entropy,
        penalty: Callable[[Sequence[Tensor]], Tensor] | None = None,
        frozen: bool = False,
        compute: Callable[[Asked], Computed] = compute,
    ) -> None:
        self.passes = 0
        self._network = network
        self._weights = list(network.parameters())
        self._alphas = list(alphas)
        self._weight_optimizer = weight_optimizer
        self._alpha_optimizer = alpha_optimizer
        self._clip = clip
        self._loss = loss
        self._penalty = penalty
        self._frozen = frozen
        self._compute = compute

    def __call__(
        self,
        level: Level,
        train: Batch,
        valid: Batch,
        alpha_train: Batch | None = None,
        *,
        draw: Callable[[Purpose], Draw],
    ) -> Pass:
        """Take a step.

        Parameters
        ----------
        level
            How.
        train, valid
            Training and validation batch, (inputs, targets) each.
        alpha_train
            The training batch of an α step that does not share the weight step's; None (default): `train`.
        draw
            Begins a gradient: what its passes compute.

        Returns
        -------
        Pass
            The pass that the weights moved by.
        """
        if level.update == "simultaneous":
            mixed = draw("weights")
            at_train = self._pass(train, mixed, weights=True, alphas=_reads_alphas(level))
            gradient = self.alpha_gradient(level, train, valid, draw=draw, at_train=at_train, mixed=mixed)
            self._move_weights(at_train, level)
            self._move_alphas(gradient)
            return at_train
        if level.update == "alpha_first":
            self._move_alphas(self.alpha_gradient(level, alpha_train or train, valid, draw=draw))
        at_train = self.move_weights(level, train, draw=draw)
        if level.update == "w_first":
            self._move_alphas(self.alpha_gradient(level, alpha_train or train, valid, draw=draw))
        return at_train

    def move_weights(self, level: Level, train: Batch, *, draw: Callable[[Purpose], Draw]) -> Pass:
        """Move the weights alone, in one pass over a training batch."""
        at_train = self._pass(train, draw("weights"), weights=True)
        self._move_weights(at_train, level)
        return at_train

    def alpha_gradient(
        self,
        level: Level,
        train: Batch,
        valid: Batch,
        *,
        draw: Callable[[Purpose], Draw],
        at_train: Pass | None = None,
        mixed: Draw | None = None,
    ) -> Sequence[Tensor]:
        """Gradient of what α descends, at the present weights and α.

        Parameters
        ----------
        level
            How.
        train, valid
            Training and validation batch.
        draw
            Begins a gradient. Of first order each loss has a draw of its own, as each is a pass; the passes of second order,
            which are differences of one another, share one.
        at_train, mixed
            The pass over `train` at this point and what it computed, where it is already known.
        """
        if level.order == 2:
            mixed = mixed or draw("alphas")
            start = at_train or self._pass(train, mixed, weights=True, alphas=_reads_alphas(level))
        terms = []
        for factor, batch, known in zip(level.coefficients, (train, valid), (at_train, None), strict=True):
            if factor == 0:
                continue
            if level.order == 2:
                assert mixed is not None
                gradient = self._unrolled_gradient(level, train, batch, start, mixed)
            else:
                gradient = (known or self._pass(batch, draw("alphas"), alphas=True)).alphas
            terms.append([factor * part for part in gradient])
        if self._penalty is not None:
            terms.append(list(torch.autograd.grad(self._penalty(self._alphas), self._alphas)))
        return [torch.stack(parts).sum(dim=0) for parts in zip(*terms, strict=True)]

    def _unrolled_gradient(
        self, level: Level, train: Batch, batch: Batch, at_train: Pass, mixed: Draw
    ) -> Sequence[Tensor]:
        """Gradient in α of a batch's loss one step ahead on `train` (Eq. 7), by a finite difference (Eq. 8)."""
        unroll = UNROLLS[level.unroll]
        (group,) = self._weight_optimizer.param_groups
        xi = group["lr"] if level.xi is None else level.xi
        variables: list[Tensor] = [*self._weights, *(self._alphas if unroll.alphas else ())]
        direction = [*at_train.weights, *at_train.alphas][: len(variables)]
        if unroll.weight_decay:
            direction = [d + group["weight_decay"] * v.detach() for d, v in zip(direction, variables, strict=True)]
        if unroll.momentum:
            buffers = [self._weight_optimizer.state.get(v, {}).get("momentum_buffer") for v in variables]
            direction = [d if b is None else d + group["momentum"] * b for d, b in zip(direction, buffers, strict=True)]
        with _moved(variables, direction, -xi):
            ahead = self._pass(batch, mixed, weights=True, alphas=True)
        slope = [*ahead.weights, *ahead.alphas][: len(variables)]
        norm = torch.stack([part.norm() for part in slope]).norm().clamp_min(torch.finfo(slope[0].dtype).tiny)
        epsilon = float(PERTURBATION / norm)
        with _moved(variables, slope, epsilon):
            above = self._pass(train, mixed, alphas=True).alphas
        with _moved(variables, slope, -epsilon):
            below = self._pass(train, mixed, alphas=True).alphas
        return [g - xi * (a - b) / (2 * epsilon) for g, a, b in zip(ahead.alphas, above, below, strict=True)]

    def _pass(self, batch: Batch, mixed: Draw, *, weights: bool = False, alphas: bool = False) -> Pass:
        """Forward and backward once; gradients that are not asked for are not computed."""
        self._require(weights, alphas)
        asked = Asked(
            self._network,
            *batch,
            mixed(self._alphas),
            self._loss,
            self._weights,
            weights,
            self._alphas if alphas else [],
        )
        loss, output, found = self._compute(asked)
        self._require(True, True)
        self.passes += 1
        gradients = [torch.zeros_like(v) if g is None else g for v, g in zip(asked.wanted, found, strict=True)]
        split = len(self._weights) if weights else 0
        used = [gradient is not None for gradient in found[:split]]
        return Pass(loss, output, gradients[:split], gradients[split:], used)

    def _require(self, weights: bool, alphas: bool) -> None:
        for weight in self._weights:
            weight.requires_grad_(weights)
        for alpha in self._alphas:
            alpha.requires_grad_(alphas)

    def _move_weights(self, at_train: Pass, level: Level) -> None:
        gradients = [
            None if self._frozen and not used else gradient
            for used, gradient in zip(at_train.used, at_train.weights, strict=True)
        ]
        _move(self._weight_optimizer, self._weights, gradients, self._clip if level.clip else None)

    def _move_alphas(self, gradient: Sequence[Tensor]) -> None:
        _move(self._alpha_optimizer, self._alphas, gradient, None)


def _reads_alphas(level: Level) -> bool:
    """Whether the training pass at the present point also has the α gradient that the level needs."""
    return UNROLLS[level.unroll].alphas if level.order == 2 else level.coefficients[0] > 0


def _move(
    optimizer: torch.optim.Optimizer,
    variables: Sequence[Tensor],
    gradients: Sequence[Tensor | None],
    clip: float | None,
) -> None:
    for variable, gradient in zip(variables, gradients, strict=True):
        variable.grad = gradient
    if clip is not None:
        nn.utils.clip_grad_norm_(variables, clip)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


@contextmanager
def _moved(variables: Sequence[Tensor], direction: Sequence[Tensor], length: float) -> Iterator[None]:
    """Variables moved by ``length * direction``; put back afterwards to the bit."""
    kept = [variable.detach().clone() for variable in variables]
    with torch.no_grad():
        for variable, part in zip(variables, direction, strict=True):
            variable.add_(part, alpha=length)
    try:
        yield
    finally:
        with torch.no_grad():
            for variable, original in zip(variables, kept, strict=True):
                variable.copy_(original)
