"""What a run leaves behind: the schema of its records and traces, and the files that hold them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError, first_line
from harness.running.columns import EPOCH_COLUMNS, EVALUATION_COLUMNS, LATER_COLUMNS, RECORD_COLUMNS, TRACE_COLUMNS
from harness.suites.group import SCHEMA
from harness.system.files import write_whole

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

UNKNOWN_CODE = "unknown"
RECORDS, TRACES, EPOCHS, JOURNAL = "records.parquet", "traces.parquet", "epochs.parquet", "journal.jsonl"
EVALUATIONS, SUITE = "evaluations.parquet", "suite.resolved.json"


@dataclass(frozen=True)
class Entry:
    """One finished cell: its record, a row for each change of its incumbent, and of some cells more."""

    record: dict[str, Any]
    trace: list[list[Any]]  # columns of TRACE_COLUMNS without the cell
    epochs: list[dict[str, Any]] = field(default_factory=list)  # of live benchmarks
    rows: list[int] = field(default_factory=list)  # evaluated, where the suite shows columns to methods

    @property
    def cell(self) -> str:
        """The cell's key."""
        return str(self.record["cell"])

    @property
    def code_digest(self) -> str:
        """Digest of the code that has run the cell; empty where it is not known."""
        return str(self.record.get("code_digest", ""))

    @property
    def failed(self) -> bool:
        """Whether the method raised."""
        return bool(self.record["status"] == "failed")


def records_frame(entries: Iterable[Entry]) -> pd.DataFrame:
    """Records as a frame with the columns and types of `RECORD_COLUMNS`."""
    records = (LATER_COLUMNS | entry.record for entry in entries)
    return _frame([[record.get(key) for key in RECORD_COLUMNS] for record in records], RECORD_COLUMNS)


def traces_frame(entries: Iterable[Entry]) -> pd.DataFrame:
    """Traces as a frame with the columns and types of `TRACE_COLUMNS`."""
    return _frame([[entry.cell, *row] for entry in entries for row in entry.trace], TRACE_COLUMNS)


def epochs_frame(entries: Iterable[Entry]) -> pd.DataFrame:
    """Epochs of live cells as a frame: `EPOCH_COLUMNS`, then the columns of groups by name."""
    import pandas as pd

    rows = [{"cell": entry.cell, **row} for entry in entries for row in entry.epochs]
    groups = sorted({key for row in rows for key in row} - set(EPOCH_COLUMNS))
    common = _frame([[row.get(key) for key in EPOCH_COLUMNS] for row in rows], EPOCH_COLUMNS)
    return pd.concat([common, pd.DataFrame([{key: row.get(key) for key in groups} for row in rows])], axis=1)


def evaluations_frame(entries: Iterable[Entry]) -> pd.DataFrame:
    """Evaluated rows of the cells that keep them, as a frame with the columns of `EVALUATION_COLUMNS`."""
    return _frame([[entry.cell, entry.rows] for entry in entries if entry.rows], EVALUATION_COLUMNS)


def read_evaluations(path: Path) -> dict[str, NDArray[np.int64]]:
    """Rows that were evaluated, in order, by cell; empty if the run's suite shows no columns to methods."""
    if not (path / EVALUATIONS).is_file():
        return {}
    frame = read_frame(path / EVALUATIONS, EVALUATION_COLUMNS)
    return dict(zip(frame["cell"], frame["rows"], strict=True))


def read_epochs(path: Path) -> pd.DataFrame | None:
    """Epochs of a run's live cells, None if it has none."""

    return _parquet(path / EPOCHS) if (path / EPOCHS).is_file() else None


def read_run(path: Path) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """Records, traces and resolved suite of a finished run.

    Raises
    ------
    HarnessError
        If the folder holds no finished run or a file of it is damaged.
    """
    if not (path / RECORDS).is_file():
        unfinished = " (it holds a run that is not finished: run the suite again)" if (path / JOURNAL).exists() else ""
        raise HarnessError(f"{path}: no {RECORDS} here{unfinished}; wanted the output folder of `nas-harness run`")
    resolved = read_resolved(path / SUITE)
    return read_frame(path / RECORDS, RECORD_COLUMNS), read_frame(path / TRACES, TRACE_COLUMNS), resolved


def read_resolved(file: Path) -> dict[str, Any]:
    """The resolved suite of a run, ``suite.resolved.json``.

    Raises
    ------
    HarnessError
        If it is missing, damaged or of another schema.
    """
    try:
        resolved: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(resolved, dict) or resolved.get("schema") != SCHEMA:
            raise ValueError(f"{file.name} is not of schema {SCHEMA}")
    except (OSError, ValueError) as error:
        raise HarnessError(f"{file.parent}: damaged: {first_line(error)}") from error
    return resolved


