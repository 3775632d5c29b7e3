"""What a run leaves behind, by the schema of `harness.running.columns`: the folder that keeps it through anything.

A finished cell is one line of an append journal, checksummed and synced to disk; only one process, the one that started the
run, writes. When all cells are there the journal is compacted into ``records.parquet`` and ``traces.parquet``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from harness.errors import HarnessError, first_line
from harness.running.columns import EPOCH_COLUMNS, EVALUATION_COLUMNS, LATER_COLUMNS, RECORD_COLUMNS, TRACE_COLUMNS
from harness.suites.group import SCHEMA
from harness.system.files import held, write_whole
from harness.system.journal import Journal

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

UNKNOWN_CODE = "unknown"
RECORDS, TRACES, EPOCHS, JOURNAL = "records.parquet", "traces.parquet", "epochs.parquet", "journal.jsonl"
EVALUATIONS = "evaluations.parquet"


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


class RunFolder:
    """The output folder of a run, held by one process at a time.

    Use as a context manager: it refuses to open a folder that another run is writing.

    Parameters
    ----------
    path
        The folder; made when the first thing is written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._journal = Journal(path / JOURNAL)
        self._held = held(path, "run")

    def __enter__(self) -> Self:
        self._held.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._held.__exit__(kind, error, traceback)

    def entries(self) -> dict[str, Entry]:
        """All cells that are finished, compacted or not, by key.

        The latest stands for a cell, but a failure never hides an earlier success of the same code.
        """
        found: dict[str, Entry] = {}
        for entry in [*_compacted(self.path), *(Entry(**item) for item in self._journal.read())]:
            known = found.get(entry.cell)
            if not (entry.failed and known and not known.failed and known.code_digest == entry.code_digest):
                found[entry.cell] = entry
        return found

    def append(self, entries: Iterable[Entry]) -> None:
        """Make finished cells durable, see `Journal.append`."""
        self._journal.append(vars(entry) for entry in entries)

    def compact(self, entries: Mapping[str, Entry], order: Iterable[str]) -> None:
        """Write records and traces as Parquet, first the cells in `order` and then all others by key, and drop the journal."""
        first = [key for key in order if key in entries]
        inside = set(first)
        ordered = [entries[key] for key in [*first, *sorted(key for key in entries if key not in inside)]]
        # Traces first: a run killed in between finds the traces of all records that it finds.
        write_parquet(self.path / TRACES, traces_frame(ordered), TRACE_COLUMNS)
        if any(entry.epochs for entry in ordered):
            write_parquet(self.path / EPOCHS, epochs_frame(ordered), EPOCH_COLUMNS)
        if any(entry.rows for entry in ordered):
            write_parquet(self.path / EVALUATIONS, evaluations_frame(ordered), EVALUATION_COLUMNS)
        write_parquet(self.path / RECORDS, records_frame(ordered), RECORD_COLUMNS)
        self._journal.path.unlink(missing_ok=True)

    def write_json(self, name: str, value: Any) -> None:
        """Write a JSON file, whole or not at all."""
        write_whole(self.path / name, (json.dumps(value, indent=1, sort_keys=True) + "\n").encode())


def records_frame(entries: Iterable[Entry]) -> pd.DataFrame:
    """Records as a frame with the columns and types of `RECORD_COLUMNS`."""
    return _typed([LATER_COLUMNS | entry.record for entry in entries], RECORD_COLUMNS)


def traces_frame(entries: Iterable[Entry]) -> pd.DataFrame:
    """Traces as a frame with the columns and types of `TRACE_COLUMNS`."""
    rows = [[entry.cell, *row] for entry in entries for row in entry.trace]
    return _typed([dict(zip(TRACE_COLUMNS, row, strict=True)) for row in rows], TRACE_COLUMNS)


def epochs_frame(entries: Iterable[Entry]) -> pd.DataFrame:
    """Epochs of live cells as a frame: `EPOCH_COLUMNS`, then the columns of groups by name."""
    import pandas as pd

    rows = [{"cell": entry.cell, **row} for entry in entries for row in entry.epochs]
    groups = sorted({key for row in rows for key in row} - set(EPOCH_COLUMNS))
    typed = _typed([{key: row.get(key) for key in EPOCH_COLUMNS} for row in rows], EPOCH_COLUMNS)
    return pd.concat([typed, pd.DataFrame([{key: row.get(key) for key in groups} for row in rows])], axis=1)


def evaluations_frame(entries: Iterable[Entry]) -> pd.DataFrame:
    """Evaluated rows of the cells that keep them, as a frame with the columns of `EVALUATION_COLUMNS`."""
    return _typed([{"cell": entry.cell, "rows": entry.rows} for entry in entries if entry.rows], EVALUATION_COLUMNS)


