"""Converted tables on disk: a folder a table, one memory-mapped NumPy file a column, and a card that guards them.

A column a file means that what a search maps into memory holds validation only, and that workers share pages. The card
(``card.json``) holds the table's description, the SHA-256 of its whole content and one of every array, and guards itself with
another. Loading checks the card and that all files are there and whole, in milliseconds whatever their size; an array is read and
checked when it is first asked for, so that no damaged byte is ever used, and none is read that nobody wants.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from harness.errors import HarnessError, RunError, reason_of
from harness.spaces.base import Space
from harness.system.folders import cache_folder
from harness.tabular.table import CheckedArrays, Table, checked, digest_of

FORMAT = 3  # raise when the layout on disk changes: older folders are then converted anew


def store_root() -> Path:
    """Folder of the converted tables, in the cache folder."""
    return cache_folder() / f"tables-v{FORMAT}"


def stored_names() -> Iterator[str]:
    """Names of all tables in the store."""
    root = store_root()
    for card in sorted(root.glob("**/card.json")):
        name = card.parent.relative_to(root).as_posix()
        if not name.startswith("."):  # what a killed process left half written
            yield name


def is_stored(name: str) -> bool:
    """Whether a table of this name is in the store."""
    try:
        return (store_root() / name / "card.json").is_file()
    except OSError:  # no file can have such a name
        return False


def save(table: Table) -> Path:
    """Write a table into the store, whole or not at all; one of the same name is replaced.

    Returns
    -------
    Path
        The table's folder.

    Raises
    ------
    HarnessError
        If it lacks a score, or nothing can be written.
    """
    table.check_scores()
    target = store_root() / table.name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".writing-", dir=store_root()))
    except OSError as error:
        raise HarnessError(
            f"cannot write to the table store {store_root()}: {error.strerror}; set NAS_HARNESS_CACHE to another folder"
        ) from error
    try:
        arrays = {"rows": table.rows, "codes": table.codes, "weights": table.weights}
        arrays |= {f"column-{key}": values for key, values in table.columns.items()}
        for key, values in [*arrays.items(), *((f"curve-{key}", curve) for key, curve in table.curves.items())]:
            with (scratch / f"{key}.npy").open("wb") as stream:
                # To a mere `write`: into a file of its own NumPy writes past Python, and does not say why that fails.
                np.save(SimpleNamespace(write=stream.write), values, allow_pickle=False)
        (scratch / "card.json").write_text(json.dumps(_card(table, arrays), indent=1, sort_keys=True) + "\n")
        scratch.chmod(0o755)
        with FileLock(store_root() / ".lock"):  # two processes may want to replace it at once
            _replace(scratch, target)
    except OSError as error:
        raise RunError(f"cannot write table {table.name} to {target}: {error.strerror}") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return target


def _replace(scratch: Path, target: Path) -> None:
    """Move a finished folder into place."""
    old = scratch.with_name(scratch.name + "-old")
    try:
        if target.exists():
            target.rename(old)
        scratch.rename(target)
    finally:
        shutil.rmtree(old, ignore_errors=True)


def load(name: str, space: Space) -> Table:
    """Memory-map a stored table and check its card; arrays are checked when they are first asked for.

    Raises
    ------
    HarnessError
        If a file is missing or truncated, the card was changed or belongs to another space.
    """
    folder = store_root() / name
    where = f"table {name} in {folder}"
    try:
        card = json.loads((folder / "card.json").read_text())
        if card["space"] != space.describe():
            raise ValueError(f"it is over another space, not {space.name} as it is here")
        if _digest(card) != card["card_sha256"]:
            raise ValueError("its card was changed")
        digests = card["array_sha256"]
        arrays = {key: _map(folder, key) for key in digests}
        columns = {key: digests[f"column-{key}"] for key in card["columns"]}

        def array(key: str) -> Any:
            return lambda: checked(arrays[key], digests[key], key, where)

        table = Table(
            name=card["name"],
            dataset=card["dataset"],
            space=space,
            rows=array("rows"),
            codes=array("codes"),
            columns=CheckedArrays(lambda key: arrays[f"column-{key}"], columns, "column", where),
            curves=CheckedArrays(partial(_curve, folder), card["curve_sha256"], "curve", where),
            metric=card["metric"],
            unit=card["unit"],
            direction=card["direction"],
            weights=array("weights"),
            fidelity=card["fidelity"],
            source=card["source"],
            caveats=tuple(card["caveats"]),
            statistics=card.get("statistics", {}),
        )
        vars(table)["sha256"] = card["sha256"]  # of arrays that are what the card says
    except Exception as error:  # a damaged file may raise nearly anything
        reason = reason_of(error)
        raise HarnessError(f"{where} is damaged: {reason}; delete the folder and import it again") from error
    return table


def card_of(name: str) -> dict[str, Any]:
    """The card of a stored table, unchecked: enough to know its space."""
    try:
        card: dict[str, Any] = json.loads((store_root() / name / "card.json").read_text())
        if not isinstance(card, dict) or not isinstance(card.get("space"), dict):
            raise ValueError("it names no space")
    except (OSError, ValueError) as error:
        raise HarnessError(f"table {name} in {store_root() / name} has no readable card: {error}") from error
    return card


def _card(table: Table, arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    card = table.describe() | {
        "format": FORMAT,
        "sha256": table.sha256,
        "array_sha256": {key: digest_of(values) for key, values in arrays.items()},
        "curve_sha256": table.curve_digests,
    }
    return card | {"card_sha256": _digest(card)}


def _digest(card: Mapping[str, Any]) -> str:
    """SHA-256 of a card without the one that it states."""
    content = {key: value for key, value in card.items() if key != "card_sha256"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _curve(folder: Path, key: str) -> Any:
    try:
        return _map(folder, f"curve-{key}")
    except (OSError, ValueError, EOFError) as error:
        raise HarnessError(
            f"table in {folder} is damaged: curve {key}: {error}; delete the folder and import it again"
        ) from error


def _map(folder: Path, key: str) -> Any:
    # A plain array over the mapped file: np.memmap's own indexing is slower.
    return np.load(folder / f"{key}.npy", mmap_mode="r", allow_pickle=False).view(np.ndarray)
