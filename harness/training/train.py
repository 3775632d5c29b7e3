"""Stand-alone training of a discrete architecture."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.errors import HarnessError
from harness.spaces.base import Arch
from harness.spaces.registry import cell_space
from harness.training import checkpoints, discrete, regularisers, tracking
from harness.training.data import Read, Rows, Splits, augmentation, batches, portions, whole_batches
from harness.training.descent import set_rate, sgd
from harness.training.grouped import clip_each, grouped
from harness.training.networks import DartsNetwork, Shape, build, check_batch_norm
from harness.training.settings import Recipe
from harness.training.skeletons import shape_of, skeleton_of
from harness.training.tracking import Row, seconds


def check_recipe(space: str, splits: Splits, recipe: Recipe) -> Shape:
    """Refuse a recipe that does not fit the images or the space; the shape of the network.

    Raises
    ------
    HarnessError
        If a batch is larger than the train split, a switch does not fit, or a size or number is missing.
    """
    if recipe.batch_size > len(splits.train):
        raise HarnessError(f"training: batch_size {recipe.batch_size} is larger than train, {len(splits.train)} images")
    if recipe.cutout >= (side := min(splits.data.shape[1:])):
        raise HarnessError(
            f"training: cutout {recipe.cutout} can hide whole images; their shorter side is {side} pixels"
        )
    where, data = cell_space(space), splits.data
    if recipe.auxiliary and not skeleton_of(where).auxiliary:
        raise HarnessError(f"training: auxiliary: networks of the space {space} have no auxiliary head; leave it out")
    shape = shape_of(where, recipe.channels, recipe.cells, data.shape, data.classes, recipe.reductions)
    check_batch_norm("training", shape, recipe.batch_size)
    if recipe.auxiliary and recipe.batch_size == 1:
        raise HarnessError(
            "training: auxiliary: batch norm of the head needs more than one image; write a larger batch_size"
        )
    return shape


def untrained(space: str, arch: Arch, splits: Splits, recipe: Recipe, seed: int, device: str = "cpu") -> nn.Module:
    """The network of an architecture with the weights that its training begins with.

    Parameters
    ----------
    space, arch, splits, recipe, seed, device
        As in `train`.
    """
    shape = check_recipe(space, splits, recipe)
    return build(partial(discrete.network, space, arch, shape), ("init", space, str(shape), seed), device)


def train(
    space: str,
    arch: Arch,
    splits: Splits,
    recipe: Recipe,
    seeds: Sequence[int],
    *,
    evaluate: Sequence[str] = ("train", "valid", "test"),
    device: str = "cpu",
    checkpoint: Path | None = None,
    on_epoch: Callable[[list[Row]], None] | None = None,
) -> list[list[Row]]:
    """Train an architecture on the train split, once a seed; the trainings of all seeds run side by side in one network.

    Initial weights come from the stream ``init`` and batches, hidden squares and dropped edges from the streams ``batches`` of a
    seed: architectures of one seed meet the same batches, and a training does not depend on the seeds beside it, up to rounding.

    Parameters
    ----------
    space, arch
        The architecture.
    splits
        Images: fitted on train. The last epoch is the result.
    recipe
        How.
    seeds
        Seeds of initial weights and batches.
    evaluate
        Splits that are measured whole after every epoch, in evaluation mode and without augmentation.
    device
        Where.
    checkpoint
        File that the training is saved to after every epoch, and goes on from if it is there: a training that was killed and
        one that was not end alike, to the bit.
    on_epoch
        Called with the rows of every epoch that is computed now, one a seed.

    Returns
    -------
    list of list of dict
        For every seed a row an epoch: ``epoch`` (from 1), ``seconds`` (of the processor, in the steps of all seeds, divided by
        their number), ``<split>_loss`` and ``<split>_accuracy`` (percent).

    Raises
    ------
    HarnessError
        If a batch is larger than the train split, a switch of the recipe does not fit, the checkpoint is damaged or of another
        configuration, or a loss is not finite, in a step or after an epoch; the message names the epoch.
    """
    training = _Training(space, arch, splits, recipe, seeds, evaluate, device)
    if checkpoint is not None and checkpoint.exists():
        training.load(checkpoint)
    while len(training.epochs) < recipe.epochs:
        rows = training.epoch()
        if checkpoint is not None:
            training.save(checkpoint)
        if on_epoch is not None:
            on_epoch(rows)
    return [list(rows) for rows in zip(*training.epochs, strict=True)]


class _Training:
    """What `train` does, epoch by epoch."""

    def __init__(
        self,
        space: str,
        arch: Arch,
        splits: Splits,
        recipe: Recipe,
        seeds: Sequence[int],
        evaluate: Sequence[str],
        device: str,
    ) -> None:
        self._space, self._arch, self._splits, self._recipe = space, arch, splits, recipe
        self._seeds, self._evaluate, self._device = tuple(seeds), tuple(evaluate), device
        shape = check_recipe(space, splits, recipe)
        self._read = splits.reader(device)
        self._network = self._grouped(partial(discrete.network, space, arch, shape), "init", space, str(shape))
        self._trained = self._network
        if recipe.auxiliary:
            make_head = partial(regularisers.AuxiliaryHead, shape, cell_space(space).width)
            head = self._grouped(make_head, "init", space, str(shape), "auxiliary")
            network = cast(DartsNetwork, self._network)
            self._trained = regularisers.WithAuxiliaryHead(network, head, regularisers.auxiliary_place(shape))
        self._optimizer = sgd(self._trained.parameters(), recipe)
        self.epochs: list[list[Row]] = []

    def _grouped(self, make: Callable[[], nn.Module], *stream: str) -> nn.Module:
        network = grouped([build(make, (*stream, seed), self._device) for seed in self._seeds])
        return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def epoch(self) -> list[Row]:
        """Train one epoch more, and return its rows."""
        recipe, number = self._recipe, len(self.epochs)
        set_rate(self._optimizer, recipe.rate(number))
        clock = time.process_time()
        for step, (images, labels) in enumerate(self._batches(number)):
            loss = self._loss(images, labels)
            tracking.require_finite_step(loss.tolist(), "training", number + 1, step + 1)
            self._optimizer.zero_grad()
            torch.autograd.backward(loss.sum())
            clip_each(self._trained.parameters(), len(self._seeds), recipe.clip)
            self._optimizer.step()
        spent = (time.process_time() - clock) / len(self._seeds)
        rows: list[Row] = [{"epoch": number + 1, "seconds": spent} for _ in self._seeds]
        self._trained.eval()
        for name in self._evaluate:
            part = getattr(self._splits, name)
            measured = _measure(self._network, self._read, part, recipe.batch_size, len(self._seeds))
            for row, (value, accuracy) in zip(rows, measured, strict=True):
                tracking.require_finite({name: value}, f"training, after epoch {number + 1}")
                row |= {f"{name}_loss": value, f"{name}_accuracy": accuracy}
        self._trained.train()
        self.epochs.append(rows)
        return rows

    def _loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """Of every seed, (seeds,)."""
        if not self._recipe.auxiliary:
            return _cross_entropy(self._trained(images), labels).mean(dim=1)
        logits, auxiliary = self._trained(images)
        beside = self._recipe.auxiliary * _cross_entropy(auxiliary, labels).mean(dim=1)
        return _cross_entropy(logits, labels).mean(dim=1) + beside

    def _batches(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches of an epoch, their dropped edges set: (n, seeds * channels, height, width) images, (seeds, n) labels."""
        recipe, train = self._recipe, self._splits.train
        steps = whole_batches(train, recipe.batch_size)
        parts = [batches(train, recipe.batch_size, steps, order) for order in self._streams("train", epoch)]
        noises, squares, paths = (self._streams(name, epoch) for name in ("augment", "cutout", "drop-path"))
        dropped = recipe.drop_path * epoch / recipe.epochs
        for step in range(steps):
            images, labels = [], []
            for part, noise, square in zip(parts, noises, squares, strict=True):
                inputs, targets = self._read(part[step], augmentation(recipe.augment, noise))
                images.append(regularisers.cut_out(inputs, recipe.cutout, square) if recipe.cutout else inputs)
                labels.append(targets)
            if dropped:
                regularisers.drop_paths(self._network, dropped, recipe.batch_size, paths, self._device)
            yield torch.cat(images, dim=1).contiguous(memory_format=torch.channels_last), torch.stack(labels)

    def _streams(self, name: str, epoch: int) -> list[np.random.Generator]:
        return [self._splits.stream(seed, name, epoch) for seed in self._seeds]

    @property
    def _configuration(self) -> dict[str, str]:
        """Everything that the result depends on, as text."""
        chosen = {
            "space": self._space,
            "arch": self._arch,
            "data": self._splits.identity,
            "seeds": self._seeds,
            "evaluate": self._evaluate,
        }
        return checkpoints.configuration(chosen, self._recipe.as_dict())

    def save(self, path: Path) -> None:
        """Save the state after an epoch."""
        state = {
            "trained": self._trained.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "epochs": self.epochs,
        }
        checkpoints.save(path, self._configuration, state)

    def load(self, path: Path) -> None:
        """Go on from a saved state."""
        state = checkpoints.load(path, self._configuration, "training", self._device)
        self._trained.load_state_dict(state["trained"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.epochs = state["epochs"]


def _cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Losses (networks, n) of logits (networks, n, classes) and labels (networks, n)."""
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none").view(labels.shape)


def _measure(network: nn.Module, read: Read, rows: Rows, batch_size: int, count: int) -> list[tuple[float, float]]:
    """Mean loss and accuracy (percent) over rows of a data set of each of `count` networks in one."""
    losses, correct = torch.zeros(count), torch.zeros(count, dtype=torch.long)
    with torch.inference_mode():
        for part in portions(rows, batch_size):
            images, labels = read(part)
            logits = network(images.repeat(1, count, 1, 1).contiguous(memory_format=torch.channels_last))
            targets = labels.expand(count, -1)
            losses += _cross_entropy(logits, targets).sum(dim=1).cpu()
            correct += (logits.argmax(dim=2) == targets).sum(dim=1).cpu()
    return [
        (loss / len(rows), 100 * right / len(rows))
        for loss, right in zip(losses.tolist(), correct.tolist(), strict=True)
    ]


def estimate_seconds(space: str, arch: Arch, splits: Splits, recipe: Recipe, *, device: str = "cpu") -> float:
    """Seconds that a training would take here and now, by timing a step and the evaluation of a batch.

    Parameters
    ----------
    space, arch, splits, recipe, device
        As in `train`.
    """
    network = build(lambda: discrete.network(space, arch, check_recipe(space, splits, recipe)), ("pilot",), device)
    images, labels = splits.reader(device)(splits.train[: recipe.batch_size])

    def evaluate() -> None:
        with torch.no_grad():
            network(images)

    step = seconds(lambda: torch.autograd.backward(F.cross_entropy(network(images), labels)))
    steps = whole_batches(splits.train, recipe.batch_size)
    evaluations = (len(splits.train) + len(splits.valid) + len(splits.test)) / recipe.batch_size
    return recipe.epochs * (steps * step + evaluations * seconds(evaluate))
