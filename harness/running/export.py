"""A run in forms that other tools read: files only, nothing is sent anywhere."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError, unknown_name
from harness.running.records import read_epochs, read_run
from harness.system.files import write_whole

if TYPE_CHECKING:
    import pandas as pd

# Scalars of TensorBoard by the column that they are of, and the axis that they stand over.
INCUMBENT = {"incumbent_valid": "incumbent/valid", "incumbent_test": "incumbent/test"}
BY_EPOCH = ("train_loss", "train_accuracy", "valid_loss", "valid_accuracy", "test_loss", "test_accuracy")


def export(folder: Path, output: Path, to: str) -> list[Path]:
    """Write a run in another form.

    Parameters
    ----------
    folder
        Output folder of a run.
    output
        Folder for the files, new or empty.
    to
        ``"csv"`` or ``"json"`` (a line an object): `records`, `traces` and, of live runs, `epochs`, with all their columns. Or
        ``"tensorboard"``: an event file a cell, BENCHMARK/LABEL@BUDGET/seed-N, of incumbents by evaluation or epoch and of
        losses and accuracies by epoch; the extra `tensorboard`.

    Returns
    -------
    list of Path
        The files, sorted. Equal runs give equal files, times apart.

    Raises
    ------
    HarnessError
        If the folder holds no finished run, `output` holds anything, or there is no such form.
    """
    if to not in FORMS:
        raise unknown_name("form", to, FORMS, where="export")
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise HarnessError(f"{output}: is no empty folder; choose a new one")
    records, traces, _ = read_run(folder)
    frames = {"records": records, "traces": traces}
    if (epochs := read_epochs(folder)) is not None:
        frames["epochs"] = epochs
    files = []
    for name, content in FORMS[to](frames):
        write_whole(output / name, content)
        files.append(output / name)
    return sorted(files)


def _csv(frames: dict[str, pd.DataFrame]) -> Iterator[tuple[str, bytes]]:
    for name, frame in frames.items():
        yield f"{name}.csv", frame.to_csv(index=False, lineterminator="\n").encode()


def _json(frames: dict[str, pd.DataFrame]) -> Iterator[tuple[str, bytes]]:
    for name, frame in frames.items():
        yield f"{name}.jsonl", frame.to_json(orient="records", lines=True, double_precision=15).encode()


def _tensorboard(frames: dict[str, pd.DataFrame]) -> Iterator[tuple[str, bytes]]:
    try:
        from tensorboard.summary.writer.record_writer import RecordWriter
    except ImportError as error:
        raise HarnessError(
            "export: tensorboard is missing, whose files these are; pip install 'nas-harness[tensorboard]'"
        ) from error
    traces = dict(list(frames["traces"].groupby("cell")))
    epochs = dict(list(frames["epochs"].groupby("cell"))) if "epochs" in frames else {}
    for record in frames["records"].to_dict("records"):
        stream = io.BytesIO()
        writer = RecordWriter(stream)
        # What a viewer takes for the time of each point: that of the cell's start.
        started = datetime.fromisoformat(record["started_at"]).timestamp()
        for event in _events(started, traces.get(record["cell"]), epochs.get(record["cell"])):
            writer.write(event.SerializeToString())
        label = re.sub(r"[^\w.@ -]", "_", f"{record['label']}@{record['budget']}{record['budget_kind']}")
        yield f"{record['benchmark']}/{label}/seed-{record['seed']}/events.out.tfevents.0", stream.getvalue()


def _events(started: float, trace: pd.DataFrame | None, epochs: pd.DataFrame | None) -> Iterator[Any]:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    def scalar(tag: str, step: int, value: float) -> Any:
        return Event(wall_time=started, step=step, summary=Summary(value=[Summary.Value(tag=tag, simple_value=value)]))

    yield Event(wall_time=started, file_version="brain.Event:2")
    for row in () if trace is None else trace.to_dict("records"):
        for column, tag in INCUMBENT.items():
            if row[column] == row[column]:  # a number
                yield scalar(tag, int(row["step"]), float(row[column]))
    for row in () if epochs is None else epochs.to_dict("records"):
        for column in BY_EPOCH:
            if row["phase"] in ("search", "evaluation") and row[column] == row[column]:
                yield scalar(f"{row['phase']}/{column}", int(row["epoch"]), float(row[column]))


FORMS: dict[str, Callable[[dict[str, pd.DataFrame]], Iterator[tuple[str, bytes]]]] = {
    "csv": _csv,
    "json": _json,
    "tensorboard": _tensorboard,
}