def read_evaluations(path: Path) -> dict[str, NDArray[np.int64]]:
    """Rows that were evaluated, in order, by cell; empty if the run's suite shows no columns to methods."""
    if not (path / EVALUATIONS).is_file():
        return {}
    frame = _read_frame(path / EVALUATIONS, EVALUATION_COLUMNS)
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
    try:
        resolved: dict[str, Any] = json.loads((path / "suite.resolved.json").read_text())
        if not isinstance(resolved, dict) or resolved.get("schema") != SCHEMA:
            raise ValueError(f"suite.resolved.json is not of schema {SCHEMA}")
    except (OSError, ValueError) as error:
        raise HarnessError(f"{path}: damaged: {first_line(error)}") from error
    return _read_frame(path / RECORDS, RECORD_COLUMNS), _read_frame(path / TRACES, TRACE_COLUMNS), resolved


def edited(path: Path) -> list[str]:
    """Return what of a run is not as the harness wrote it, a sentence a file, by the digest in each file's footer."""
    import pyarrow.parquet as pq

    found = []
    files = {
        RECORDS: RECORD_COLUMNS,
        TRACES: TRACE_COLUMNS,
        EPOCHS: EPOCH_COLUMNS,
        EVALUATIONS: EVALUATION_COLUMNS,
    }
    for name, columns in files.items():
        if not (path / name).is_file():
            continue
        frame = _read_frame(path / name, columns)
        with (path / name).open("rb") as stream:
            footer = json.loads((pq.read_schema(stream).metadata or {}).get(b"nas_harness", b"{}"))
        # It is of the columns that there were when it was written.
        columns = {key: kind for key, kind in columns.items() if key in footer.get("columns", columns)}
        if "sha256" not in footer:
            found.append(f"{path / name} has no digest of its content: it is not as nas-harness writes it")
        elif footer["sha256"] != _digest(frame, columns):
            found.append(f"{path / name} does not match the digest in its footer: it was edited after the run")
    return found


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


def _compacted(path: Path) -> Iterator[Entry]:
    if not (path / RECORDS).is_file():
        return
    for edit in edited(path):  # what is added to an edited run would be written with a digest that holds
        raise HarnessError(f"{edit}; move its folder away")
    records, traces = _read_frame(path / RECORDS, RECORD_COLUMNS), _read_frame(path / TRACES, TRACE_COLUMNS)
    epochs = _read_frame(path / EPOCHS, EPOCH_COLUMNS) if (path / EPOCHS).is_file() else None
    evaluated = read_evaluations(path)
    steps: dict[str, list[list[Any]]] = {cell: [] for cell in records["cell"]}
    for cell, *row in traces[list(TRACE_COLUMNS)].itertuples(index=False, name=None):
        if cell in steps:
            steps[cell].append(row)
    tracked: dict[str, list[dict[str, Any]]] = {cell: [] for cell in records["cell"]}
    for epoch in [] if epochs is None else epochs.to_dict("records"):
        found = {str(key): _plain(value) for key, value in epoch.items() if key != "cell" and not _is_missing(value)}
        tracked.setdefault(epoch["cell"], []).append(found)
    for record in records.to_dict("records"):
        cell = record["cell"]
        rows = _plain(evaluated[cell]) if cell in evaluated else []
        yield Entry({str(key): value for key, value in record.items()}, steps[cell], tracked[cell], rows)


def _is_missing(value: Any) -> bool:
    return value is None or value != value if not hasattr(value, "__len__") else False


def _plain(value: Any) -> Any:
    """Arrays within arrays, as Parquet gives them back, as lists within lists."""
    return [_plain(item) for item in value] if hasattr(value, "tolist") and hasattr(value, "__len__") else value


def _parquet(path: Path) -> pd.DataFrame:
    import pandas as pd

    with path.open("rb") as stream:  # Arrow opens no file whose name is not UTF-8
        return pd.read_parquet(stream)


def _read_frame(path: Path, columns: Mapping[str, tuple[str, str]]) -> pd.DataFrame:
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
            values = values.astype(object).where(values.notna(), "")
        digest.update(f"{key} {len(values)}".encode())
        digest.update(pd.util.hash_pandas_object(values, index=False).to_numpy().tobytes())
    return digest.hexdigest()


def _typed(rows: list[dict[str, Any]], columns: Mapping[str, tuple[str, str]]) -> pd.DataFrame:
    import pandas as pd

    frame = pd.DataFrame(rows, columns=list(columns))
    kinds = {"str": "object", "list": "object"}
    return frame.astype({key: kinds.get(kind, kind) for key, (kind, _) in columns.items()})
