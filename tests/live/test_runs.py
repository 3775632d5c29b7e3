"""Live suites from end to end: workers, failures, kills, schedules, plans."""

import os
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
import torch

from harness.reporting import build_report
from harness.running.columns import EPOCH_TIME_COLUMNS, TIME_COLUMNS
from harness.running.planning import plan
from harness.running.records import EPOCHS, RECORDS, TRACES, read_epochs, read_run
from harness.running.runner import run
from harness.suites.reading import make_suite
from harness.training import checkpoints

from .conftest import TINY, toml


def left(output):
    """What a run leaves, without what may differ between equal runs."""
    columns = {RECORDS: TIME_COLUMNS, TRACES: (), EPOCHS: EPOCH_TIME_COLUMNS}
    return {name: pd.read_parquet(output / name).drop(columns=list(times)) for name, times in columns.items()}


def same(one, other):
    for name, frame in left(one).items():
        pd.testing.assert_frame_equal(frame, left(other)[name], check_exact=True)


@pytest.mark.slow
def test_two_workers_leave_the_same_records_and_the_same_report(reference, tmp_path):
    output = tmp_path / "run"
    run(TINY, output, jobs=2)
    same(output, reference)
    build_report(output)
    files = [{path.relative_to(folder) for path in folder.rglob("*.*")} for folder in (output, reference)]
    assert files[0] == files[1]
    for path in files[0]:
        if path.parts[0] == "report" and path.name != "timings.csv" and (output / path).is_file():
            # The environment is that of this process in both.
            assert (output / path).read_bytes() == (reference / path).read_bytes(), path


# Failures


def test_a_loss_that_is_not_finite_fails_its_cell_only(tmp_path, cli):
    suite = TINY | {"search": TINY["search"] | {"learning_rate": 1e30}, "seeds": "0:1"}
    (tmp_path / "nan.toml").write_text(toml(suite))
    outcome = cli("run", tmp_path / "nan.toml", "-o", tmp_path / "out", "-q", "--backend", "sequential")
    assert outcome.code == 1, outcome
    records = read_run(tmp_path / "out")[0].set_index("label")
    assert records["status"].to_dict() == {"random": "ok", "single-level": "failed", "milenas-1st": "failed"}
    for label in ("single-level", "milenas-1st"):
        assert "the training loss is nan in epoch 0, step 1" in records.loc[label, "error"]
    assert outcome.err.count("the training loss is nan in epoch 0, step 1") == 2
    assert (tmp_path / "out" / "report" / "index.html").is_file()


@pytest.mark.slow
def test_a_checkpoint_of_another_search_ends_the_run_and_is_kept(tmp_path, cli):
    (tmp_path / "tiny.toml").write_text(toml(TINY))
    group = next(group for group in make_suite(TINY).groups() if group.method.label == "milenas-1st")
    checkpoint = tmp_path / "out" / "checkpoints" / f"{group.key(0)}.pt"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_bytes(b"something else")
    command = ["run", tmp_path / "tiny.toml", "-o", tmp_path / "out", "-q", "-j", "1", "--no-report"]
    outcome = cli(*command)
    assert outcome.code == 2
    assert outcome.err.count("\n") == 1
    assert f"{checkpoint}: not a checkpoint of a search" in outcome.err
    assert checkpoint.read_bytes() == b"something else"
    checkpoint.unlink()
    assert cli(*command).code == 0


