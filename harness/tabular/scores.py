"""Zero-cost scores of a recorded table, in a file of their own beside it: ``NAME.scores.parquet``.

A row is an architecture, with a column a score. The footer says of what networks and images they are and the mean processor
seconds that each took, and holds a SHA-256 of it all. They are no part of the table: its hash is the same with them and without,
and theirs enters the keys of those cells only that see a score.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError, differences
from harness.spaces.named import make_space
from harness.system.files import write_whole
from harness.tabular import recorded, store
from harness.tabular.formats.recorded import Recording, digest, read, write
from harness.tabular.table import Table

SUFFIX = ".scores.parquet"
FOOTER = b"nas_harness_scores"
STORED = "scores.parquet"  # in the folder of a stored table


@dataclass(frozen=True, eq=False)
class Scores:
    """What a file holds.

    Attributes
    ----------
    about
        ``spec`` (what was recorded), ``seed`` (whose initial weights the networks have), ``images`` (of the batch), ``seconds``
        (mean a network, by score), ``environment``.
    row_of
        Row of every architecture's encoding.
    columns
        (rows,) values by name of the score; minus infinity where one could not be computed.
    sha256
        Of all that.
    """

    about: Mapping[str, Any]
    row_of: Mapping[tuple[int, ...], int]
    columns: Mapping[str, NDArray[np.float64]]
    sha256: str

    @property
    def seconds(self) -> Mapping[str, float]:
        """Mean processor seconds of a network's score, by name."""
        found: Mapping[str, float] = self.about["seconds"]
        return found


def read_scores(path: Path) -> Scores:
    """Read a file of scores.

    Raises
    ------
    HarnessError
        If it is none, is damaged or was edited.
    """
    found = read(path, FOOTER)
    space = make_space(found.spec["space"])
    texts = found.columns["arch"]
    columns = {name: values for name, values in found.columns.items() if name != "arch"}
    row_of = {tuple(space.parse(str(text))): row for row, text in enumerate(texts)}
    return Scores(found.about, row_of, columns, digest(found.about, found.columns))


def write_scores(path: Path, recording: Recording) -> None:
    """Write a file of scores, whole or not at all."""
    write(path, recording, FOOTER)


def scores_beside(table: Table) -> Scores | None:
    """Scores that were recorded for a table; None where there are none.

    Raises
    ------
    HarnessError
        If they are damaged, or belong to another recording of that name.
    """
    spec = table.source.get("recording", {}).get("spec", {})
    path = _file_of(table.name, spec.get("name", ""))
    if path is None:
        return None
    scores = _read(path, path.stat().st_mtime_ns, path.stat().st_size)
    if changed := differences(_networks(spec), _networks(scores.about["spec"])):
        raise HarnessError(
            f"{path}: scores of other networks than those of table {table.name} ({'; '.join(changed)}); record them again"
        )
    return scores


@lru_cache(maxsize=16)  # every search wants it, and they are many
def column_of_scores(table: Table, scores: Scores, name: str) -> NDArray[np.float64]:
    """(n_rows,) a score of every row of a table.

    Raises
    ------
    HarnessError
        If a row has none.
    """
    try:
        rows = [scores.row_of[tuple(code)] for code in table.codes.tolist()]
    except KeyError as error:
        raise HarnessError(f"table {table.name}: {table.space.format(error.args[0])} has no score") from error
    column: NDArray[np.float64] = scores.columns[name][rows]
    column.setflags(write=False)
    return column


def file_beside(path: Path) -> Path | None:
    """The file of scores that lies beside that of a recorded table, if there is one; a damaged one is refused."""
    beside = path.with_name(path.stem + SUFFIX)
    if not beside.is_file():
        return None
    read_scores(beside)
    return beside


def keep_beside(beside: Path, table: str) -> None:
    """Keep a file of scores with a table of this name in the store."""
    write_whole(store.store_root() / table / STORED, beside.read_bytes())


def _networks(spec: Mapping[str, Any]) -> dict[str, Any]:
    """What of a recording's specification decides its untrained networks and the images that they are scored on."""
    found = {key: spec[key] for key in ("space", "data_sha256", "split", "shares")}
    return (
        found | {"seed": spec["seeds"][0]} | {key: spec["recipe"][key] for key in ("channels", "cells", "reductions")}
    )


def _file_of(table: str, recording: str) -> Path | None:
    if (path := recorded.shipped_files(SUFFIX).get(recording)) is not None:
        return path
    path = store.store_root() / table / STORED
    return path if recording and path.is_file() else None


@lru_cache(maxsize=4)
def _read(path: Path, changed_ns: int, size: int) -> Scores:
    """`read_scores`, once for each content."""
    return read_scores(path)
