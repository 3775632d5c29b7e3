"""Any table: a data frame or a CSV or Parquet file with one row an architecture becomes a benchmark."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import platformdirs
from numpy.typing import NDArray

from harness.doctor import leaks
from harness.errors import HarnessError, first_line, unknown_name
from harness.spaces.base import CategoricalSpace, Space
from harness.spaces.named import make_space
from harness.tabular import catalogue, store
from harness.tabular.formats import describe_source
from harness.tabular.table import COST, TEST, VALID, Direction, Table, Unit, is_report_only, row_of_encodings

if TYPE_CHECKING:
    import pandas as pd

UNITS: tuple[Unit, ...] = ("percent", "fraction", "loss", "none")
MAX_ENCODINGS = 50_000_000  # one flat map from encoding to row must stay a file of some 200 MB
DIRECTIONS: tuple[Direction, ...] = ("max", "min")


def read_frame(path: Path, texts: Sequence[str] = ()) -> pd.DataFrame:
    """Read a CSV (plain or compressed) or Parquet file; the columns in `texts` are texts even where they look like numbers."""
    import pandas as pd

    # From 3.1 on every number is read exactly; before it that has to be asked for.
    major, minor = (int(part) for part in pd.__version__.split(".")[:2])
    exact: dict[str, Any] = {} if (major, minor) >= (3, 1) else {"float_precision": "round_trip"}
    try:
        return (
            pd.read_parquet(path)
            if path.suffix == ".parquet"
            else pd.read_csv(path, dtype=dict.fromkeys(texts, str), **exact)
        )
    except FileNotFoundError as error:
        raise HarnessError(f"{path}: no such file") from error
    except PermissionError as error:
        raise HarnessError(f"{path}: no permission to read it") from error
    except Exception as error:  # each format and compression has errors of its own
        reason = first_line(error)
        raise HarnessError(
            f"{path}: cannot be read as {'Parquet' if path.suffix == '.parquet' else 'CSV'}: {reason}"
        ) from error


def table_from_frame(
    frame: pd.DataFrame,
    name: str,
    space: Space | None = None,
    *,
    arch: str | list[str] = "architecture",
    valid: str = VALID,
    test: str = TEST,
    cost: str | None = None,
    extra: Mapping[str, str] | None = None,
    weights: str | None = None,
    unit: Unit | None = None,
    metric: str = "accuracy",
    direction: Direction = "max",
    dataset: str | None = None,
    source: Mapping[str, Any] | None = None,
    where: str | None = None,
) -> Table:
    """Make a benchmark from a data frame with one row an architecture.

    Parameters
    ----------
    frame
        One row an architecture.
    name
        Name of the benchmark, usually ``family/dataset``.
    space
        The search space; None makes one from the values that the columns in `arch` take.
    arch
        Column that holds an architecture's text, or, without a space, the columns that hold its variables.
    valid, test
        Columns of the validation score, which drives a search, and of the test score, which is reported.
    cost
        Column of simulated seconds an evaluation.
    extra
        Further columns to carry along: name in the table -> column of the frame. Columns called ``latency`` and ``params``
        are carried without asking.
    weights
        Column of the measure from which random architectures are drawn; default every row once.
    unit
        ``percent`` or ``fraction`` for accuracies, ``loss`` or ``none`` otherwise. Told from the values if left out.
    metric, direction, dataset, source
        As in `Table`; the data set defaults to the part of the name behind its last slash.
    where
        What to call the frame in messages, e.g. its file.

    Returns
    -------
    Table

    Raises
    ------
    HarnessError
        If a column is missing, an architecture is unreadable or stands twice, a value is missing, or percent and fraction
        are mixed. The message names the row (counted from 1, without the header).

    Notes
    -----
    Where what a search sees is the test, or nearly so, under whatever name, the table says so in its caveats.
    """
    where = where or f"table {name}"
    if unit is not None and unit not in UNITS:
        raise unknown_name("unit", unit, UNITS, where)
    if direction not in DIRECTIONS:
        raise unknown_name("direction", direction, DIRECTIONS, where)
    if unit == "loss" and direction == "max":
        raise HarnessError(f"{where}: a loss is better when it is smaller: give direction min, or unit none")
    if len(frame) == 0:
        raise HarnessError(f"{where}: there is no row in it")
    for key in extra or {}:
        if key in (VALID, TEST, COST):
            raise HarnessError(f"{where}: extra column {key!r} has an option of its own; call it something else")
    wanted = {VALID: valid, TEST: test} | ({COST: cost} if cost else {}) | dict(extra or {})
    wanted |= {key: key for key in ("latency", "params") if key in frame.columns and key not in wanted}
    arch_columns = [arch] if isinstance(arch, str) else list(arch)
    for column in [*arch_columns, *wanted.values(), *([weights] if weights else [])]:
        if column not in frame.columns:
            raise unknown_name("column", column, map(str, frame.columns), where)
        if isinstance(frame.columns.get_loc(column), slice | np.ndarray):
            raise HarnessError(f"{where}: the frame has column {column!r} twice")
    if valid == test:
        raise HarnessError(
            f"{where}: column {valid!r} is named both as validation and as test; a search would see the test"
        )
    # What a search draws by, is told or counts with must not be a test column under another name.
    shown = [column for key, column in wanted.items() if key != VALID and not is_report_only(key)]
    for column in [*arch_columns, *shown, *([weights] if weights else [])]:
        if column == test or (is_report_only(column) and column not in arch_columns):
            raise HarnessError(f"{where}: column {column!r} is for the report only; a search would see the test")

    for column in arch_columns:
        _refuse_missing(frame[column], where)
    columns = {key: _numbers(frame[column], where) for key, column in wanted.items()}
    unit = _unit(unit, {valid: columns[VALID], test: columns[TEST]}, where)
    if space is None:
        space, codes = _space_of_columns(frame, name, arch_columns)
    elif isinstance(arch, str):
        codes = _parsed(frame[arch], space, where)
    else:
        raise HarnessError(
            f"{where}: with space {space.name} wanted one column of architecture texts, not {arch_columns}"
        )
    table = Table(
        name=name,
        dataset=dataset or name.rpartition("/")[2],
        space=space,
        rows=_row_map(space, codes, where),
        codes=codes,
        columns=columns,
        metric=metric,
        unit=unit,
        direction=direction,
        weights=_weights(frame[weights], where) if weights else np.empty(0),
        fidelity={"valid": valid, "test": test},
        source=dict(source or {"from": "a data frame"}),
    )
    return replace(table, caveats=tuple(f"{finding.what}." for finding in leaks(table) if finding.verdict == "bad"))


def import_file(
    file: str, name: str, space: str, *, replace: bool = False, licence: str = "not stated", **columns: Any
) -> Table:
    """Make a benchmark of a CSV or Parquet file and put it into the store, so that it is known by name.

    Parameters
    ----------
    file
        Path, looked for in the working directory and then in the folder ``$NAS_HARNESS_DATA``.
    name, space
        Name of the benchmark, and of the space that the architectures' texts belong to.
    replace
        Whether a benchmark of the same name with other content may be replaced.
    licence
        For the table's card.
    **columns
        As in `table_from_frame`.

    Raises
    ------
    HarnessError
        As `table_from_frame`, or if the name is taken.
    """
    catalogue.check_name(name)
    path = find(file)
    frame = read_frame(path, [columns["arch"]] if isinstance(columns.get("arch"), str) else [])
    source = describe_source(path) | {"licence": licence}
    table = table_from_frame(frame, name, make_space(space), source=source, where=str(path), **columns)
    if not replace and store.is_stored(name) and store.card_of(name).get("sha256") != table.sha256:
        raise HarnessError(f"benchmark {name!r} exists with other content; choose another name, or pass --replace")
    catalogue.save_benchmark(table)
    return table


def data_folder() -> Path:
    """Where a user keeps published files: ``$NAS_HARNESS_DATA`` or the user's data folder."""
    return Path(os.environ.get("NAS_HARNESS_DATA") or platformdirs.user_data_dir("nas-harness"))