def edited(path: Path) -> list[str]:
    """Return what of a run is not as the harness wrote it, a sentence a file, by the digest in each file's footer."""
    files = {RECORDS: RECORD_COLUMNS, TRACES: TRACE_COLUMNS, EPOCHS: EPOCH_COLUMNS, EVALUATIONS: EVALUATION_COLUMNS}
    there = {path / name: columns for name, columns in files.items() if (path / name).is_file()}
    edits = (edit_of(file, read_frame(file, columns), columns) for file, columns in there.items())
    return [edit for edit in edits if edit]


def edit_of(file: Path, frame: pd.DataFrame, columns: Mapping[str, tuple[str, str]]) -> str:
    """Say in a sentence that a file that holds this frame is not as the harness wrote it; empty if it is."""
    import pyarrow.parquet as pq

    with file.open("rb") as stream:
        footer = json.loads((pq.read_schema(stream).metadata or {}).get(b"nas_harness", b"{}"))
    if "sha256" not in footer:
        return f"{file} has no digest of its content: it is not as nas-harness writes it"
    # It is of the columns that there were when it was written.
    written = {key: kind for key, kind in columns.items() if key in footer.get("columns", columns)}
    if footer["sha256"] != _digest(frame, written):
        return f"{file} does not match the digest in its footer: it was edited after the run"
    return ""


def write_parquet(path: Path, frame: pd.DataFrame, columns: Mapping[str, tuple[str, str]]) -> None:
    """Write a frame as Parquet, whole or not at all, with its schema's description and a digest of it in the footer."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    described = {"schema_version": SCHEMA, "columns": {key: text for key, (_, text) in columns.items()}}
    described["sha256"] = _digest(frame, columns)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    table = table.replace_schema_metadata(
        (table.schema.metadata or {}) | {b"nas_harness": json.dumps(described).encode()}
    )
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    write_whole(path, sink.getvalue().to_pybytes())


def _parquet(path: Path) -> pd.DataFrame:
    import pandas as pd

    with path.open("rb") as stream:  # Arrow opens no file whose name is not UTF-8
        return pd.read_parquet(stream)


def read_frame(path: Path, columns: Mapping[str, tuple[str, str]]) -> pd.DataFrame:
    """Read a Parquet file that has these columns, and perhaps more.

    Raises
    ------
    HarnessError
        If it is missing, damaged or lacks one.
    """
    try:
        frame = _parquet(path)
        later = {key: value for key, value in LATER_COLUMNS.items() if key in columns and key not in frame.columns}
        if later:
            frame = frame.assign(**later)
            frame = frame[sorted(frame.columns, key=[*columns, *frame.columns].index)]
        if missing := [column for column in columns if column not in frame.columns]:
            raise ValueError(f"it has no column {missing[0]}")
    except (OSError, ValueError) as error:
        raise HarnessError(f"{path} is damaged: {first_line(error)}; move its folder away") from error
    return frame


def _digest(frame: pd.DataFrame, columns: Mapping[str, tuple[str, str]]) -> str:
    """Return the SHA-256 of the values of the schema's columns, however a Parquet file encodes them."""
    import numpy as np
    import pandas as pd

    digest = hashlib.sha256()
    for key, (kind, _) in columns.items():
        values = frame[key]
        if kind == "list":
            values = values.map(lambda entry: np.asarray(entry, dtype="<i8").tobytes())
        elif not pd.api.types.is_numeric_dtype(values.dtype):
            values = values.astype(object)
            if values.hasnans:
                values = values.where(values.notna(), "")
        digest.update(f"{key} {len(values)}".encode())
        digest.update(pd.util.hash_array(values.to_numpy()).tobytes())
    return digest.hexdigest()


def typed(frame: pd.DataFrame, columns: Mapping[str, tuple[str, str]]) -> pd.DataFrame:
    """The frame with the types of the schema, from which a file's bytes follow; those of further columns stay."""
    wanted = {key: _dtype(kind) for key, (kind, _) in columns.items()}
    return frame.astype({key: dtype for key, dtype in wanted.items() if frame[key].dtype != dtype})


def _dtype(kind: str) -> str:
    return {"str": "object", "list": "object"}.get(kind, kind)


def _frame(rows: Sequence[Sequence[Any]], columns: Mapping[str, tuple[str, str]]) -> pd.DataFrame:
    """Return a frame of rows with a value a column; made by columns, since pandas takes many times as long by rows."""
    import pandas as pd

    return pd.DataFrame(
        {
            key: pd.Series([row[place] for row in rows], dtype=_dtype(kind))
            for place, (key, (kind, _)) in enumerate(columns.items())
        }
    )


def is_missing(value: Any) -> bool:
    """Whether a value of a frame stands for none."""
    return value is None or (not hasattr(value, "__len__") and bool(value != value))