@pytest.mark.slow
def test_a_killed_run_goes_on_within_its_search(tmp_path):
    suite = TINY | {"seeds": "0:1", "budgets": {"epochs": 8}, "methods": [{"name": "milenas-1st"}]}
    (tmp_path / "suite.toml").write_text(toml(suite))
    command = [sys.executable, "-m", "harness.cli", "run", str(tmp_path / "suite.toml"), "--no-report", "-q", "-j", "1"]
    output = tmp_path / "killed"
    process = subprocess.Popen(
        [*command, "-o", output], start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 300
    while not list((output / "checkpoints").glob("*.pt")) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    (checkpoint,) = (output / "checkpoints").glob("*.pt")
    assert 1 <= len(torch.load(checkpoint, weights_only=True)["rows"]) < 8
    subprocess.run([*command, "-o", output], check=True, stdout=subprocess.DEVNULL)
    assert not (output / "checkpoints").exists()
    subprocess.run([*command, "-o", tmp_path / "whole"], check=True, stdout=subprocess.DEVNULL)
    same(output, tmp_path / "whole")
    assert len(read_epochs(output).query("phase == 'search'")) == 8


def test_a_killed_evaluation_goes_on_at_its_last_epoch(reference, tmp_path, monkeypatch):
    suite = TINY | {"seeds": "0:1", "methods": [{"name": "milenas-1st"}]}
    kept, counted = checkpoints.save, []

    def save(path, *content):
        kept(path, *content)
        if path.name.endswith(".trained-0.pt"):
            counted.append(path)
            if len(counted) == 1:
                raise KeyboardInterrupt

    monkeypatch.setattr(checkpoints, "save", save)
    with pytest.raises(KeyboardInterrupt):
        run(suite, tmp_path / "run", backend="sequential")
    assert counted[0].exists()
    run(suite, tmp_path / "run", backend="sequential")
    assert len(counted) == TINY["evaluation"]["epochs"]  # one before, the others after
    assert not (tmp_path / "run" / "checkpoints").exists()
    times = [*TIME_COLUMNS, "suite"]
    (row,) = read_run(tmp_path / "run")[0].drop(columns=times).to_dict("records")
    whole = read_run(reference)[0].set_index("cell", drop=False).loc[row["cell"]].drop(times).to_dict()
    assert {key: str(value) for key, value in row.items()} == {key: str(value) for key, value in whole.items()}


# Options of the search


def test_a_schedule_of_levels(tmp_path):
    phases = {"name": "level-schedule", "phases": [[0, "darts-1st"], [1, "milenas-1st"]]}
    records = run(TINY | {"seeds": "0:1", "methods": [phases]}, tmp_path / "run", backend="sequential")
    assert records["status"].tolist() == ["ok"]
    search = read_epochs(tmp_path / "run").query("phase == 'search'")
    assert search["level"].tolist() == ["Bilevel", "MixedLevel"]
    build_report(tmp_path / "run", formats=["csv"])
    cost = pd.read_csv(tmp_path / "run" / "report" / "tables" / "search_cost.csv")
    assert cost["level"][0] == "Bilevel, then MixedLevel"


def test_a_method_that_cannot_run_is_refused_by_plan_and_run(tmp_path, cli):
    late = {"name": "level-schedule", "phases": [[0, "darts-1st"], [9, "milenas-1st"]]}
    table = {"seeds": "0:1", "benchmarks": ["synthetic/ridge"], "budgets": {"evaluations": 5}}
    cases = [
        (TINY | {"methods": [late]}, "level-schedule: phases: epoch 9 is never reached, the budget is 2"),
        (table | {"methods": [{"name": "level-schedule"}]}, "level-schedule: wants a supernet; a table has no epochs"),
        (table | {"methods": [{"name": "random-search-ws"}]}, "random-search-ws: wants a supernet, and a table has no"),
        (table | {"methods": [{"name": "random-architecture"}]}, "random-architecture: is for live benchmarks"),
    ]
    for suite, message in cases:
        (tmp_path / "suite.toml").write_text(toml(suite))
        for verb in ("plan", "run"):
            outcome = cli(verb, tmp_path / "suite.toml", "-o", tmp_path / "out")
            assert outcome.code == 2
            assert message in outcome.err
            assert outcome.err.count("\n") == 1
            assert not (tmp_path / "out").exists()


def test_early_stop_at_the_expected_size(tmp_path):
    suite = TINY | {"seeds": "0:1", "methods": [{"name": "milenas-1st"}], "budgets": {"epochs": 3}}
    run(suite | {"search": TINY["search"] | {"expected_size": [6]}}, tmp_path / "run", backend="sequential")
    search = read_epochs(tmp_path / "run").query("phase == 'search'")
    assert search["epoch"].tolist() == [1]


# Plans


def test_a_plan_estimates_without_running(tmp_path, reference):
    suite = make_suite(TINY)
    found = plan(suite, tmp_path / "none", 1)
    assert (found.cells, found.missing, found.workers) == (6, 6, 1)
    assert found.basis == "from timed steps of each method"
    spent = read_run(reference)[0]["wall_s"].sum()
    assert spent / 20 < found.seconds < 60 * spent  # other processes may be about
    assert not (tmp_path / "none").exists()
    assert plan(suite, reference, 1).seconds == 0
