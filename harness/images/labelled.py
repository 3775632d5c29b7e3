"""A data set of labelled images, and how one is made of a user's arrays. No torch here: naming and importing need none."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError, first_line

Rows = NDArray[np.int64]
COLOURS = (1, 3, 4)  # what a last axis must have to be read as channels: grey, colour, colour and transparency


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
    class_names
        What the classes are called, in their order; empty where their numbers are their names.
    notes
        What was changed when these arrays were made, a sentence without its full stop each.
    """

    name: str
    images: NDArray[np.uint8]
    labels: Rows
    classes: int
    tests: int = 0
    class_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of an image."""
        channels, height, width = self.images.shape[1:]
        return channels, height, width

    @property
    def sha256(self) -> str:
        """Hash of all that it is, the form of the arrays included."""
        form = [self.name, list(self.images.shape), self.classes, self.tests, list(self.class_names)]
        digest = hashlib.sha256(json.dumps(form).encode())
        digest.update(self.images.tobytes())
        digest.update(self.labels.astype("<i8").tobytes())
        return digest.hexdigest()

    def class_name(self, label: int) -> str:
        """What a class is called in messages."""
        return repr(self.class_names[label]) if self.class_names else str(label)

    def __post_init__(self) -> None:
        if len(self.images) != len(self.labels):
            raise HarnessError(f"{self.name}: {len(self.images)} images, but {len(self.labels)} labels")
        if not len(self.labels) or self.labels.min() < 0 or self.labels.max() >= self.classes:
            raise HarnessError(f"{self.name}: labels are not all in 0..{self.classes - 1}; is this another data set?")


def labelled_images(
    name: str,
    images: Any,
    labels: Any,
    test_images: Any = None,
    test_labels: Any = None,
    *,
    where: str,
    class_names: tuple[str, ...] = (),
    notes: tuple[str, ...] = (),
) -> Images:
    """Make a data set of arrays.

    Parameters
    ----------
    name
        Its name.
    images
        (n, height, width) or (n, channels, height, width): whole numbers from 0 to 255, or floats between 0 and 1, which become
        such bytes. A last axis of 1, 3 or 4 behind larger ones is read as channels. What was changed stands in the notes.
    labels
        (n,) whole numbers from 0; gaps between them are closed.
    test_images, test_labels
        A test part, in the same form; None for a data set without one, a share of which is held out for the test.
    where
        File or function that they are from, put in front of messages.
    class_names
        What the classes are called, in the order of their labels.
    notes
        What was changed before.

    Raises
    ------
    HarnessError
        If the arrays are not of this form, there is but one class, or a class has too few images to be in every part of a
        stratified split.
    """
    if (test_images is None) != (test_labels is None):
        raise HarnessError(f"{where}: a test part needs both test_images and test_labels")
    said = dict.fromkeys(notes)
    pixels, marks = _part(images, labels, where, "", said)
    held_pixels, held_marks = pixels[:0], marks[:0]
    if test_images is not None:
        held_pixels, held_marks = _part(test_images, test_labels, where, "test_", said)
    if held_pixels.shape[1:] != pixels.shape[1:]:
        raise HarnessError(f"{where}: test_images are {_by(held_pixels)}, images are {_by(pixels)}; wanted one size")
    known, counts = np.unique(marks, return_counts=True)
    called = [*map(repr, class_names)] or [*map(str, known)]
    if len(known) < 2:
        raise HarnessError(f"{where}: all images are of one class, {called[0]}; wanted at least 2 classes")
    if (strange := np.setdiff1d(held_marks, known)).size:
        raise HarnessError(f"{where}: test_labels has class {strange[0]}, of which labels has no image")
    if not class_names and not np.array_equal(known, np.arange(len(known))):
        class_names = tuple(map(str, known))
        said[f"labels {known[0]} to {known[-1]} became 0 to {len(known) - 1}"] = None
    least, parts = (2, "train and valid") if len(held_marks) else (3, "train, valid and test")
    rare = int(counts.argmin())
    if counts[rare] < least:
        raise HarnessError(
            f"{where}: class {called[rare]} has {counts[rare]} image(s); a stratified split wants at least {least}, for {parts}"
        )
    return Images(
        name=name,
        images=np.ascontiguousarray(np.concatenate([pixels, held_pixels])),
        labels=np.searchsorted(known, np.concatenate([marks, held_marks])).astype(np.int64),
        classes=len(known),
        tests=len(held_marks),
        class_names=class_names,
        notes=tuple(said),
    )


def _part(
    images: Any, labels: Any, where: str, prefix: str, said: dict[str, None]
) -> tuple[NDArray[np.uint8], NDArray[np.integer]]:
    pixels, marks = _pixels(images, f"{where}: {prefix}images", said), _marks(labels, f"{where}: {prefix}labels")
    if len(pixels) != len(marks):
        raise HarnessError(f"{where}: {len(pixels)} {prefix}images, but {len(marks)} {prefix}labels")
    return pixels, marks


def _pixels(values: Any, where: str, said: dict[str, None]) -> NDArray[np.uint8]:
    array = _array(values, where)
    if array.ndim == 3:
        array = array[:, None]
    if array.ndim != 4 or not array.size:
        raise HarnessError(f"{where}: wanted (n, height, width) or (n, channels, height, width), not {array.shape}")
    if array.shape[-1] in COLOURS and array.shape[1] > max(COLOURS):
        array = array.transpose(0, 3, 1, 2)
        said["the last axis was read as channels"] = None
    kind = array.dtype.kind
    if kind == "f":
        if (bad := ~np.isfinite(array).all(axis=(1, 2, 3))).any():
            raise HarnessError(f"{where}: image {bad.argmax()} (from 0) holds NaN or an infinite value")
        wanted, low, high = "floats between 0 and 1, or whole numbers from 0 to 255", 0, 1
    else:
        wanted, low, high = "whole numbers from 0 to 255, or floats between 0 and 1", 0, 255
    if kind not in "fiu":
        raise HarnessError(f"{where}: wanted {wanted}, not {array.dtype}")
    for extreme in (array.min(), array.max()):
        if not low <= extreme <= high:
            raise HarnessError(f"{where}: wanted {wanted}, but a value is {extreme}")
    if kind == "f":
        said["floats between 0 and 1 became bytes, 0 to 255"] = None
        array = np.rint(array * 255.0)
    return array.astype(np.uint8)


def _marks(values: Any, where: str) -> NDArray[np.integer]:
    array = _array(values, where)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise HarnessError(f"{where}: wanted one whole number an image, (n,), not {array.shape}")
    if array.dtype.kind not in "iu":
        raise HarnessError(f"{where}: wanted whole numbers, not {array.dtype}")
    if array.size and array.min() < 0:
        place = int((array < 0).argmax())
        raise HarnessError(f"{where}: image {place} (from 0) has label {array[place]}; wanted whole numbers from 0")
    return array


def _array(values: Any, where: str) -> NDArray[Any]:
    try:
        return np.asarray(values)
    except ValueError as error:  # lists of unequal lengths
        raise HarnessError(f"{where}: not an array: {first_line(error)}") from error


def _by(pixels: NDArray[np.uint8]) -> str:
    return "x".join(map(str, pixels.shape[1:]))
