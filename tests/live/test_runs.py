"""Live suites from end to end: report, jobs, failures, kills, plans, schedules, no leaks."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from harness.live import sources
from harness.live.benchmark import LiveSettings
from harness.live.data import split
from harness.live.problem import LiveProblem
from harness.live.search import SearchSettings
from harness.live.sources import CIFAR10, PIXELS
from harness.live.train import Recipe
from harness.planning import plan
from harness.problem import Budget
from harness.records import EPOCH_TIME_COLUMNS, EPOCHS, RECORDS, TIME_COLUMNS, TRACES, read_epochs, read_run
from harness.reporting import build_report
from harness.runner import run
from harness.spaces.nasbench201 import NASBench201Space
from harness.suite import load_suite, make_suite
from harness.testing import reachable

TINY = {
    "name": "tiny",
    "seeds": "0:2",
    "benchmarks": ["live/nasbench201-digits"],
    "budgets": {"epochs": 2},
    "search": {"channels": 2, "cells": 1, "batch_size": 320, "alpha_learning_rate": 0.03},
    "evaluation": {"channels": 2, "cells": 1, "epochs": 2, "batch_size": 320},
    "methods": [{"name": "random"}, {"name": "single-level"}, {"name": "milenas-1st"}],
}


def left(output):
    """What a run leaves, without what may differ between equal runs."""
    columns = {RECORDS: TIME_COLUMNS, TRACES: (), EPOCHS: EPOCH_TIME_COLUMNS}
    return {name: pd.read_parquet(output / name).drop(columns=list(times)) for name, times in columns.items()}


def same(one, other):
    for name, frame in left(one).items():
        pd.testing.assert_frame_equal(frame, left(other)[name], check_exact=True)


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """The suite run in the plainest way, and its report."""
    output = tmp_path_factory.mktemp("reference") / "run"
    run(TINY, output, backend="sequential")
    build_report(output)
    return output


def toml(suite):
    """A suite as TOML: JSON's values are TOML's."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in suite.items() if not isinstance(value, dict)]
    lines = [line for line in lines if not line.startswith("methods")]
    for key, table in suite.items():
        if isinstance(table, dict):
            lines += [f"[{key}]", *(f"{name} = {json.dumps(value)}" for name, value in table.items())]
    for method in suite["methods"]:
        lines += ["[[methods]]", *(f"{name} = {json.dumps(value)}" for name, value in method.items())]
    return "\n".join(lines)


# Report


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


def test_the_report_of_a_live_run(reference):
    folder = reference / "report"
    text = (folder / "report.md").read_text()
    assert "over random@2epochs" in text
    assert "random@1," not in text
    assert "delta-Welch" in text
    assert "simultaneous (both gradients at the same point" in text
    assert "mixes orders" not in text
    plots = {path.name for path in (folder / "plots").glob("*.svg")}
    assert {"search_curves.svg", "cells_by_epoch_nasbench201_digits.svg", "alphas_nasbench201_digits_cell.svg"} <= plots
    assert "cells_nasbench201_digits.svg" in plots
    improvement = pd.read_csv(folder / "tables" / "relative_improvement.csv")
    assert improvement["baseline"].unique().tolist() == ["random@2epochs"]
    assert improvement["n_baseline"].tolist() == [2, 2, 2]
    cost = pd.read_csv(folder / "tables" / "cost.csv").set_index("method")
    assert cost.loc["single-level", ["passes_a_step", "passes"]].tolist() == [1, 4]
    assert cost.loc["milenas-1st", ["passes_a_step", "passes"]].tolist() == [2, 8]
    assert cost.loc["random", "trained"] == 2
    assert not [name for name in cost if "second" in name or name.endswith("_s")]
    timings = pd.read_csv(folder / "tables" / "timings.csv").set_index("method")
    assert (timings.loc[["single-level", "milenas-1st"], "step_s"] > 0).all()
    records = read_run(reference)[0]
    assert pd.read_csv(folder / "tables" / "architectures.csv")["arch"].tolist() == records["arch"].tolist()


def test_the_table_of_model_sizes_has_the_best_epoch_of_each(reference):
    sizes = pd.read_csv(reference / "report" / "tables" / "sizes.csv")
    epochs = read_epochs(reference).query("phase == 'search'")
    records = read_run(reference)[0].set_index("cell")
    epochs = epochs.join(records[["label", "seed"]], on="cell")
    best = epochs.groupby(["label", "seed", "convolutions_cell"])["valid_accuracy"].max()
    assert len(sizes) == len(best)
    for row in sizes.itertuples():
        assert row.valid_accuracy == best[row.method, row.seed, int(row.size.split()[0])]


