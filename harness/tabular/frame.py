"""Any table: a data frame with one row an architecture becomes a benchmark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError, unknown_name
from harness.spaces.base import CategoricalSpace, Space
from harness.system.texts import visible
from harness.tabular.audit import COUNTS, leaks, sameness
from harness.tabular.averaged import over_seeds
from harness.tabular.numerals import Numerals, numerals
from harness.tabular.statics import check_static
from harness.tabular.table import COST, TEST, VALID, Direction, Table, Unit, is_report_only, row_of_encodings
from harness.tabular.units import check_direction, in_one_unit, looks_otherwise

if TYPE_CHECKING:
    import pandas as pd

UNITS: tuple[Unit, ...] = ("percent", "fraction", "loss", "none")
CARRIED = ("latency", "params")  # columns that are taken along without asking
MAX_ENCODINGS = 50_000_000  # one flat map from encoding to row must stay a file of some 200 MB
DIRECTIONS: tuple[Direction, ...] = ("max", "min")


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
    statistics: Sequence[str] = (),
    unit: Unit | None = None,
    metric: str = "accuracy",
    direction: Direction = "max",
    dataset: str | None = None,
    source: Mapping[str, Any] | None = None,
    where: str | None = None,
    seed: str | None = None,
    training_seed: str | None = None,
) -> Table:
    """Make a benchmark from a data frame with one row an architecture, or a training of one.

    Parameters
    ----------
    frame
        One row an architecture. Numbers may be texts, with a percent sign or a decimal comma; an index that has a name is a
        column like others.
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
        are carried without asking where they hold a number in every row; ``source["columns_left_out"]`` says why one is not.
    weights
        Column of the measure from which random architectures are drawn; default every row once.
    statistics
        Columns that are known without training an architecture, such as zero-cost scores, to be carried along and marked as such;
        a cell may be empty, or hold no finite number.
    unit
        ``percent`` or ``fraction`` for accuracies and errors, ``loss`` or ``none`` otherwise. What is stated is obeyed. If left
        out it is told from the percent signs of the cells, then from the metric, and of accuracies and errors from the values.
    metric, direction, dataset, source
        As in `Table`; the data set defaults to the part of the name behind its last slash.
    where
        What to call the frame in messages, e.g. its file.
    seed
        Column of training seeds, where an architecture has several rows: its scores are their mean, columns ``valid_seeds`` and
        ``test_seeds`` count them, and ``source["training_noise"]`` says how noisy one training is.
    training_seed
        The only training seed that is wanted, in the place of the mean.

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
    check_direction(metric, unit, direction, where)
    frame = _with_index(frame)
    if len(frame) == 0:
        raise HarnessError(f"{where}: there is no row in it")
    for key in extra or {}:
        if key in (VALID, TEST, COST):
            raise HarnessError(f"{where}: extra column {key!r} has an option of its own; call it something else")
    wanted = {VALID: valid, TEST: test} | ({COST: cost} if cost else {}) | dict(extra or {})
    arch_columns = [arch] if isinstance(arch, str) else list(arch)
    for column in [*arch_columns, *wanted.values(), *statistics, *filter(None, (weights, seed))]:
        _check_once(frame, column, where)
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
    source = dict(source or {"from": "a data frame"})
    counted: tuple[str, ...] = ()
    if seed is not None:
        for column in wanted.values():
            _numbers(frame[column], where)  # of every training
        frame, noise = over_seeds(frame, arch_columns, seed, test, training_seed, where)
        source |= {"training_noise": noise} if noise else {"training_seed": str(training_seed)}
        counted = tuple(name for name in COUNTS if noise and name not in wanted)
    elif training_seed is not None:
        raise HarnessError(f"{where}: a training seed {training_seed} wants the column of seeds, by `seed` or --seed")
    numbers = {key: _numbers(frame[column], where) for key, column in wanted.items()}
    scores, known = in_one_unit({valid: numbers[VALID], test: numbers[TEST]}, unit, metric, where)
    columns = {VALID: scores[valid], TEST: scores[test]}
    columns |= {key: _plain(found, wanted[key], where) for key, found in numbers.items() if key not in columns}
    columns |= _statistics(frame, statistics, columns, where)
    carried, left_out = _unasked(frame, [*columns, test], where)
    source |= {"columns_left_out": left_out} if left_out else {}
    carried |= {name: frame[name].to_numpy(dtype=np.float64) for name in counted}
    if looks_otherwise(scores, known):
        source["unit"] = f"{known}, as stated or by percent signs"  # what an audit by the values alone would doubt
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
        columns=columns | carried,
        metric=metric,
        unit=known,
        direction=direction,
        weights=_weights(frame[weights], where) if weights else np.empty(0),
        fidelity={"valid": valid + _trainings(source), "test": test + _trainings(source)},
        source=source,
        statistics=dict.fromkeys(statistics, 0.0),
    )
    if hidden := [
        leak for leak in leaks(table, _other_tests(frame, [*wanted.values(), *COUNTS])) if leak not in leaks(table)
    ]:
        table = replace(table, source=source | {"leaks": hidden})
    return replace(table, caveats=tuple(f"{leak}." for leak in leaks(table)))


