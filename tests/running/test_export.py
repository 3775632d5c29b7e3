"""A run in other forms: every number is there, and equal runs are equal files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness.errors import HarnessError
from harness.running.export import export
from harness.running.records import read_epochs, read_run
from harness.running.runner import run

SUITE = {
    "name": "exported",
    "seeds": "0:2",
    "benchmarks": ["synthetic/ridge"],
    "budgets": {"evaluations": [5, 9]},
    "methods": [{"name": "random"}, {"name": "local-search", "label": "local, ours"}],
}
LIVE = Path(__file__).parents[2] / "reports" / "reference" / "live-darts"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "out"
    run(SUITE, folder, backend="sequential")
    return folder


def test_csv(folder: Path, tmp_path: Path, cli: Callable[..., Any]) -> None:
    done = cli("export", folder, "-o", tmp_path / "csv", "--to", "csv")
    assert (done.code, done.err) == (0, "")
    records, traces, _ = read_run(folder)
    for name, frame in (("records", records), ("traces", traces)):
        found = pd.read_csv(tmp_path / "csv" / f"{name}.csv", keep_default_na=False, na_values={})
        assert list(found) == list(frame)
        written = pd.read_csv(tmp_path / "csv" / f"{name}.csv")
        for column in frame.select_dtypes("number"):
            pd.testing.assert_series_equal(written[column], frame[column], check_dtype=False, rtol=0)
    assert {path.name for path in (tmp_path / "csv").iterdir()} == {"records.csv", "traces.csv"}
    assert done.out.splitlines()[0] == f"2 files in {tmp_path / 'csv'}"


def test_json(folder: Path, tmp_path: Path) -> None:
    files = export(folder, tmp_path / "json", "json")
    assert [path.name for path in files] == ["records.jsonl", "traces.jsonl"]
    rows = [json.loads(line) for line in files[0].read_text().splitlines()]
    records, _, _ = read_run(folder)
    assert [row["cell"] for row in rows] == records["cell"].tolist()
    assert [row["test"] for row in rows] == pytest.approx(records["test"].tolist(), rel=1e-14)
    assert rows[0]["params"] is None  # no such column in the table


def test_of_a_live_run_epochs_too(tmp_path: Path) -> None:
    export(LIVE, tmp_path / "csv", "csv")
    epochs = read_epochs(LIVE)
    assert epochs is not None
    assert len(pd.read_csv(tmp_path / "csv" / "epochs.csv")) == len(epochs)


def test_tensorboard(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="needs the extra `tensorboard`")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    files = export(folder, tmp_path / "board", "tensorboard")
    assert len(files) == 8
    records, traces, _ = read_run(folder)
    record = records[(records["label"] == "local, ours") & (records["budget"] == 9) & (records["seed"] == 1)].iloc[0]
    events = EventAccumulator(str(tmp_path / "board/synthetic/ridge/local_ ours@9evaluations/seed-1"))
    events.Reload()
    trace = traces[traces["cell"] == record["cell"]]
    found = events.Scalars("incumbent/test")
    assert [point.step for point in found] == trace["step"].tolist()
    assert [point.value for point in found] == pytest.approx(trace["incumbent_test"].tolist(), rel=1e-6)
    again = export(folder, tmp_path / "again", "tensorboard")
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in files]


def test_tensorboard_of_a_live_run(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="needs the extra `tensorboard`")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    files = export(LIVE, tmp_path / "board", "tensorboard")
    (one,) = [path for path in files if "darts-2nd@" in str(path) and "seed-3" in str(path)]
    events = EventAccumulator(str(one.parent))
    events.Reload()
    assert {"search/valid_loss", "evaluation/test_accuracy", "incumbent/valid"} <= set(events.Tags()["scalars"])
    assert len(events.Scalars("search/train_loss")) == 12


@pytest.mark.parametrize(
    ("make", "to", "message"),
    [
        (False, "xml", "export: unknown form 'xml'; valid: csv, json, tensorboard"),
        (True, "csv", "is no empty folder; choose a new one"),
    ],
)
def test_wrong_input(folder: Path, tmp_path: Path, make: bool, to: str, message: str) -> None:
    if make:
        (tmp_path / "there").mkdir()
        (tmp_path / "there" / "mine").write_text("mine")
    with pytest.raises(HarnessError, match=message):
        export(folder, tmp_path / "there", to)
    with pytest.raises(HarnessError, match=r"no records\.parquet here"):
        export(tmp_path, tmp_path / "new", "csv")