@pytest.mark.slow
def test_a_report_needs_no_torch(reference, tmp_path):
    code = (
        "import sys\nfrom harness.cli import main\n"
        f"code = main(['report', {str(reference)!r}, '-o', {str(tmp_path / 'r')!r}])\n"
        "sys.exit(code or 'torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0
    assert (tmp_path / "r" / "index.html").read_bytes() == (reference / "report" / "index.html").read_bytes()


def test_a_suite_that_mixes_orders_of_updates_says_so(tmp_path):
    methods = [{"name": "single-level"}, {"name": "milenas-1st", "update": "w_first"}]
    run(TINY | {"methods": methods, "seeds": "0:1", "budgets": {"epochs": 1}}, tmp_path / "run", backend="sequential")
    report = build_report(tmp_path / "run", formats=["md"])
    (warning,) = (text for text in report.warnings if "mixes orders of updates" in text)
    assert "simultaneous: single-level; w_first: milenas-1st" in warning


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
    suite = TINY | {"seeds": "0:1", "budgets": {"epochs": 8}, "methods": [{"name": "milenas-2nd"}]}
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


# Options of the search


def test_a_schedule_of_levels(tmp_path):
    phases = {"name": "level-schedule", "phases": [[0, "darts-1st"], [1, "milenas-1st"]]}
    late = {"name": "level-schedule", "label": "late", "phases": [[0, "darts-1st"], [9, "milenas-1st"]]}
    suite = TINY | {"seeds": "0:1", "methods": [phases, late]}
    records = run(suite, tmp_path / "run", backend="sequential").set_index("label")
    assert records["status"].to_dict() == {"level-schedule": "ok", "late": "failed"}
    assert "epoch 9 is never reached, the budget is 2" in records.loc["late", "error"]
    search = read_epochs(tmp_path / "run").query("phase == 'search'")
    assert search["level"].tolist() == ["Bilevel", "MixedLevel"]
    build_report(tmp_path / "run", formats=["csv"])
    cost = pd.read_csv(tmp_path / "run" / "report" / "tables" / "cost.csv")
    assert cost["level"][0] == "Bilevel, then MixedLevel"


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


# CIFAR-10, written here in its published format, with a few images

TINY_CIFAR = replace(CIFAR10, files=dict.fromkeys(CIFAR10.files, 40))


@pytest.fixture
def cifar(tmp_path, monkeypatch):
    from harness.live import benchmark

    folder = tmp_path / "data" / "cifar10" / "cifar-10-batches-bin"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name, n in TINY_CIFAR.files.items():
        labels = np.resize(np.arange(10, dtype=np.uint8), (n, 1))
        np.concatenate([labels, rng.integers(256, size=(n, PIXELS), dtype=np.uint8)], axis=1).tofile(
            folder / f"{name}.bin"
        )
    monkeypatch.setenv("NAS_HARNESS_DATA", str(tmp_path / "data"))
    monkeypatch.setitem(sources._SOURCES, "cifar10", lambda place: sources.read_cifar(TINY_CIFAR, place))
    benchmark.images_of.cache_clear()
    yield
    benchmark.images_of.cache_clear()


SMALLER = ["search.channels=2", "search.cells=3", "evaluation.channels=2", "evaluation.cells=3"]


def test_the_cifar_suite_has_the_papers_settings(cifar):
    suite = load_suite("live-cifar10", ["device=cpu", "search.batch_size=64"])
    group = next(suite.groups())
    settings = LiveSettings.from_json(group.settings)
    assert settings.search == SearchSettings(augment=True)  # its defaults are DARTS's
    assert (settings.evaluation.epochs, settings.evaluation.channels, settings.evaluation.cells) == (600, 36, 20)
    assert settings.evaluation.batch_size == 96
    assert len(suite.seeds) == 4


@pytest.mark.slow
def test_a_plan_of_the_cifar_suite(cifar, tmp_path, cli):
    changes = [argument for change in SMALLER for argument in ("--set", change)]
    outcome = cli("plan", "live-cifar10", "--device", "cpu", *changes, "-o", tmp_path / "out", "-j", "1", "--json")
    assert outcome.code == 0, outcome
    found = json.loads(outcome.out)
    assert (found["cells"], found["missing"]) == (36, 36)
    assert found["seconds"] > 0


@pytest.mark.slow
def test_one_step_of_the_cifar_suite(cifar, tmp_path):
    changes = [
        "budgets.epochs=1",
        "evaluation.epochs=1",
        "evaluation.proxy_epochs=1",
        'methods.8.phases=[[0, "darts-2nd"]]',
    ]
    suite = load_suite("live-cifar10", ["device=cpu", *SMALLER, *changes], "0:1")
    records = run(suite, tmp_path / "out", backend="sequential")
    assert records["status"].tolist() == ["ok"] * 9, records["error"].tolist()
    search = read_epochs(tmp_path / "out").query("phase == 'search'")
    assert (search["steps"] == 1).all()


# No leaks


def test_no_test_image_can_be_reached_from_a_live_problem():
    rng = np.random.default_rng(0)
    whole = sources.load("digits")
    data = replace(whole, images=rng.integers(256, size=whole.images.shape, dtype=np.uint8))  # all different
    splits = split(data, 0)
    settings = LiveSettings(
        SearchSettings(channels=2, cells=1, epochs=1, batch_size=320),
        Recipe(channels=2, cells=1, epochs=1, batch_size=320),
        Recipe(channels=2, cells=1, epochs=1, batch_size=320),
        "cpu",
    )
    problem = LiveProblem("nasbench201", NASBench201Space(), splits, settings, Budget("epochs", 1), 0)
    size = data.images[0].size
    tests = {image.tobytes() for image in data.images[splits.test]}

    def held():
        arrays = [item for item in reachable(problem) if isinstance(item, np.ndarray | torch.Tensor)]
        images = [np.asarray(array) for array in arrays if array.dtype in (np.uint8, torch.uint8)]
        return {image.tobytes() for array in images if array.size % size == 0 for image in array.reshape(-1, size)}

    assert len(held()) == len(splits.train) + len(splits.valid)
    assert not held() & tests
    problem.evaluate((3,) * 6)
    assert not held() & tests
    assert not any(np.array_equal(item, splits.test) for item in reachable(problem) if isinstance(item, np.ndarray))


def test_splits_that_searches_see_have_no_other_images(splits):
    from harness.live.problem import without_test

    seen = without_test(splits)
    assert len(seen.test) == 0
    for name in ("train", "valid"):
        rows = getattr(seen, name)
        assert np.array_equal(seen.data.images[rows], splits.data.images[getattr(splits, name)])
    assert len(seen.data.images) == len(splits.train) + len(splits.valid)
