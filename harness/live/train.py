"""Stand-alone training of a discrete architecture."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.errors import HarnessError
from harness.live import discrete
from harness.live.data import Read, Rows, Splits, batches, crop_and_flip, portions
from harness.live.networks import Shape, build
from harness.live.search import Row, seconds
from harness.live.together import clip_each, together
from harness.spaces.base import Arch
from harness.streams import generator


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How an architecture is trained: SGD along half a cosine, from scratch.

    Parameters
    ----------
    channels, cells, reductions
        Size of the network, see `harness.live.networks.Shape`.
    epochs, batch_size
        Length of the training; images in a batch. The last incomplete batch of an epoch is left out.
    learning_rate, momentum, weight_decay, clip
        Of SGD; the rate falls to 0, `clip` is the greatest gradient norm.
    augment
        Whether training images are cropped and mirrored at random.

    Raises
    ------
    HarnessError
        If a number is out of its range.
    """

    channels: int = 8
    cells: int = 3
    reductions: int = 2
    epochs: int = 15
    batch_size: int = 64
    learning_rate: float = 0.025
    momentum: float = 0.9
    weight_decay: float = 3e-4
    clip: float = 5.0
    augment: bool = False

    def __post_init__(self) -> None:
        if min(self.epochs, self.batch_size) < 1:
            raise HarnessError("training: epochs and batch_size must be at least 1")
        if not (0 < self.learning_rate < math.inf and 0 < self.clip < math.inf):
            raise HarnessError("training: learning_rate and clip must be numbers > 0")


def check(splits: Splits, recipe: Recipe) -> Shape:
    """Refuse a recipe that does not fit the images; the shape of the network.

    Raises
    ------
    HarnessError
        If a batch is larger than the train split, or a size or number is missing.
    """
    if recipe.batch_size > len(splits.train):
        raise HarnessError(f"training: batch_size {recipe.batch_size} is larger than train, {len(splits.train)} images")
    return Shape(recipe.channels, recipe.cells, splits.data.shape, splits.data.classes, recipe.reductions)


def train(
    space: str,
    arch: Arch,
    splits: Splits,
    recipe: Recipe,
    seeds: Sequence[int],
    *,
    evaluate: Sequence[str] = ("train", "valid", "test"),
    device: str = "cpu",
    on_epoch: Callable[[list[Row]], None] | None = None,
) -> list[list[Row]]:
    """Train an architecture on the train split, once a seed; the trainings of all seeds run side by side in one network.

    Initial weights come from the stream ``init`` and batches from the stream ``batches`` of a seed: architectures of one seed
    meet the same batches, and a training does not depend on the seeds beside it, up to rounding.

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
    on_epoch
        Called with the rows of every epoch, one a seed.

    Returns
    -------
    list of list of dict
        For every seed a row an epoch: ``epoch`` (from 1), ``seconds`` (of the processor, in the steps of all seeds, divided by
        their number), ``<split>_loss`` and ``<split>_accuracy`` (percent).

    Raises
    ------
    HarnessError
        If a batch is larger than the train split, or the loss is not finite; the message names the epoch and the step.
    """
    shape = check(splits, recipe)
    make = partial(discrete.network, space, arch, shape)
    network = together([build(make, ("init", space, str(shape), seed), device) for seed in seeds])
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.SGD(
        network.parameters(), lr=recipe.learning_rate, momentum=recipe.momentum, weight_decay=recipe.weight_decay
    )
    read = splits.reader(device)
    epochs: list[list[Row]] = []
    for epoch in range(recipe.epochs):
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * (1 + math.cos(math.pi * epoch / recipe.epochs)) / 2
        clock = time.process_time()
        for step, (images, labels) in enumerate(_batches(splits, recipe, read, seeds, epoch)):
            logits = network(images)
            loss = (
                F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none").view(labels.shape).mean(dim=1)
            )
            if not torch.isfinite(loss).all():
                raise HarnessError(f"training: the loss is {loss.tolist()} in epoch {epoch + 1}, step {step + 1}")
            optimizer.zero_grad()
            torch.autograd.backward(loss.sum())
            clip_each(network.parameters(), len(seeds), recipe.clip)
            optimizer.step()
        spent = (time.process_time() - clock) / len(seeds)
        rows: list[Row] = [{"epoch": epoch + 1, "seconds": spent} for _ in seeds]
        network.eval()
        for name in evaluate:
            measured = _measure(network, read, getattr(splits, name), recipe.batch_size, len(seeds))
            for row, (value, accuracy) in zip(rows, measured, strict=True):
                row |= {f"{name}_loss": value, f"{name}_accuracy": accuracy}
        network.train()
        epochs.append(rows)
        if on_epoch is not None:
            on_epoch(rows)
    return [list(rows) for rows in zip(*epochs, strict=True)]


def _batches(
    splits: Splits, recipe: Recipe, read: Read, seeds: Sequence[int], epoch: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of an epoch: (n, seeds * channels, height, width) images and (seeds, n) labels."""
    steps = len(splits.train) // recipe.batch_size
    parts, changes = [], []
    for seed in seeds:
        order, noise = (
            generator("batches", splits.data.name, splits.seed, seed, name, epoch) for name in ("train", "augment")
        )
        parts.append(batches(splits.train, recipe.batch_size, steps, order))
        changes.append(partial(crop_and_flip, rng=noise) if recipe.augment else np.asarray)
    for step in range(steps):
        images, labels = zip(
            *(read(part[step], change) for part, change in zip(parts, changes, strict=True)), strict=True
        )
        yield torch.cat(images, dim=1).contiguous(memory_format=torch.channels_last), torch.stack(labels)


def _measure(network: nn.Module, read: Read, rows: Rows, batch_size: int, count: int) -> list[tuple[float, float]]:
    """Mean loss and accuracy (percent) over rows of a data set of each of `count` networks in one."""
    losses, correct = torch.zeros(count), torch.zeros(count, dtype=torch.long)
    with torch.inference_mode():
        for part in portions(rows, batch_size):
            images, labels = read(part)
            logits = network(images.repeat(1, count, 1, 1).contiguous(memory_format=torch.channels_last))
            targets = labels.expand(count, -1)
            losses += (
                F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
                .view(count, -1)
                .sum(dim=1)
                .cpu()
            )
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
    network = build(lambda: discrete.network(space, arch, check(splits, recipe)), ("pilot",), device)
    images, labels = splits.reader(device)(splits.train[: recipe.batch_size])

    def evaluate() -> None:
        with torch.no_grad():
            network(images)

    step = seconds(lambda: torch.autograd.backward(F.cross_entropy(network(images), labels)))
    steps = len(splits.train) // recipe.batch_size
    evaluations = (len(splits.valid) + len(splits.test)) / recipe.batch_size
    return recipe.epochs * (steps * step + evaluations * seconds(evaluate))