def find(file: str) -> Path:
    """A file or folder, here or in the data folder."""
    for path in (Path(file), data_folder() / file):
        if path.exists():
            return path
    raise HarnessError(f"{file}: no such file, neither here nor in {data_folder()}")


def _numbers(column: pd.Series[Any], where: str) -> NDArray[np.float64]:
    import pandas as pd

    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    if (bad := np.flatnonzero(~np.isfinite(values))).size:
        raise HarnessError(
            f"{where}: column {column.name!r} has no finite number in {bad.size} row(s), first in row {bad[0] + 1}: "
            f"{column.iloc[bad[0]]!r}; every architecture needs a value"
        )
    return values


def _refuse_missing(column: pd.Series[Any], where: str) -> None:
    """Refuse a column of architectures with a cell that is empty: it would be read as the text "nan"."""
    if (bad := np.flatnonzero(column.isna().to_numpy())).size:
        raise HarnessError(
            f"{where}: column {column.name!r} names no architecture in {bad.size} row(s), first in row {bad[0] + 1}"
        )


def _weights(column: pd.Series[Any], where: str) -> NDArray[np.float64]:
    values = _numbers(column, where)
    if (bad := np.flatnonzero(values <= 0)).size:
        raise HarnessError(f"{where}: weight {values[bad[0]]} in row {bad[0] + 1}; weights must be above 0")
    return values


