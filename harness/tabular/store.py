"""Converted tables on disk: a folder a table, one memory-mapped NumPy file a column, and a card that guards them.

A column a file means that what a search maps into memory holds validation only, and that workers share pages. The card
(``card.json``) holds the table's description and the SHA-256 of its whole content, which is checked whenever it is loaded.
Curves are large and most searches want none: each has a SHA-256 of its own and is checked when it is first asked for.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from filelock import FileLock

from harness.errors import HarnessError
from harness.spaces.base import Space
from harness.tabular.table import CheckedArrays, Table

FORMAT = 2  # raise when the layout on disk changes: older folders are then converted anew


def store_root() -> Path:
    """Folder of the converted tables: ``$NAS_HARNESS_CACHE`` or the user's cache folder."""
    base = os.environ.get("NAS_HARNESS_CACHE") or platformdirs.user_cache_dir("nas-harness")
    return Path(base) / f"tables-v{FORMAT}"


def stored_names() -> Iterator[str]:
    """Names of all tables in the store."""
    root = store_root()
    for card in sorted(root.glob("**/card.json")):
        name = card.parent.relative_to(root).as_posix()
        if not name.startswith("."):  # what a killed process left half written
            yield name


def is_stored(name: str) -> bool:
    """Whether a table of this name is in the store."""
    return (store_root() / name / "card.json").is_file()


def save(table: Table) -> Path:
    """Write a table into the store, whole or not at all; one of the same name is replaced.

    Returns
    -------
    Path
        The table's folder.
    """
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
        arrays |= {f"curve-{key}": values for key, values in table.curves.items()}
        for key, values in arrays.items():
            np.save(scratch / f"{key}.npy", values, allow_pickle=False)
        (scratch / "card.json").write_text(json.dumps(_card(table), indent=1, sort_keys=True) + "\n")
        scratch.chmod(0o755)
        with FileLock(store_root() / ".lock"):  # two processes may want to replace it at once
            _replace(scratch, target)
    except OSError as error:
        raise HarnessError(f"cannot write table {table.name} to {target}: {error.strerror}") from error
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
    """Memory-map a stored table and check it against its card.

    Raises
    ------
    HarnessError
        If a file is missing, truncated or not what the card says, or the card belongs to another space.
    """
    folder = store_root() / name
    try:
        card = json.loads((folder / "card.json").read_text())
        if card["space"] != space.describe():
            raise ValueError(f"it is over another space, not {space.name} as it is here")
        table = Table(
            name=card["name"],
            dataset=card["dataset"],
            space=space,
            rows=_map(folder, "rows"),
            codes=_map(folder, "codes"),
            columns={key: _map(folder, f"column-{key}") for key in card["columns"]},
            curves=CheckedArrays(partial(_curve, folder), card["curve_sha256"], f"table {name} in {folder}"),
            metric=card["metric"],
            unit=card["unit"],
            direction=card["direction"],
            weights=_map(folder, "weights"),
            fidelity=card["fidelity"],
            source=card["source"],
            caveats=tuple(card["caveats"]),
        )
        if table.sha256 != card["sha256"]:
            raise ValueError(f"its content has SHA-256 {table.sha256[:12]}..., its card says {card['sha256'][:12]}...")
        if card != _card(table):
            raise ValueError("its card describes another table")
    except Exception as error:  # a damaged file may raise nearly anything
        reason = f"no {error}" if isinstance(error, KeyError) else (str(error) or type(error).__name__).splitlines()[0]
        raise HarnessError(
            f"table {name} in {folder} is damaged: {reason}; delete the folder and import it again"
        ) from error
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


def _card(table: Table) -> dict[str, Any]:
    return table.describe() | {"format": FORMAT, "sha256": table.sha256, "curve_sha256": table.curve_digests}


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
