"""What of a run is kept: cells of today's code; what other code has run is run again or adopted."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.errors import HarnessError
from harness.regression import baseline as baselines
from harness.regression import check as checking
from harness.reporting import build_report
from harness.running import chunks, runner
from harness.running.columns import LATER_COLUMNS, RECORD_COLUMNS
from harness.running.folder import RunFolder
from harness.running.records import Entry, edited, read_run, write_parquet
from harness.running.runner import run
from harness.system import plugins
from harness.system.journal import Journal

# Its version is stated, so that an edit does not change the keys of its cells.
PLUGIN = """
from dataclasses import dataclass
from harness import OwnLoop, SearchResult, Taxonomy, register_method

@register_method("picks")
@dataclass
class Picks(OwnLoop):
    version = "1"
    taxonomy = Taxonomy("any", "any", "none", "none")

    def search(self, problem, streams):
        arch = tuple(int(x) for x in problem.architectures[PLACE(streams.cell_seed)])
        problem.evaluate(arch)
        return SearchResult(arch)
"""
SUITE: dict[str, Any] = {
    "name": "picked",
    "seeds": "0:6",
    "benchmarks": ["synthetic/ridge"],
    "budgets": {"evaluations": [3, 5]},
    "methods": [{"name": "random"}, {"name": "picks"}],
}
OURS, ALL = 12, 24  # cells of the plug-in's method, and of all


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, int]]:
    """Label, budget and seed of the cells that were run since this was last emptied."""
    seen: list[tuple[str, int, int]] = []
    original = runner.run_chunk

    def spy(task: chunks.Chunk) -> list[Entry]:
        seen.extend((task.group.method.label, task.group.budget.amount, seed) for seed in task.seeds)
        return original(task)

    monkeypatch.setattr(runner, "run_chunk", spy)
    return seen


@pytest.fixture
def go(tmp_path: Path, registries: None, ran: list[Any]) -> Callable[..., pd.DataFrame]:
    """Run the suite with a plug-in of which this is the code of PLACE."""

    def go(place: str, **more: Any) -> pd.DataFrame:
        (tmp_path / "plugin.py").write_text(PLUGIN + f"\ndef PLACE(seed): return {place}\n")
        ran.clear()
        return run(SUITE, tmp_path / "run", backend="sequential", plugin=[tmp_path / "plugin.py"], **more)

    return go


def places(records: pd.DataFrame) -> list[str]:
    return records[records["method"] == "picks"]["arch"].tolist()


def test_cells_of_other_code_are_run_again(go: Callable[..., pd.DataFrame], ran: list[Any]) -> None:
    first = go("seed")
    assert len(ran) == ALL
    assert set(first.columns) == set(RECORD_COLUMNS)
    assert first["code_digest"].str.fullmatch("[0-9a-f]{64}").all()
    assert first.groupby("method")["code_digest"].nunique().tolist() == [1, 1]
    assert first["code_digest"].nunique() == 2
    assert (first["adopted_from"] == "").all()
    go("seed  # a comment")
    assert ran == []
    second = go("seed + 1")
    assert {label for label, _, _ in ran} == {"picks"}
    assert len(ran) == OURS
    assert second["cell"].tolist() == first["cell"].tolist()
    assert places(second) == places(go("seed + 1", fresh=True)) != places(first)
    assert len(ran) == ALL
    go("seed + 1")
    assert ran == []


def test_equal_results_are_adopted(go: Callable[..., pd.DataFrame], ran: list[Any], tmp_path: Path) -> None:
    first = go("seed")
    second = go("seed + 0", adopt=True)
    assert ran == [("picks", 3, 0), ("picks", 5, 0)]  # one seed of each group
    assert places(second) == places(first)
    ours, others = second["method"] == "picks", second["method"] == "random"
    (old,), (new,) = (set(frame[ours]["code_digest"]) for frame in (first, second))
    assert old != new
    assert second[ours & (second["seed"] > 0)]["adopted_from"].unique().tolist() == [old]
    assert second[(second["seed"] == 0) | others]["adopted_from"].unique().tolist() == [""]
    # What made them stays: their times tell when they were run.
    adopted = second["adopted_from"] != ""
    assert second[adopted]["started_at"].tolist() == first[adopted]["started_at"].tolist()
    assert second[adopted]["wall_s"].tolist() == first[adopted]["wall_s"].tolist()
    assert edited(tmp_path / "run") == []
    assert go("seed + 0")["adopted_from"].tolist() == second["adopted_from"].tolist()
    assert ran == []
    third = go("0 + seed", adopt=True)
    assert set(third[ours & (third["seed"] > 0)]["adopted_from"]) == {old}  # the code that has run them


def test_one_other_result_runs_its_whole_group(go: Callable[..., pd.DataFrame], ran: list[Any]) -> None:
    go("seed")
    records = go("seed + 1 - (seed > 0)", adopt=True)
    assert len(ran) == OURS
    assert (records["adopted_from"] == "").all()
    assert records["code_digest"].nunique() == 2


def test_groups_are_judged_one_by_one(tmp_path: Path, registries: None, ran: list[Any]) -> None:
    path = tmp_path / "plugin.py"
    for shift in (0, 1):
        path.write_text(
            PLUGIN.replace("PLACE(streams.cell_seed)", "streams.cell_seed + SHIFT * (problem.budget.amount == 5)")
            + f"\nSHIFT = {shift}\n"
        )
        ran.clear()
        records = run(SUITE, tmp_path / "run", backend="sequential", plugin=[path], adopt=True)
    assert sorted(ran) == [("picks", 3, 0), *(("picks", 5, seed) for seed in range(6))]
    assert (records["adopted_from"] != "").sum() == 5
    whole = run(SUITE, tmp_path / "whole", backend="sequential", plugin=[path])
    pd.testing.assert_series_equal(records["arch"], whole["arch"])


def as_older(output: Path) -> None:
    """Write the records of a run as they were written before there were digests of code."""
    records, _, _ = read_run(output)
    columns = {key: kind for key, kind in RECORD_COLUMNS.items() if key not in LATER_COLUMNS}
    write_parquet(
        output / "records.parquet", records.drop(columns=[key for key in LATER_COLUMNS if key in records]), columns
    )


def test_a_run_without_digests_is_readable_and_of_other_code(
    go: Callable[..., pd.DataFrame], ran: list[Any], tmp_path: Path
) -> None:
    before = go("seed")
    as_older(tmp_path / "run")
    records, _, _ = read_run(tmp_path / "run")
    assert list(records) == list(RECORD_COLUMNS)
    assert edited(tmp_path / "run") == []
    assert set(records["code_digest"]) == set(records["adopted_from"]) == {""}
    build_report(tmp_path / "run", formats=["csv"])
    kept = go("seed", adopt=True)
    assert len(ran) == 4  # one a group
    assert kept["adopted_from"].value_counts().to_dict() == {"unknown": ALL - 4, "": 4}
    assert places(kept) == places(before)
    as_older(tmp_path / "run")
    assert (go("seed")["adopted_from"] == "").all()
    assert len(ran) == ALL
    as_older(tmp_path / "run")
    spoilt = pd.read_parquet(tmp_path / "run" / "records.parquet")
    spoilt.loc[0, "test"] += 1.0  # a footer of old columns guards them still
    import pyarrow as pa
    import pyarrow.parquet as pq

    footer = pq.read_schema(tmp_path / "run" / "records.parquet").metadata
    pq.write_table(pa.Table.from_pandas(spoilt).replace_schema_metadata(footer), tmp_path / "run" / "records.parquet")
    assert len(edited(tmp_path / "run")) == 1


def test_an_old_journal_is_gone_on_with(go: Callable[..., pd.DataFrame], ran: list[Any], tmp_path: Path) -> None:
    before = go("seed")
    entries = RunFolder(tmp_path / "run").entries().values()
    for name in ("records", "traces"):
        (tmp_path / "run" / f"{name}.parquet").unlink()
    older = [{key: value for key, value in entry.record.items() if key not in LATER_COLUMNS} for entry in entries]
    journal = Journal(tmp_path / "run" / "journal.jsonl")
    journal.append(vars(entry) | {"record": record} for entry, record in zip(entries, older, strict=True))
    assert places(go("seed", adopt=True)) == places(before)
    assert len(ran) == 4


def test_a_failure_of_todays_code_is_not_hidden_by_what_older_code_has_done(
    go: Callable[..., pd.DataFrame], tmp_path: Path
) -> None:
    go("seed")
    assert (go("1 // 0")["status"] == "failed").sum() == OURS
    folder = RunFolder(tmp_path / "run")
    entry = next(entry for entry in folder.entries().values() if entry.failed)
    well = Entry(entry.record | {"status": "ok", "error": ""}, [])
    older = Entry(well.record | {"code_digest": "f" * 64}, [])
    for first, second, stays in ((older, entry, entry), (well, entry, well), (entry, well, well), (older, well, well)):
        (tmp_path / "other").mkdir(exist_ok=True)
        journal = Journal(tmp_path / "other" / "journal.jsonl")
        journal.path.unlink(missing_ok=True)
        journal.append(map(vars, (first, second)))
        (found,) = RunFolder(tmp_path / "other").entries().values()
        assert (found.failed, found.code_digest) == (stays.failed, stays.code_digest)


def test_adopt_and_fresh_exclude_each_other(go: Callable[..., pd.DataFrame], cli: Callable[..., Any]) -> None:
    with pytest.raises(HarnessError, match="exclude each other"):
        go("seed", adopt=True, fresh=True)
    assert cli("run", "quickstart", "--adopt", "--fresh").code == 2


# The gate


def test_the_gate_takes_cells_of_todays_code_only(go: Callable[..., pd.DataFrame], tmp_path: Path) -> None:
    go("-1 - seed")
    baseline = baselines.cells_of_run(tmp_path / "run")
    assert checking.check(tmp_path / "run", baseline).outcome == "pass"
    (tmp_path / "plugin.py").write_text(PLUGIN + "\ndef PLACE(seed): return seed\n")  # much worse
    plugins.load([tmp_path / "plugin.py"])
    with pytest.raises(
        HarnessError, match=r"12 of 24 cells were not run by the code that is here now .*picks on synth"
    ):
        checking.check(tmp_path / "run", baseline)
    go("seed", adopt=True)
    assert checking.check(tmp_path / "run", baseline).outcome == "regressed"
    go("-1 - seed")
    go("-seed - 1", adopt=True)
    result = checking.check(tmp_path / "run", baseline)
    assert result.outcome == "pass"
    assert "10 cell(s) were adopted: earlier code has run them" in result.notes
    as_older(tmp_path / "run")
    with pytest.raises(HarnessError, match="24 of 24 cells were not run by the code that is here now"):
        checking.check(tmp_path / "run", baseline)


def test_what_the_gate_runs_again_is_of_todays_code(go: Callable[..., pd.DataFrame], tmp_path: Path) -> None:
    go("-1 - seed")
    baseline = baselines.cells_of_run(tmp_path / "run")
    scores = []
    for place in ("seed", "seed + 3"):
        go(place)
        result = checking.check(tmp_path / "run", baseline)
        scores.append(np.concatenate([cell.cell.test for cell in result.methods[1].cells]))
    assert not np.array_equal(scores[0], scores[1])


# From the command line


def test_command_line(tmp_path: Path) -> None:
    """A process a command, as a user has it."""
    command = [sys.executable, "-m", "harness.cli"]
    spot = ["--benchmark", "synthetic/ridge", "--method", "picks", "--seeds", "0:5", "--budget", "4", "-o", "out"]
    spot += ["--plugin", "plugin.py"]

    def call(verb: str, *more: str) -> tuple[dict[str, Any], str]:
        done = subprocess.run([*command, verb, *spot, *more, "--json"], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout), done.stderr

    def write(place: str) -> None:
        (tmp_path / "plugin.py").write_text(PLUGIN + f"\ndef PLACE(seed): return {place}\n")

    def counts(*more: str) -> tuple[int, int, int]:
        summary, _ = call("run", "--no-report", "-j", "2", "-q", *more)
        return summary["run"], summary["kept"], summary["adopted"]

    write("seed")
    assert counts() == (10, 0, 0)
    write("seed + 0")
    planned, _ = call("plan")
    assert (planned["done"], planned["missing"], planned["older"]) == (5, 5, 5)
    assert counts("--adopt") == (1, 9, 4)
    assert counts() == (0, 10, 4)
    write("seed + 1")
    _, said = call("run", "--no-report", "-j", "1")
    assert "5 cells are there that other code has run" in said
    assert counts("--fresh") == (10, 0, 0)


# Workers


def test_other_code_in_a_worker_fails_its_cells_with_one_line(
    go: Callable[..., pd.DataFrame], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = runner.run_chunk

    def edits_first(task: chunks.Chunk) -> list[Entry]:
        (tmp_path / "plugin.py").write_text(PLUGIN + "\ndef PLACE(seed): return seed + 5\n")
        return original(task)

    monkeypatch.setattr(runner, "run_chunk", edits_first)
    records = go("seed")
    failed = records[records["status"] == "failed"]
    assert set(failed["method"]) == {"picks"}
    assert len(failed) == OURS
    (why,) = set(failed["error"])
    assert why.startswith("plugin is other code here than in the process that started the run")
    assert "\n" not in why
    assert failed[["valid", "test", "test_best"]].isna().all(axis=None)
    monkeypatch.setattr(runner, "run_chunk", original)
    assert (go("seed")["status"] == "ok").all()


def test_workers_that_live_on_run_new_code(tmp_path: Path, registries: None) -> None:
    path, helper = tmp_path / "plugin.py", tmp_path / "places.py"
    path.write_text(PLUGIN + "\nfrom places import PLACE\n")
    suite = SUITE | {"methods": [{"name": "picks"}], "budgets": {"evaluations": 3}}
    found = []
    for place in ("seed", "seed + 1"):
        helper.write_text(f"def PLACE(seed): return {place}\n")
        found.append(run(suite, tmp_path / "run", jobs=2, plugin=[path]))
    assert (found[1]["status"] == "ok").all()
    assert found[0]["arch"].tolist()[1:] == found[1]["arch"].tolist()[:-1]


# Checkpoints of live cells


def test_checkpoints_of_other_code_are_not_gone_on_with(tmp_path: Path) -> None:
    def claim(digest: str, fresh: bool = False) -> list[str]:
        runner._claim_checkpoints(tmp_path, {"cell": digest}, fresh)
        return sorted(path.name for path in tmp_path.glob("*.pt*"))

    (tmp_path / "cell.pt").touch()
    assert claim("a") == ["cell.pt"]  # nobody has said whose it is
    (tmp_path / "cell.trained-0.pt").touch()
    (tmp_path / "other.pt").touch()
    assert claim("a") == ["cell.pt", "cell.trained-0.pt", "other.pt"]
    assert claim("b") == ["other.pt"]
    (tmp_path / "cell.pt").touch()
    assert claim("b", fresh=True) == ["other.pt"]
    assert claim("") == ["other.pt"]
    (tmp_path / "cell.pt").touch()
    assert claim("") == ["other.pt"]  # code without a source


SCRIPT = (
    PLUGIN
    + """
from helpers import PLACE

if __name__ == "__main__":
    import harness

    suite = {"seeds": "0:4", "benchmarks": ["synthetic/ridge"], "budgets": {"evaluations": 1}, "methods": [{"name": "picks"}]}
    records = harness.run(suite, "out", jobs=2).records
    assert (records["status"] == "ok").all(), records["error"].tolist()
    assert (records["code_digest"] != "").all()
    print(len(set(records["started_at"])), ";".join(records["arch"]))
"""
)


@pytest.mark.parametrize("how", [["script.py"], ["-m", "script"]])
def test_a_script_counts_with_the_modules_beside_it(how: list[str], tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    helper = tmp_path / "helpers.py"
    digests, archs = [], []
    for place in ("seed", "seed  # the same", "seed + 1"):
        helper.write_text(f"def PLACE(seed): return {place}\n")
        done = subprocess.run([sys.executable, *how], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        digests.append(set(read_run(tmp_path / "out")[0]["code_digest"]))
        archs.append(done.stdout.split()[1].split(";"))
    assert digests[0] == digests[1] != digests[2]
    assert archs[0] == archs[1]
    assert archs[2][:-1] == archs[0][1:]
