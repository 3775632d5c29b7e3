"""Parts of a suite that machines run by themselves, and one run of them."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.errors import HarnessError
from harness.running.folder import RunFolder, frames_of
from harness.running.manifest import read_manifest
from harness.running.merging import merge
from harness.running.records import RECORDS, TRACES
from harness.running.runner import run
from harness.running.shards import Shard, missing_shards, parse_shard
from harness.system import provenance

SUITE: dict[str, Any] = {
    "name": "small",
    "seeds": "0:5",
    "benchmarks": ["synthetic/ridge"],
    "budgets": {"evaluations": [5, 10]},
    "metrics": ["cost"],
    "methods": [{"name": "random"}, {"name": "regularized-evolution", "population": 3}],
}
COUNT = 3


@pytest.fixture
def timeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """All declared time fields of records are the same."""
    monkeypatch.setattr("harness.running.tables.now", lambda: "2026-01-01")
    monkeypatch.setattr("harness.running.tables.time.perf_counter", lambda: 0.0)
    monkeypatch.setattr(provenance, "peak_memory_mb", lambda: 1.0)


@pytest.fixture
def shards(tmp_path: Path, timeless: None) -> list[Path]:
    """All shards of the suite."""
    folders = [tmp_path / f"shard {number}" for number in range(1, COUNT + 1)]
    for number, folder in enumerate(folders, start=1):
        run(SUITE, folder, backend="sequential", shard=f"{number}/{COUNT}")
    return folders


def content(folder: Path) -> dict[str, bytes]:
    """What a run's folder holds."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.name != ".lock"}


def test_every_cell_is_in_one_shard() -> None:
    keys = [str(key) for key in range(11)]
    for count in (1, 2, 4, 11, 20):
        parts = [Shard(number, count).of(keys) for number in range(1, count + 1)]
        assert sorted(key for part in parts for key in part) == sorted(keys)
        assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert missing_shards(["1/4", "3/4"], keys, [*Shard(1, 4).of(keys), *Shard(3, 4).of(keys), "10"]) == ["2/4", "4/4"]
    assert missing_shards(["1/4", "1/3"], keys, keys[:3]) == []


def test_two_shards_are_the_whole_run_to_the_byte(tmp_path: Path, timeless: None) -> None:
    run(SUITE, tmp_path / "whole", backend="sequential")
    for number in (1, 2):
        run(SUITE, tmp_path / str(number), backend="sequential", shard=f"{number}/2")
    found = merge([tmp_path / "2", tmp_path / "1"], tmp_path / "all")
    assert (found.n_wanted, found.n_cells, found.missing_shards, found.notes) == (20, 20, (), ())
    whole, merged = content(tmp_path / "whole"), content(tmp_path / "all")
    assert whole.keys() == merged.keys() >= {RECORDS, TRACES, "evaluations.parquet", "suite.resolved.json"}
    assert {name for name in whole if whole[name] != merged[name]} <= {"environment.json"}  # it states the shards


def test_in_any_order_and_in_any_steps(shards: list[Path], tmp_path: Path) -> None:
    merge(shards, tmp_path / "all")
    wanted = content(tmp_path / "all")
    for number in range(3):
        order = random.Random(number).sample(shards, COUNT)
        merge(order, tmp_path / f"all {number}")
        assert content(tmp_path / f"all {number}") == wanted
    merge(shards[1:], tmp_path / "steps")
    merge([shards[0]], tmp_path / "steps")  # with what is there
    assert content(tmp_path / "steps") == wanted
    merge([shards[0], tmp_path / "steps", shards[2]], tmp_path / "doubled")
    assert content(tmp_path / "doubled") == wanted
    assert read_manifest(tmp_path / "all").shards == ["1/3", "2/3", "3/3"]


def test_a_shard_whose_machine_died(shards: list[Path], tmp_path: Path, same_results: Callable[..., None]) -> None:
    """Its finished cells count, and a run of the suite makes the others."""
    entries = list(RunFolder(shards[1]).entries().values())
    for name in (RECORDS, TRACES, "evaluations.parquet"):
        (shards[1] / name).unlink()
    RunFolder(shards[1]).append(entries[:4])
    found = merge(shards[:2], tmp_path / "some")
    assert (found.n_cells, found.missing_shards) == (11, ("2/3", "3/3"))
    run(SUITE, tmp_path / "some", backend="sequential")
    merge(shards, tmp_path / "others")
    run(SUITE, shards[1], backend="sequential", shard="2/3")
    merge(shards, tmp_path / "all")
    same_results(tmp_path / "some", tmp_path / "all")


def change(folder: Path, column: str, value: Any, places: slice = slice(0, 1)) -> None:
    """Write other values into records, as if they had been found."""
    frames = frames_of(folder)
    frames.records.loc[frames.records.index[places], column] = value
    frames.write(folder)


def test_doubled_cells(shards: list[Path], tmp_path: Path) -> None:
    again = tmp_path / "again"
    shutil.copytree(shards[0], again)
    change(again, "started_at", "later")
    change(again, "status", "failed", slice(1, 3))
    for order in ([again, shards[0]], [shards[0], again]):
        merge([*order, *shards[1:]], tmp_path / "all")
        assert content(tmp_path / "all").keys() >= {RECORDS}
        records = frames_of(tmp_path / "all").records
        assert (records["status"] == "ok").all()
        assert "later" not in set(records["started_at"])
        shutil.rmtree(tmp_path / "all")
    change(again, "test", 1.0)
    with pytest.raises(
        HarnessError, match=r"random on synthetic/ridge, seed 0, stands in both with different results \(test "
    ):
        merge([again, *shards], tmp_path / "all")
    assert not (tmp_path / "all").exists()


