"""A user's own images from an ``.npz`` file or from folders of pictures. No torch here; Pillow only where there are pictures."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError, reason_of
from harness.images.labelled import Images, labelled_images

KEYS = ("images", "labels", "test_images", "test_labels")
SUFFIXES = (".png", ".jpg", ".jpeg")
GREY, COLOUR = ("1", "L", "LA", "La"), ("P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV", "LAB")
Size = tuple[int, int]  # height, width


def read_images(path: Path, name: str, size: Size | None = None) -> Images:
    """Read a data set.

    Parameters
    ----------
    path
        An ``.npz`` file with ``images`` and ``labels``, and perhaps ``test_images`` and ``test_labels``, as `labelled_images`
        takes them; or a folder with a subfolder of PNG and JPEG files for each class, or with two such folders, ``train`` and
        ``test``. Classes and files go by the order of their names.
    name
        What it is to be called.
    size
        To which pictures are scaled, without regard to their proportions; None: they must be of one size.

    Raises
    ------
    HarnessError
        If it cannot be read or is no such data set; the message names the file.
    """
    try:
        if path.is_dir():
            return _read_folder(path, name, size)
        if size is not None:
            raise HarnessError(f"{path}: --size is for folders of pictures; the images of a file have their size")
        return _read_npz(path, name)
    except OSError as error:
        raise HarnessError(f"{path}: cannot be read: {error.strerror or error}") from error


def _read_npz(path: Path, name: str) -> Images:
    wanted = f"wanted a folder of pictures, or .npz with arrays {', '.join(KEYS)} (the last two for a test part)"
    try:
        if not zipfile.is_zipfile(path):  # what NumPy says of other files is about pickles
            raise ValueError("it is no .npz archive")
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files if key in KEYS}
            others = [key for key in file.files if key not in KEYS]
    except PermissionError:
        raise
    except Exception as error:  # a damaged file may raise nearly anything
        raise HarnessError(f"{path}: not a data set: {reason_of(error)}; {wanted}") from error
    if missing := [key for key in KEYS[:2] if key not in arrays]:
        found = f"it holds {', '.join([*arrays, *others])}" if arrays or others else "it is empty"
        raise HarnessError(f"{path}: no array {missing[0]} ({found}); {wanted}")
    notes = (f"arrays {', '.join(others)} were left out",) if others else ()
    return labelled_images(name, *(arrays.get(key) for key in KEYS), where=str(path), notes=notes)


def _read_folder(folder: Path, name: str, size: Size | None) -> Images:
    parts = [folder]
    if [inner.name for inner in _subfolders(folder)] == ["test", "train"]:
        parts = [folder / "train", folder / "test"]
    found: list[tuple[Path, int, int]] = []  # file, part, class
    classes = tuple(inner.name for inner in _subfolders(parts[0]))
    others = 0
    for part, place in enumerate(parts):
        inner = _subfolders(place)
        if not inner:
            raise HarnessError(f"{place}: no subfolder; wanted one of PNG or JPEG files for each class")
        others += sum(path.is_file() for path in _visible(place))
        for one in inner:
            if one.name not in classes:
                raise HarnessError(f"{one}: no such class in {parts[0]}; it has {', '.join(classes)}")
            files = [path for path in _visible(one) if path.suffix.lower() in SUFFIXES]
            if not files:
                raise HarnessError(f"{one}: no PNG or JPEG file; wanted one subfolder for each class")
            others += len(_visible(one)) - len(files)
            found += [(path, part, classes.index(one.name)) for path in files]
    pictures, notes = _pictures([path for path, _, _ in found], size)
    if others:
        notes = [*notes, f"{others} other file(s) or folder(s) were left out"]
    part_of, labels = (np.array([row[column] for row in found]) for column in (1, 2))
    tests: Any = (pictures[part_of == 1], labels[part_of == 1]) if len(parts) == 2 else (None, None)
    return labelled_images(
        name,
        pictures[part_of == 0],
        labels[part_of == 0],
        *tests,
        where=str(folder),
        class_names=classes,
        notes=tuple(notes),
    )


def _visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _subfolders(folder: Path) -> list[Path]:
    return [path for path in _visible(folder) if path.is_dir()]


def _pictures(paths: Sequence[Path], size: Size | None) -> tuple[NDArray[np.uint8], list[str]]:
    """Pictures as (n, channels, height, width), grey ones if all are grey, and what was changed."""
    try:
        from PIL import Image, ImageOps
    except ImportError:
        raise HarnessError(f"{paths[0]}: pictures need Pillow; pip install 'nas-harness[images]'") from None
    arrays, seen = [], {"grey": 0, "transparent": 0}
    for path in paths:
        try:
            with Image.open(path) as file:
                if file.mode not in GREY + COLOUR:
                    raise HarnessError(f"{path}: its mode is {file.mode}; wanted 8 bits a channel, grey or colour")
                is_grey = file.mode in GREY
                seen["grey"] += is_grey
                seen["transparent"] += file.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in file.info
                upright = ImageOps.exif_transpose(file).convert("L" if is_grey else "RGB")
            if size is not None:
                upright = upright.resize((size[1], size[0]), Image.Resampling.BILINEAR)
            arrays.append(np.asarray(upright).reshape(upright.height, upright.width, -1))
        except HarnessError:
            raise
        except Exception as error:  # a damaged file may raise nearly anything
            raise HarnessError(f"{path}: cannot be read as a picture: {reason_of(error)}") from error
        if arrays[-1].shape[:2] != arrays[0].shape[:2]:
            (height, width), (one, other) = arrays[-1].shape[:2], arrays[0].shape[:2]
            raise HarnessError(
                f"{path}: {height}x{width} pixels, but {paths[0]} has {one}x{other}; --size S or --size HEIGHTxWIDTH scales all"
            )
    notes = []
    if size is not None:
        notes.append(f"pictures were scaled to {size[0]}x{size[1]}")
    if seen["transparent"]:
        notes.append(f"the transparency of {seen['transparent']} picture(s) was left out")
    if 0 < seen["grey"] < len(arrays):
        notes.append(f"{seen['grey']} grey picture(s) among coloured ones became coloured")
    channels = max(array.shape[2] for array in arrays)
    whole = [np.broadcast_to(array, (*array.shape[:2], channels)) for array in arrays]
    return np.stack(whole).transpose(0, 3, 1, 2), notes
