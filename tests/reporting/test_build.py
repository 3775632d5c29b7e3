"""Files of a report: which there are, that they are the same every time, and that none is half written."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness.errors import HarnessError
from harness.reporting import build_report, write
from harness.reporting.write import FORMATS
from harness.running.columns import RECORD_COLUMNS, TIME_COLUMNS
from harness.running.records import write_parquet

from .conftest import Make

# Curves and times, which are in no other form.
BESIDE = {"tables/timings", "tables/anytime"}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def report(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_report(small, tmp_path_factory.mktemp("report") / "deep" / "report").folder


def test_all_files_are_there(report: Path) -> None:
    files = set(contents(report))
    tables = {name.removesuffix(".csv") for name in files if name.endswith(".csv")} - BESIDE
    figures = {name.removesuffix(".svg") for name in files if name.endswith(".svg")}
    assert {"tables/relative_improvement", "tables/summary", "tables/data", "tables/provenance"} <= tables
    assert {"plots/relative_improvement", "plots/anytime", "plots/distributions", "plots/random_curve"} <= figures
    wanted = {"index.html", "report.md", *(f"{name}.csv" for name in BESIDE)}
    wanted |= {f"{table}.{kind}" for table in tables for kind in ("csv", "tex")}
    wanted |= {f"{figure}.svg" for figure in figures}
    assert files == wanted


def test_figures_that_the_markdown_links_to_are_there(report: Path) -> None:
    text = (report / "report.md").read_text()
    links = [line.rpartition("](")[2].rstrip(")") for line in text.splitlines() if line.startswith("![")]
    assert len(links) == 4
    assert all((report / link).is_file() for link in links)


def test_two_runs_of_a_suite_have_the_same_report_but_for_timings(report: Path, make_run: Make, small: Path) -> None:
    again = make_run()
    assert not pd.read_parquet(small / "records.parquet")["wall_s"].equals(
        pd.read_parquet(again / "records.parquet")["wall_s"]
    )
    first, second = contents(report), contents(build_report(again).folder)
    assert first.keys() == second.keys()
    assert {name for name in first if first[name] != second[name]} <= {"tables/timings.csv"}


def test_only_timings_depend_on_the_declared_time_fields(report: Path, small: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(small, copy)
    records = pd.read_parquet(copy / "records.parquet")
    other: dict[str, Any] = {"wall_s": 12345.678, "started_at": "1999-01-01T00:00:00+00:00", "peak_memory": 9876.5}
    # What a method fits has pages of its own, see test_seconds.
    assert set(other) | {"environment", "overhead_s"} == set(TIME_COLUMNS)
    write_parquet(copy / "records.parquet", records.assign(**other), RECORD_COLUMNS)
    second = contents(build_report(copy).folder)
    assert {name for name, content in contents(report).items() if second[name] != content} == {"tables/timings.csv"}


@pytest.mark.parametrize("kind", FORMATS)
def test_one_format_alone(small: Path, tmp_path: Path, kind: str) -> None:
    report = build_report(small, tmp_path / "report", formats=(kind,))
    suffixes = {path.suffix for path in report.files}
    assert suffixes == {"latex": {".tex"}}.get(kind, {f".{kind}"})
    assert report.answer[0].startswith("regularized-evolution ")


def test_rasters_and_pdf_are_made_when_they_are_wanted(small: Path, tmp_path: Path, cli: Callable[..., Any]) -> None:
    done = cli("report", small, "-o", tmp_path / "report", "--format", "png, pdf")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[-1] == f"report: {tmp_path / 'report'}"
    files = contents(tmp_path / "report")
    assert {name.rpartition(".")[2] for name in files} == {"png", "pdf"}
    assert files["plots/anytime.png"][:4] == b"\x89PNG"
    assert files["plots/anytime.pdf"][:5] == b"%PDF-"
    again = build_report(small, tmp_path / "again", formats=["pdf", "png"])
    assert contents(again.folder) == files
    assert "unknown format 'jpg'" in cli("report", small, "-o", tmp_path / "report", "--format", "jpg").err


def test_an_unknown_format_is_refused(small: Path, tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"unknown format 'jpg'.*valid: csv, html"):
        build_report(small, tmp_path / "report", formats=("html", "jpg"))
    assert not any(tmp_path.iterdir())


def test_a_folder_with_anything_else_is_refused(small: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(HarnessError, match=r"holds thesis.tex, which is no part of a report"):
        build_report(small, tmp_path)
    with pytest.raises(HarnessError, match="no part of a report"):
        build_report(small, small)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"no records.parquet"):
        build_report(tmp_path)
    assert not any(tmp_path.iterdir())


def test_a_damaged_run_is_refused(small: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(small, copy, ignore=shutil.ignore_patterns("report"))
    (copy / "environment.json").write_text("{")
    with pytest.raises(HarnessError, match=r"damaged"):
        build_report(copy)
    (copy / "environment.json").unlink()
    with pytest.raises(HarnessError, match=r"environment.json: No such file"):
        build_report(copy)
    assert not (copy / "report").exists()


def test_a_full_disk_leaves_the_old_report(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "report"
    build_report(small, target, formats=("md",))
    before = contents(tmp_path)

    def full(path: Path, content: str) -> None:
        path.write_text(content[: len(content) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(write, "_text", full)
    with pytest.raises(HarnessError, match=r"report: No space left on device; what was there before is intact$"):
        build_report(small, target, formats=("md", "csv"))
    assert contents(tmp_path) == before


def test_an_interrupt_leaves_the_old_report(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "report"
    build_report(small, target, formats=("md",))
    before = contents(tmp_path)

    def interrupted(*_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(write, "render_markdown", interrupted)
    with pytest.raises(KeyboardInterrupt):
        build_report(small, target, formats=("md",))
    assert contents(tmp_path) == before


def test_a_new_report_replaces_the_old_one_whole(small: Path, tmp_path: Path) -> None:
    target = tmp_path / "report"
    build_report(small, target, formats=("csv",))
    build_report(small, target, formats=("md",))
    assert set(contents(tmp_path)) == {"report/report.md"}
    assert [path.name for path in tmp_path.iterdir()] == ["report"]