def _trainings(source: Mapping[str, Any]) -> str:
    """Of how many trainings scores are, for people."""
    if "training_seed" in source:
        return f", training seed {source['training_seed']}"
    noise = source.get("training_noise")
    return f", mean over up to {len(noise['seeds'])} training seeds" if noise else ""


def _with_index(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame whose index, unless it only numbers the rows, is a column like others."""
    import pandas as pd

    is_named = any(name is not None for name in frame.index.names)
    if not is_named and pd.api.types.is_integer_dtype(frame.index.dtype):
        return frame
    return frame.reset_index(allow_duplicates=True)


def _check_once(frame: pd.DataFrame, column: str, where: str) -> None:
    """Refuse a column that is not there, or stands there twice, be it that pandas has renamed the second one."""
    if column not in frame.columns:
        raise unknown_name("column", column, map(str, frame.columns), where)
    if isinstance(frame.columns.get_loc(column), slice | np.ndarray):
        raise HarnessError(f"{where}: there is column {column!r} twice; keep the one that is meant")
    if (again := f"{column}.1") in frame.columns:
        raise HarnessError(
            f"{where}: there are columns {column!r} and {again!r}, as pandas names one that stands there twice; keep the one "
            "that is meant, or give the other a name of its own"
        )


def _unasked(
    frame: pd.DataFrame, taken: Sequence[str], where: str
) -> tuple[dict[str, NDArray[np.float64]], dict[str, str]]:
    """Columns that are carried without asking, and why others of them are not: nobody needs them."""
    carried, left_out = {}, {}
    for column in CARRIED:
        if column in frame.columns and column not in taken:
            try:
                _check_once(frame, column, where)
                carried[column] = _plain(_numbers(frame[column], where), column, where)
            except HarnessError as error:
                left_out[column] = str(error).removeprefix(f"{where}: ")
    return carried, left_out


def _other_tests(frame: pd.DataFrame, taken: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """Test scores by their names that the table does not carry: what it does carry may be one of them."""
    found = {}
    for place, column in enumerate(map(str, frame.columns)):
        if is_report_only(column) and column not in taken:
            values = numerals(frame.iloc[:, place]).values
            if np.isfinite(values).any():
                found[f"{column!r} of the file"] = values
    return found


def _numbers(column: pd.Series[Any], where: str) -> Numerals:
    found = numerals(column)
    if (bad := np.flatnonzero(~np.isfinite(found.values))).size:
        cell = column.iloc[bad[0]]
        raise HarnessError(
            f"{where}: column {column.name!r} has no finite number in {bad.size} row(s), first in row {bad[0] + 1}: "
            f"{repr(cell) if isinstance(cell, str) else cell}; every architecture needs a value"
        )
    return found


def _statistics(
    frame: pd.DataFrame, names: Sequence[str], others: Mapping[str, NDArray[np.float64]], where: str
) -> dict[str, NDArray[np.float64]]:
    """Columns that are known without training: NaN where a cell is empty or no finite number, which a score may be."""
    found: dict[str, NDArray[np.float64]] = {}
    for name in names:
        check_static(name, where)
        if name in others or name in found:
            raise HarnessError(
                f"{where}: column {name!r} is named twice; a statistic keeps the name that it has in the file"
            )
        values = _plain(numerals(frame[name]), name, where)
        cells = frame[name].astype(str).str.strip().str.lower()
        unreadable = np.isnan(values) & frame[name].notna().to_numpy() & ~cells.isin(("", "nan", "none")).to_numpy()
        if (bad := np.flatnonzero(unreadable)).size:
            raise HarnessError(
                f"{where}: column {name!r} has no number in row {bad[0] + 1}: {frame[name].iloc[bad[0]]!r}; leave the cell empty"
            )
        if not np.isfinite(values).any():
            raise HarnessError(f"{where}: column {name!r} has no finite number in any row")
        for score in (VALID, TEST):
            if how := sameness(values, others[score]):
                raise HarnessError(
                    f"{where}: statistic {name!r} and the {score} score are {how}: it is not free of training"
                )
        found[name] = values
    return found


def _plain(found: Numerals, column: str, where: str) -> NDArray[np.float64]:
    """Numbers that are no scores: all with a percent sign, or none."""
    if found.signed.any() and not found.signed.all():
        rows = (int(np.argmax(found.signed)) + 1, int(np.argmin(found.signed)) + 1)
        raise HarnessError(f"{where}: column {column!r} has a percent sign in row {rows[0]} and none in row {rows[1]}")
    return found.values


def _refuse_missing(column: pd.Series[Any], where: str) -> None:
    """Refuse a column of architectures with a cell that is empty: it would be read as the text "nan"."""
    if (bad := np.flatnonzero(column.isna().to_numpy())).size:
        raise HarnessError(
            f"{where}: column {column.name!r} names no architecture in {bad.size} row(s), first in row {bad[0] + 1}"
        )


def _weights(column: pd.Series[Any], where: str) -> NDArray[np.float64]:
    values = _plain(_numbers(column, where), str(column.name), where)
    if (bad := np.flatnonzero(values <= 0)).size:
        raise HarnessError(f"{where}: weight {values[bad[0]]} in row {bad[0] + 1}; weights must be above 0")
    return values


def _parsed(texts: pd.Series[Any], space: Space, where: str) -> NDArray[np.integer]:
    codes = np.empty((len(texts), len(space.cardinalities)), dtype=_code_type(space))
    for row, text in enumerate(texts):
        try:
            codes[row] = space.parse(str(text).strip())
        except HarnessError as error:
            raise HarnessError(f"{where}: row {row + 1}: {error}") from error
    return codes


def _space_of_columns(
    frame: pd.DataFrame, name: str, columns: list[str]
) -> tuple[CategoricalSpace, NDArray[np.integer]]:
    texts = {column: _choices(frame[column], f"table {name}") for column in columns}
    places = {column: np.unique(values, return_inverse=True) for column, values in texts.items()}
    space = CategoricalSpace(f"space of {name}", {column: choices.tolist() for column, (choices, _) in places.items()})
    return space, np.stack([place for _, place in places.values()], axis=1).astype(_code_type(space))


def _choices(column: pd.Series[Any], where: str) -> NDArray[np.object_]:
    """Texts of a column without blanks at their ends, which the text of an architecture cannot hold."""
    texts = column.map(_as_seen)
    pairs = texts.to_frame("text").assign(bare=texts.str.strip()).drop_duplicates()
    if (again := pairs[pairs["bare"].duplicated(keep=False)]).size:
        bare = again["bare"].iloc[0]
        listed = " and ".join(map(repr, again.loc[again["bare"] == bare, "text"]))
        raise HarnessError(
            f"{where}: column {column.name!r} has choices {listed}, which differ in blanks at their ends only; write {bare!r}"
        )
    return texts.str.strip().to_numpy(dtype=object)


def _as_seen(cell: object) -> str:
    """The text of a cell without letters of no width; blanks at its ends are for whoever asks."""
    text = str(cell)
    return text if text.isascii() else visible(text)


def _code_type(space: Space) -> type[np.integer]:
    return np.int16 if max(space.cardinalities) <= np.iinfo(np.int16).max else np.int32


def _row_map(space: Space, codes: NDArray[np.integer], where: str) -> NDArray[np.int32]:
    """Row of every encoding; an encoding that is not listed shares the row of an equal computation that is."""
    if space.size > MAX_ENCODINGS:
        raise HarnessError(
            f"{where}: space {space.name} has {space.size:.3g} encodings; at most {MAX_ENCODINGS:,} fit a table"
        )
    try:
        rows = row_of_encodings(space, codes)
    except HarnessError as error:
        raise HarnessError(f"{where}: {error}") from error
    if type(space).canonical is not Space.canonical and len(codes) < space.size:
        listed = np.flatnonzero(rows >= 0)  # of several rows of one class the last one stands for what is not listed
        row_of_class = {space.canonical(space.arch(int(index))): rows[index] for index in listed}
        for index in np.flatnonzero(rows < 0):
            rows[index] = row_of_class.get(space.canonical(space.arch(int(index))), -1)
    return rows
