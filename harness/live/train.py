"""Stand-alone training of a discrete architecture."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from harness.errors import HarnessError
from harness.live import discrete, tracking
from harness.live.data import Splits, batches, crop_and_flip
from harness.live.networks import Shape, build
from harness.live.search import Row, seconds
from harness.spaces.base import Arch
from harness.streams import generator


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How an architecture is trained: SGD along half a cosine, from scratch.

    Parameters
    ----------
    channels, cells
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
    return Shape(recipe.channels, recipe.cells, splits.data.shape, splits.data.classes)


def train(
    space: str,
    arch: Arch,
    splits: Splits,
    recipe: Recipe,
    seed: int,
    *,
    device: str = "cpu",
    on_epoch: Callable[[Row], None] | None = None,
) -> list[Row]:
    """Train an architecture on the train split.

    Initial weights come from the stream ``init`` and batches from the stream ``batches`` of `seed`: architectures of
    one seed meet the same batches.

    Parameters
    ----------
    space, arch
        The architecture.
    splits
        Images: fitted on train; valid and test are evaluated after every epoch. The last epoch is the result.
    recipe
        How.
    seed
        Seed of initial weights and batches.
    device
        Where.
    on_epoch
        Called with the row of every epoch.

    Returns
    -------
    list of dict
        A row an epoch: ``epoch``, ``train_loss``, ``valid_loss``, ``valid_accuracy``, ``test_loss``,
        ``test_accuracy`` (percent).

    Raises
    ------
    HarnessError
        If a batch is larger than the train split, or the loss is not finite; the message names the epoch and the step.
    """
    shape = check(splits, recipe)
    network = build(lambda: discrete.network(space, arch, shape), ("init", space, str(shape), seed), device)
    optimizer = torch.optim.SGD(
        network.parameters(), lr=recipe.learning_rate, momentum=recipe.momentum, weight_decay=recipe.weight_decay
    )
    read = splits.reader(device)
    rows: list[Row] = []
    for epoch in range(recipe.epochs):
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * (1 + math.cos(math.pi * epoch / recipe.epochs)) / 2
        order, noise = (
            generator("batches", splits.data.name, splits.seed, seed, name, epoch) for name in ("train", "augment")
        )
        change = partial(crop_and_flip, rng=noise) if recipe.augment else np.asarray
        steps = len(splits.train) // recipe.batch_size
        total = 0.0
        for step, part in enumerate(batches(splits.train, recipe.batch_size, steps, order)):
            images, labels = read(part, change)
            loss = F.cross_entropy(network(images), labels)
            if not math.isfinite(value := float(loss.detach())):
                raise HarnessError(f"training: the loss is {value} in epoch {epoch}, step {step}")
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(network.parameters(), recipe.clip)
            optimizer.step()
            total += value
        row: Row = {"epoch": epoch, "train_loss": total / steps}
        network.eval()
        for name in ("valid", "test"):
            if not len(part := getattr(splits, name)):
                continue  # a search has no test split
            row[f"{name}_loss"], row[f"{name}_accuracy"] = tracking.evaluate(network, read, part, recipe.batch_size)
        network.train()
        rows.append(row)
        if on_epoch is not None:
            on_epoch(row)
    return rows


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