def _unit(unit: Unit | None, scores: Mapping[str, NDArray[np.float64]], where: str) -> Unit:
    """Check the stated unit, or tell percent from fraction by the values; a mixture of both is refused."""
    if unit in ("loss", "none"):
        return unit
    told: dict[str, Unit] = {}
    for column, values in scores.items():
        top = values.max()
        if values.min() < 0 or top > 100:
            bad = int(np.flatnonzero((values < 0) | (values > 100))[0])
            raise HarnessError(
                f"{where}: column {column!r} has {values[bad]} in row {bad + 1}, which is neither a percentage nor a fraction; "
                "state --unit loss or --unit none if it is no accuracy"
            )
        told[column] = "percent" if top > 1 else "fraction"
        # A percentage of at most 1 that would be a likely score if read as a fraction.
        suspects = np.flatnonzero((values > 0) & (values <= 1) & (values * 100 <= top)) if top > 1 else np.empty(0, int)
        if suspects.size:
            raise HarnessError(
                f"{where}: column {column!r} mixes percent and fraction: {values[suspects[0]]} in row {suspects[0] + 1} beside "
                f"a largest value of {top}; bring it to one unit"
            )
    if len(set(told.values())) > 1:
        listed = ", ".join(f"{column!r} looks like {kind}" for column, kind in told.items())
        raise HarnessError(f"{where}: percent and fraction are mixed: {listed}; bring both columns to one unit")
    found = next(iter(told.values()))
    if unit is not None and unit != found:
        raise HarnessError(f"{where}: the unit was stated as {unit}, but the values look like {found}")
    return found


def _parsed(texts: pd.Series[Any], space: Space, where: str) -> NDArray[np.integer]:
    codes = np.empty((len(texts), len(space.cardinalities)), dtype=_code_type(space))
    for row, text in enumerate(texts):
        try:
            codes[row] = space.parse(str(text))
        except HarnessError as error:
            raise HarnessError(f"{where}: row {row + 1}: {error}") from error
    return codes


def _space_of_columns(
    frame: pd.DataFrame, name: str, columns: list[str]
) -> tuple[CategoricalSpace, NDArray[np.integer]]:
    texts = {column: frame[column].map(str).to_numpy(dtype=object) for column in columns}
    places = {column: np.unique(values, return_inverse=True) for column, values in texts.items()}
    space = CategoricalSpace(f"space of {name}", {column: choices.tolist() for column, (choices, _) in places.items()})
    return space, np.stack([place for _, place in places.values()], axis=1).astype(_code_type(space))


def _code_type(space: Space) -> type[np.integer]:
    return np.int16 if max(space.cardinalities) <= np.iinfo(np.int16).max else np.int32


def _row_map(space: Space, codes: NDArray[np.integer], where: str) -> NDArray[np.int32]:
    """Row of every encoding; an encoding that is not listed shares the row of an equal computation that is."""
    if space.size > MAX_ENCODINGS:
        raise HarnessError(
            f"{where}: space {space.name} has {space.size:.3g} encodings; at most {MAX_ENCODINGS:,} fit a table"
        )
    indices = space.indices(codes)
    unique, first, counts = np.unique(indices, return_index=True, return_counts=True)
    if (counts > 1).any():
        again = unique[counts > 1][0]
        row, other = np.flatnonzero(indices == again)[:2] + 1
        raise HarnessError(
            f"{where}: architecture {space.format(space.arch(int(again)))} stands in rows {row} and {other}"
        )
    rows = row_of_encodings(space, codes)
    if type(space).canonical is not Space.canonical and len(unique) < space.size:
        row_of_class = {space.canonical(space.arch(int(index))): row for index, row in zip(unique, first, strict=True)}
        for index in np.flatnonzero(rows < 0):
            rows[index] = row_of_class.get(space.canonical(space.arch(int(index))), -1)
    return rows