def test_what_does_not_belong_together(shards: list[Path], tmp_path: Path) -> None:
    run(SUITE | {"seeds": "0:6"}, tmp_path / "other", backend="sequential", shard="2/3")
    with pytest.raises(HarnessError, match=r"shard 1 and \S+other are not of the same suite \(seeds "):
        merge([shards[0], tmp_path / "other"], tmp_path / "all")
    with pytest.raises(HarnessError, match=r"other and \S+shard 1 are not of the same suite"):  # what is in ALL counts
        merge([tmp_path / "other"], shards[0])
    resolved = json.loads((shards[1] / "suite.resolved.json").read_text())
    resolved["data_sha256"]["synthetic/ridge"] = "0" * 64
    (tmp_path / "other" / "suite.resolved.json").write_text(json.dumps(resolved))
    with pytest.raises(HarnessError, match="were run on different data of benchmark synthetic/ridge"):
        merge([shards[0], tmp_path / "other"], tmp_path / "all")
    change(shards[2], "code_digest", "0" * 64)
    manifest = json.loads((shards[2] / "environment.json").read_text())
    manifest["manifest"]["code"]["harness.methods.random_search"] = "other"
    (shards[2] / "environment.json").write_text(json.dumps(manifest))
    with pytest.raises(
        HarnessError, match=r"random on synthetic/ridge were run by different code \(harness\.methods\.random_search\)"
    ):
        merge(shards, tmp_path / "all")
    with pytest.raises(
        HarnessError, match=r"none: no suite\.resolved\.json here; wanted the output folder of `nas-harness run"
    ):
        merge([shards[0], tmp_path / "none"], tmp_path / "all")


def test_other_versions_are_said(shards: list[Path], tmp_path: Path) -> None:
    manifest = json.loads((shards[2] / "environment.json").read_text())
    manifest["packages"]["numpy"] = "0.1"
    manifest["features"] = ["abacus"]
    (shards[2] / "environment.json").write_text(json.dumps(manifest))
    notes = merge(shards, tmp_path / "all").notes
    assert ["numpy" in notes[0], notes[1]] == [True, f"another kind of processor in {shards[2]} than in {shards[0]}"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0/3", "at least 1 and at most their count"),
        ("4/3", "at least 1 and at most their count"),
        ("0/0", "at least 1 and at most their count"),
        ("3", "wanted NUMBER/COUNT, e.g. 3/50"),
        ("-1/3", "wanted NUMBER/COUNT"),
    ],
)
def test_no_such_shard(text: str, said: str) -> None:
    with pytest.raises(HarnessError, match=f"--shard {text}: .*{said}"):
        parse_shard(text)


def test_the_verbs(
    shards: list[Path], tmp_path: Path, cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    one = json.loads(cli("status", shards[1], "--json").out)
    assert one == {"suite": "small", "cells": 7, "done": 7, "failed": 0, "missing": 0, "missing_shards": ["1/3", "3/3"]}
    lines = cli("status", shards[2], shards[1]).out.splitlines()
    assert lines[0] == "small: 13 of 20 cells done, 0 failed, 7 missing"
    assert lines[1] == f"  {shards[2]}, 3/3: 6 of 6 cells done, 0 failed, 0 missing"
    assert lines[3] == "shards with missing cells: 1/3"
    merged = cli("merge", *shards[1:], "-o", "all")
    assert (merged.code, "next: nas-harness report all --partial" in merged.out) == (0, True)
    refused = cli("report", "all")
    assert (refused.code, refused.err) == (
        2,
        "nas-harness: error: all: 7 of 20 cells are missing; run the suite again or merge all shards, or report what is there "
        "with --partial\n",
    )
    suite = ["--benchmark", "synthetic/ridge", "--method", "random", "--seeds", "0:4", "--budget", "3", "-q", "-j", "1"]
    made = json.loads(cli("run", *suite, "--shard", "2/3", "--json").out)
    assert (made["output"], made["cells"], made["report"]) == ("reports/spot.shards/2-of-3", 1, None)


@pytest.mark.slow
@pytest.mark.skipif(not (shutil.which("nas-harness") and shutil.which("bash")), reason="needs the command itself")
def test_the_template_for_slurm(tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text(
        'seeds = "0:4"\nbenchmarks = ["synthetic/ridge"]\nbudgets.evaluations = 3\n[[methods]]\nname = "random"\n'
    )
    template = Path(__file__).parents[2] / "docs" / "array.sbatch"
    for task in ("2", "3"):
        environment = os.environ | {"SUITE": "small.toml", "SHARDS": "3", "SLURM_ARRAY_TASK_ID": task}
        subprocess.run(["bash", template], cwd=tmp_path, env=environment, check=True, capture_output=True)
    folders = sorted((tmp_path / "reports" / "small.shards").iterdir())
    assert [folder.name for folder in folders] == ["2-of-3", "3-of-3"]
    assert merge(folders, tmp_path / "all").missing_shards == ("1/3",)
