"""Data sets of images by name: the built-in ones, those that a user has imported, and those of plug-ins. No torch here."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, entry_points, version
from pathlib import Path
from typing import Any, TypeVar

from harness.errors import HarnessError, unknown_name
from harness.images import sources
from harness.images import store as image_store
from harness.images.labelled import Images, labelled_images
from harness.images.reading import Size, read_images
from harness.system import plugins
from harness.system.folders import data_folder, find

LONGEST_NAME = 100
Loader = Callable[[], Any]
L = TypeVar("L", bound=Loader)


def _built_in(name: str) -> Loader:
    def load() -> Images:
        return sources.load(name, data_folder() / name)

    return load


_REGISTRY: dict[str, Loader] = {name: _built_in(name) for name in sources.FACTS}


def register_images(name: str) -> Callable[[L], L]:
    """Decorator: make the images that a function returns a data set, and so ``live/<space>-<name>`` a benchmark.

    The function returns the arrays ``(images, labels)``, or ``(images, labels, test_images, test_labels)``, as
    `harness.images.labelled.labelled_images` takes them. It is called once a process, when they are first wanted, and must return
    the same arrays in every process.

    Raises
    ------
    HarnessError
        If the name is not usable, or belongs to a built-in, an imported or another function's data set.
    """

    def register(load: L) -> L:
        where = _home(load)
        _check_name(name, where)
        known = _REGISTRY.get(name)
        if name in image_store.stored_names():
            raise HarnessError(f"{where}: {name!r} is an imported data set; register the function under another name")
        if known is not None and (known.__module__, known.__qualname__) != (load.__module__, load.__qualname__):
            raise HarnessError(f"data set {name!r} is registered twice: {_home(known)} and {where}")
        _REGISTRY[name] = load
        images_of.cache_clear()
        return load

    return register


def import_images(path: str | Path, name: str, size: int | Size | None = None, *, replace: bool = False) -> Images:
    """Make a data set of a file or a folder once and for all, known by name from now on.

    Parameters
    ----------
    path
        As in `harness.images.reading.read_images`; looked for in the working directory and then in ``$NAS_HARNESS_DATA``.
    name
        Letters, digits and ``.+@-_``.
    size
        Side of the squares that pictures are scaled to, or height and width; None: they are of one size.
    replace
        Whether a data set of the same name with other content may be replaced.

    Returns
    -------
    Images
        The data set; its ``notes`` say what was changed.

    Raises
    ------
    HarnessError
        If it cannot be read or is no data set, or the name is not usable or taken.
    """
    _check_name(name, str(path))
    _load_entry_points()
    if name in _REGISTRY:
        raise HarnessError(f"{path}: {name!r} is registered by {_home(_REGISTRY[name])}; choose another name")
    height_width = (size, size) if isinstance(size, int) else size
    if height_width is not None and min(height_width) < 1:
        raise HarnessError(f"{path}: size: wanted whole numbers of pixels of at least 1, not {size!r}")
    found = find(str(path))
    images = read_images(found, name, height_width)
    if not replace and name in image_store.stored_names() and image_store.card_of(name)["sha256"] != images.sha256:
        raise HarnessError(
            f"{path}: data set {name!r} exists with other content; choose another name, or pass --replace"
        )
    image_store.save(images, str(found.resolve()))
    images_of.cache_clear()
    return images


def dataset_names() -> list[str]:
    """Names of all data sets that are known here, the built-in ones first."""
    _load_entry_points()
    own = sorted({*_REGISTRY, *image_store.stored_names()} - {*sources.FACTS})
    return [*sources.FACTS, *own]


@lru_cache(maxsize=4)
def images_of(name: str) -> Images:
    """A data set by name, loaded once a process.

    Raises
    ------
    HarnessError
        If the name is unknown or its images are not here; the message says which files are wanted, and where.
    """
    _load_entry_points()
    if name in _REGISTRY:
        return _loaded(name, _REGISTRY[name])
    if name in image_store.stored_names():
        return image_store.load(name)
    raise unknown_name("image data set", name, dataset_names())


def _forget(modules: Container[str]) -> None:
    """Forget the data sets that these modules have registered: they are to be imported anew."""
    for name in [name for name, load in _REGISTRY.items() if load.__module__ in modules]:
        del _REGISTRY[name]
    images_of.cache_clear()


plugins.on_forget(_forget)


def registered_elsewhere() -> dict[str, Loader]:
    """Loaders that a worker would not know: registered neither in the package nor in a plug-in file."""
    return {
        name: load
        for name, load in _REGISTRY.items()
        if not (load.__module__.startswith("harness.") or plugins.is_plugin(load.__module__))
    }


def register_all(loaders: Mapping[str, Loader]) -> None:
    """Called in a worker: make known what `registered_elsewhere` gave in the process that started it."""
    for name, load in loaders.items():
        if _REGISTRY.get(name) is not load:
            register_images(name)(load)


def describe_dataset(name: str) -> dict[str, str]:
    """What is known of a data set: ``images, size, classes, about``; one of a plug-in has to be loaded for that."""
    if name in sources.FACTS:
        rows, shape, classes, package = sources.FACTS[name]
        return _row(rows, shape, classes, _whereabouts(name, package))
    try:
        if name in _REGISTRY:
            images = images_of(name)
            return _row(len(images.labels), images.shape, images.classes, f"registered by {_home(_REGISTRY[name])}")
        card = image_store.card_of(name)
        tests = f", {card['tests']:,} of them test" if card["tests"] else ""
        return _row(card["rows"], card["shape"], card["classes"], f"imported from {card['source']}{tests}")
    except HarnessError as error:
        return dict.fromkeys(("images", "size", "classes"), "") | {"about": str(error)}


def _row(rows: int, shape: Any, classes: int, about: str) -> dict[str, str]:
    return {"images": f"{rows:,}", "size": "x".join(map(str, shape)), "classes": str(classes), "about": about}


def _whereabouts(name: str, package: str) -> str:
    if not package:
        folder = data_folder() / name
        return f"published files in {folder}" if folder.is_dir() else f"not here: put the published files into {folder}"
    try:
        version(package)
    except PackageNotFoundError:
        return f"comes with {package}, which is missing; pip install 'nas-harness[live]'"
    return f"comes with {package}"


def _check_name(name: str, where: str) -> None:
    if not isinstance(name, str) or not re.fullmatch(rf"\w[\w.+@-]{{0,{LONGEST_NAME - 1}}}", name):
        raise HarnessError(
            f"{where}: name of a data set: wanted up to {LONGEST_NAME} letters, digits and .+@-_, not {name!r}"
        )
    if name in sources.FACTS:
        raise HarnessError(f"{where}: {name!r} is a built-in data set; choose another name")


def _loaded(name: str, load: Loader) -> Images:
    """What a registered function returns, once it has been looked at."""
    where = f"data set {name!r} of {_home(load)}"
    try:
        found = load()
    except HarnessError:
        raise
    except (Exception, SystemExit) as error:
        raise HarnessError(f"{where}: raised {type(error).__name__}: {error}") from error
    if isinstance(found, Images):
        return found
    if not isinstance(found, tuple) or len(found) not in (2, 4):
        raise HarnessError(
            f"{where}: returned {type(found).__name__}; wanted (images, labels) or (images, labels, test_images, test_labels)"
        )
    return labelled_images(name, *found, where=where)


def _home(load: Loader) -> str:
    """The file and the name of a function, for messages."""
    code = getattr(load, "__code__", None)
    return f"{code.co_filename if code else load.__module__}: {load.__qualname__}"


@lru_cache(maxsize=1)  # looking through the installed packages takes milliseconds
def _load_entry_points() -> None:
    for point in entry_points(group="nas_harness.images"):
        if point.name not in _REGISTRY:
            point.load()
