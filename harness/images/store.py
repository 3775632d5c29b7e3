"""A user's own images on disk: one file a data set, with a checksum that is looked at whenever it is loaded."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from harness.errors import HarnessError, reason_of
from harness.images.labelled import Images
from harness.system.files import write_whole
from harness.tabular.store import store_root

FORMAT = 1  # raise when the layout on disk changes
SUFFIX = ".npz"


def path_of(name: str) -> Path:
    """File of a stored data set."""
    return store_root().parent / f"images-v{FORMAT}" / f"{name}{SUFFIX}"


def stored_names() -> list[str]:
    """Sorted names of all stored data sets."""
    return sorted(path.name.removesuffix(SUFFIX) for path in path_of("").parent.glob(f"*{SUFFIX}"))


def save(images: Images, source: str) -> None:
    """Write a data set, whole or not at all; one of the same name is replaced.

    Parameters
    ----------
    images
        The data set.
    source
        The path that it was read from, for its card.
    """
    card = {
        "name": images.name,
        "rows": len(images.labels),
        "shape": list(images.shape),
        "classes": images.classes,
        "tests": images.tests,
        "class_names": list(images.class_names),
        "notes": list(images.notes),
        "source": source,
        "sha256": images.sha256,
    }
    buffer = io.BytesIO()
    np.savez(buffer, images=images.images, labels=images.labels, card=np.array(json.dumps(card)))
    write_whole(path_of(images.name), buffer.getvalue())


def card_of(name: str) -> dict[str, Any]:
    """What is said of a stored data set, without reading its images: ``rows``, ``shape``, ``classes``, ``sha256`` and more."""
    return _read(name)[1]


def load(name: str) -> Images:
    """A stored data set.

    Raises
    ------
    HarnessError
        If its file cannot be read, or does not hold what was written.
    """
    return _read(name, whole=True)[0]


def _read(name: str, *, whole: bool = False) -> tuple[Any, dict[str, Any]]:
    path = path_of(name)
    try:
        with np.load(path, allow_pickle=False) as file:
            card = json.loads(str(file["card"]))
            if not whole:
                return None, card
            images = Images(
                name=card["name"],
                images=file["images"],
                labels=file["labels"],
                classes=card["classes"],
                tests=card["tests"],
                class_names=tuple(card["class_names"]),
                notes=tuple(card["notes"]),
            )
        if images.sha256 != card["sha256"] or images.name != name:
            raise ValueError("its content is not what was written")
    except Exception as error:  # a damaged file may raise nearly anything
        raise HarnessError(f"{path} is damaged: {reason_of(error)}; delete it and import the images again") from error
    return images, card
