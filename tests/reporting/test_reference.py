"""Runs that are kept as a record: their reports come out of their records again."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from harness.reporting import build_report
from harness.reporting.run import load_run
from harness.running.records import edited

KEPT = sorted(Path(__file__).parents[2].glob("reports/reference/*/suite.resolved.json"))


@pytest.fixture(params=KEPT, ids=lambda path: path.parent.name)
def kept(request):
    return request.param.parent


def test_there_are_such_runs():
    assert KEPT


def test_its_records_are_whole_and_as_they_were_written(kept):
    assert edited(kept) == []
    run = load_run(kept)
    assert run.n_missing == 0
    assert (run.cells["status"] == "ok").all()


def test_its_tables_come_out_again(kept, tmp_path):
    build_report(kept, tmp_path, formats=["csv"])
    names = {path.name for path in (kept / "report" / "tables").glob("*.csv")}
    # Those of many megabytes, curves by evaluation, are not kept.
    assert {path.name for path in (tmp_path / "tables").glob("*.csv")} - names <= {"anytime.csv", "profile.csv"}
    assert {"headline.csv", "relative_improvement.csv"} <= names
    for name in sorted(names - {"provenance.csv"}):
        found, written = (pd.read_csv(folder / "tables" / name) for folder in (tmp_path, kept / "report"))
        # Another SciPy may change the last digits.
        pd.testing.assert_frame_equal(found, written, rtol=1e-9, obj=name)


def test_a_live_run_without_any_epoch_is_reported(tmp_path):
    (kept,) = (path.parent for path in KEPT if path.parent.name == "live-darts")
    names = ("suite.resolved.json", "environment.json", "records.parquet", "traces.parquet")
    for name in names:
        shutil.copy(kept / name, tmp_path / name)
    build_report(tmp_path, formats=["md"])
    written = (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
    assert "entropy of α is still" not in written
    assert "has no test against the average of random architectures" in written
