"""Splits of images, and batches of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.errors import HarnessError
from harness.images.labelled import Images
from harness.images.labelled import Rows as Rows
from harness.streams import generator

Change = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]


class Read(Protocol):
    """From rows of a data set to a batch: images (n, channels, height, width), labels (n,)."""

    def __call__(self, rows: Rows, change: Change = ...) -> tuple[Tensor, Tensor]:
        """Read rows; `change` is applied to the raw images, e.g. `crop_and_flip`."""


@dataclass(frozen=True)
class Splits:
    """Disjoint, stratified rows of a data set: a search sees train and valid only.

    Attributes
    ----------
    data
        The data set.
    seed
        Seed of the split.
    train, valid, test
        Row numbers.
    """

    data: Images
    seed: int
    train: Rows
    valid: Rows
    test: Rows

    @property
    def sha256(self) -> str:
        """Hash of the three lists of rows, in order."""
        parts = (rows.astype("<i8").tobytes() for rows in (self.train, self.valid, self.test))
        return hashlib.sha256(b"|".join(parts)).hexdigest()

    @property
    def identity(self) -> str:
        """The data set and its rows, as text: what a checkpoint is known by."""
        return f"{self.data.name}, split {self.sha256}"

    def stream(self, seed: int, name: str, epoch: int) -> np.random.Generator:
        """A generator at the start of the stream ``batches`` of a training seed, of this name and epoch."""
        return generator("batches", self.data.name, self.seed, seed, name, epoch)

    def reader(self, device: str = "cpu") -> Read:
        """A function from rows to a batch on a device: images standardised by the train rows' channels, labels."""
        raw = self.data.images[self.train]
        mean, spread = raw.mean(axis=(0, 2, 3)), np.maximum(raw.std(axis=(0, 2, 3)), 1e-6)
        shift, scale = (torch.tensor(values, dtype=torch.float32).view(-1, 1, 1) for values in (mean, spread))

        def read(rows: Rows, change: Change = np.asarray) -> tuple[Tensor, Tensor]:
            inputs = (torch.from_numpy(change(self.data.images[rows])).float() - shift) / scale
            return inputs.to(device), torch.from_numpy(self.data.labels[rows]).to(device)

        return read


def split(data: Images, seed: int, *, test: float = 0.25, train: float = 0.5) -> Splits:
    """Split a data set by the stream ``split = (data set, seed)``.

    Parameters
    ----------
    data
        The data set.
    seed
        Seed of the split.
    test
        Share of all images that is held out for the report; the published test set is used instead where there is one.
    train
        Share of the others that trains weights; the rest validates.

    Raises
    ------
    HarnessError
        If a share is not between 0 and 1, or a split would be empty.
    """
    if not (0 < test < 1 and 0 < train < 1):
        raise HarnessError(f"{data.name}: shares of a split must lie between 0 and 1, not test {test}, train {train}")
    rng = generator("split", data.name, seed)
    n = len(data.labels)
    if data.tests:
        held, rest = np.arange(n - data.tests, n), _stratified(data.labels[: n - data.tests], rng)
    else:
        order = _stratified(data.labels, rng)
        held, rest = np.split(order, [round(test * n)])
    first, second = np.split(rest, [round(train * len(rest))])
    if not (len(held) and len(first) and len(second)):
        raise HarnessError(f"{data.name}: {n} images are too few for the shares test {test}, train {train}")
    return Splits(data, seed, first, second, held)


def split_by_shares(data: Images, seed: int, shares: Sequence[float]) -> Splits:
    """As `split`, with the shares of all images that train, validate and test, whose sum is 1."""
    train, valid, test = shares
    return split(data, seed, test=test, train=train / (train + valid))


def check_stratified(splits: Splits) -> Splits:
    """Refuse splits in which a class that trains, or validates or tests, is missing from another of these parts.

    A published test set is as it is.

    Raises
    ------
    HarnessError
        If a class is too small for the shares; the message names it.
    """
    data = splits.data
    parts = {"train": splits.train, "valid": splits.valid} | ({} if data.tests else {"test": splits.test})
    counts = np.stack([np.bincount(data.labels[rows], minlength=data.classes) for rows in parts.values()])
    total = counts.sum(axis=0)
    for name, own in zip(parts, counts, strict=True):
        if (lacking := np.flatnonzero((own == 0) & (total > 0))).size:
            rare = int(lacking[0])
            raise HarnessError(
                f"{data.name}: class {data.class_name(rare)} has {total[rare]} image(s), none of them in {name}: it is too "
                "small for a stratified split of these shares"
            )
    return splits


def _stratified(labels: Rows, rng: np.random.Generator) -> Rows:
    """All rows in a random order in which every run of them holds the classes in proportion."""
    order = rng.permutation(len(labels))
    place = np.empty(len(labels))
    for label in np.unique(labels):
        members = np.flatnonzero(labels[order] == label)
        place[members] = (np.arange(len(members)) + 0.5) / len(members)
    return order[np.argsort(place, kind="stable")]


def crop_and_flip(images: NDArray[np.uint8], rng: np.random.Generator, padding: int = 4) -> NDArray[np.uint8]:
    """CIFAR's usual augmentation: random crops of the zero-padded images, half of them mirrored. Keeps (n, c, h, w)."""
    n, _, height, width = images.shape
    padded = np.pad(images, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    down, right = rng.integers(2 * padding + 1, size=(2, n, 1))
    columns = np.where(rng.random((n, 1)) < 0.5, np.arange(width), np.arange(width)[::-1])
    lines, columns = down + np.arange(height), right + columns
    picked = padded[np.arange(n)[:, None, None], :, lines[:, :, None], columns[:, None, :]]
    return np.ascontiguousarray(picked.transpose(0, 3, 1, 2))


def augmentation(augment: bool, rng: np.random.Generator) -> Change:
    """What training images go through: `crop_and_flip` by these random numbers, or nothing."""
    return partial(crop_and_flip, rng=rng) if augment else np.asarray


def whole_batches(rows: Rows, size: int) -> int:
    """Steps of an epoch: as many whole batches as the rows fill."""
    return len(rows) // size


def batches(rows: Rows, size: int, count: int, rng: np.random.Generator) -> Sequence[Rows]:
    """`count` batches of `size` rows from one shuffle of `rows` after another."""
    shuffles = -(-size * count // len(rows))
    order = np.concatenate([rng.permutation(rows) for _ in range(shuffles)])
    return list(order[: size * count].reshape(count, size))


def portions(rows: Rows, size: int) -> Sequence[Rows]:
    """All rows in order, in nearly equal batches of at most `size`: a tiny last one would have odd batch statistics."""
    return np.array_split(rows, -(-len(rows) // size))
