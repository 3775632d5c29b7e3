"""Live suites from end to end: report, jobs, failures, kills, plans, schedules, no leaks."""

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from harness.analysis import compare_pairs, plan_seeds
from harness.images import sources
from harness.images.sources import CIFAR10, PIXELS
from harness.live.problem import LiveProblem
from harness.problem.budget import Budget
from harness.reporting import build_report
from harness.reporting.caveats import caveats
from harness.reporting.live_figures import draw_search_curves
from harness.reporting.run import load_run
from harness.running.planning import plan
from harness.running.records import EPOCH_TIME_COLUMNS, EPOCHS, RECORDS, TIME_COLUMNS, TRACES, read_epochs, read_run
from harness.running.runner import run
from harness.spaces.nasbench201 import NASBench201Space
from harness.statistics import detection_power, holm
from harness.suites.reading import load_suite, make_suite
from harness.testing import reachable
from harness.training import checkpoints
from harness.training.data import split
from harness.training.settings import LiveSettings, Recipe, SearchSettings

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
    assert "paired log-ratio" in text
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


@pytest.fixture(scope="module")
def against_average(tmp_path_factory):
    """A suite with random architectures as the baseline, and its report."""
    output = tmp_path_factory.mktemp("average") / "run"
    methods = [
        {"name": "random-architecture", "architectures": 2},
        {"name": "random-search-ws", "candidates": 3},
        {"name": "single-level"},
    ]
    run(TINY | {"seeds": "0:3", "methods": methods}, output, backend="sequential")
    build_report(output)
    return output


def test_random_architectures_are_trained_like_all_others_and_are_the_baseline(against_average):
    records = read_run(against_average)[0]
    assert records["status"].tolist() == ["ok"] * 9, records["error"].tolist()
    random = records[records["method"] == "random-architecture"]
    assert random["arch"].tolist() == [""] * 3
    epochs = read_epochs(against_average).query("phase == 'evaluation'")
    for row in random.itertuples():
        own = epochs[epochs["cell"] == row.cell]
        assert own["arch"].nunique() == 2
        last = own[own["epoch"] == TINY["evaluation"]["epochs"]]
        assert row.test == pytest.approx(last["test_accuracy"].mean())
        assert row.valid == pytest.approx(last["valid_accuracy"].mean())
    improvement = pd.read_csv(against_average / "report" / "tables" / "relative_improvement.csv").set_index("method")
    assert improvement["baseline"].unique().tolist() == ["random@1"]
    pairs = {label: rows.set_index("seed")["test"] for label, rows in records.groupby("label")}
    ratio = pairs["single-level"].mean() / pairs["random-architecture"].mean()
    assert improvement.loc["single-level", "ri"] == pytest.approx(100 * (ratio - 1))
    assert improvement[["ci_low", "ci_high", "p_value", "p_holm"]].isna().all(axis=None)
    text = (against_average / "report" / "report.md").read_text()
    assert "it is the baseline itself" in text
    assert "the average of random architectures" in text
    assert "3 runs against 6 random architectures, where an interval wants 50 and 100" in text
    assert "has no test against the average of random architectures" in text


def test_random_search_with_shared_weights_in_a_run(against_average):
    records = read_run(against_average)[0].set_index("cell")
    search = read_epochs(against_average).query("phase == 'search'")
    own = search[search["cell"].map(records["method"]) == "random-search-ws"]
    assert own["passes"].tolist() == own["steps"].tolist()
    assert own[own["epoch"] == 2]["arch"].tolist() == records[records["method"] == "random-search-ws"]["arch"].tolist()
    cost = pd.read_csv(against_average / "report" / "tables" / "cost.csv").set_index("method")
    assert cost.loc["random-search-ws", "passes_a_step"] == 1
    sizes = pd.read_csv(against_average / "report" / "tables" / "sizes.csv")
    assert set(sizes["method"]) == {"single-level"}


def test_gaps_and_stability_are_those_of_the_epochs(against_average):
    epochs, records = read_epochs(against_average), read_run(against_average)[0].set_index("cell")
    tables = against_average / "report" / "tables"
    curves = pd.read_csv(tables / "epochs.csv").set_index(["method", "phase", "quantity", "epoch"])["mean"]
    own = epochs[(epochs["cell"].map(records["label"]) == "single-level") & (epochs["epoch"] == 2)]
    for phase, other in (("search", "valid"), ("evaluation", "valid"), ("evaluation", "test")):
        part = own[own["phase"] == phase]
        gap = (part["train_accuracy"] - part[f"{other}_accuracy"]).mean()
        assert curves["single-level", phase, f"{other}_gap", 2] == pytest.approx(gap)
    stability = pd.read_csv(tables / "stability.csv").set_index("method")
    assert stability.index.tolist() == ["random-search-ws", "single-level"]
    assert stability.loc["random-search-ws", ["flips", "agreement"]].isna().all()
    search = epochs[(epochs["cell"].map(records["label"]) == "single-level") & (epochs["phase"] == "search")]
    strongest = {
        cell: [np.vstack(list(row)).argmax(axis=1) for row in rows["alphas_cell"]]
        for cell, rows in search.groupby("cell")
    }
    flips = [100 * np.mean(before != after) for before, after in strongest.values()]
    assert stability.loc["single-level", "flips"] == pytest.approx(np.mean(flips))
    a, b, c = (after for _, after in strongest.values())
    assert stability.loc["single-level", "agreement"] == pytest.approx(
        100 * np.mean([np.mean(a == b), np.mean(a == c), np.mean(b == c)])
    )
    assert stability.loc["single-level", "skips"] == own[own["phase"] == "search"]["skips_cell"].mean()


@pytest.fixture(scope="module")
def levels(tmp_path_factory):
    """A run with all three levels, and its report."""
    output = tmp_path_factory.mktemp("levels") / "run"
    methods = [
        {"name": "random-architecture", "architectures": 2},
        {"name": "random-search-ws", "candidates": 3},
        {"name": "darts-1st"},
        {"name": "milenas-1st", "label": "mixed", "lambda_valid": 0.5, "lambda_train": 2.0},
        {"name": "milenas-1st", "label": "valid only", "lambda_train": 0.0},
        {"name": "single-level"},
    ]
    run(TINY | {"seeds": "0:3", "methods": methods}, output, backend="sequential")
    build_report(output)
    return output


def finals(output):
    """Final test scores of every label by seed."""
    records = read_run(output)[0]
    return {label: rows.set_index("seed")["test"] for label, rows in records.groupby("label")}


def test_methods_stand_beside_each_other_seed_by_seed(levels):
    tests, pairs = finals(levels), pd.read_csv(levels / "report" / "tables" / "pairs.csv")
    labels = ["random-search-ws", "darts-1st", "mixed", "valid only", "single-level"]
    assert list(zip(pairs["a"], pairs["b"], strict=True)) == list(itertools.combinations(labels, 2))
    for row in pairs.itertuples():
        found = stats.ttest_rel(tests[row.a], tests[row.b])
        assert (row.n, row.difference) == (3, pytest.approx((tests[row.a] - tests[row.b]).mean()))
        if not np.isnan(row.p_value):
            assert row.p_value == pytest.approx(found.pvalue)
            assert (row.low, row.high) == pytest.approx(tuple(found.confidence_interval()))
            assert detection_power(
                row.detectable, 3, np.std(tests[row.a] - tests[row.b], ddof=1), True
            ) == pytest.approx(0.8)
    np.testing.assert_allclose(pairs["p_holm"], holm(pairs["p_value"]))
    text = (levels / "report" / "report.md").read_text()
    assert f"Holm's adjustment over {pairs['p_value'].count()} pairs" in text

    found = compare_pairs(levels, np.random.default_rng(0)).tests
    assert found["test"].unique().tolist() == ["paired t"]
    np.testing.assert_allclose(found["p_value"], pairs["p_value"])
    expected = 100 * pairs["difference"] / tests["random-architecture"].mean()
    np.testing.assert_allclose(found["difference"], expected, atol=1e-9)

    seeds = plan_seeds(levels, 5.0).set_index("method")
    assert pd.isna(seeds.loc["random-architecture", "seeds_paired"])
    assert (seeds.loc[labels, "seeds_paired"] >= 50).all()  # reports test against no fewer random architectures
    assert seeds.loc[labels, "note"].str.contains("from 50 seeds and 100 of them on").all()
    improvement = pd.read_csv(levels / "report" / "tables" / "relative_improvement.csv").set_index("method")
    ratio = np.log(tests["mixed"] / tests["random-architecture"])
    assert detection_power(seeds.loc["mixed", "detectable_paired"], 3, 100 * ratio.std(), True) == pytest.approx(0.8)
    assert improvement.loc["mixed", "n_method"] == 3


def test_generalisation_gaps_stand_by_lambda(levels):
    gaps = pd.read_csv(levels / "report" / "tables" / "gaps.csv").set_index("method")
    leveled = ["single-level", "mixed", "darts-1st", "valid only"]
    assert gaps.index.tolist() == [*leveled, "random-architecture", "random-search-ws"]
    assert gaps.loc[leveled, "lambda"].tolist() == [0, 0.25, np.inf, np.inf]
    epochs = read_epochs(levels).query("epoch == 2")
    labels = epochs["cell"].map(read_run(levels)[0].set_index("cell")["label"])
    for label in leveled:
        search, trained = (epochs[(labels == label) & (epochs["phase"] == name)] for name in ("search", "evaluation"))
        found, gap = gaps.loc[label], trained["train_accuracy"] - trained["test_accuracy"]
        assert found["supernet_gap"] == pytest.approx((search["train_accuracy"] - search["valid_accuracy"]).mean())
        assert found["test_gap"] == pytest.approx(gap.mean())
        assert found["test_gap_low"] == pytest.approx(stats.t.interval(0.95, 2, gap.mean(), stats.sem(gap))[0])
    assert gaps.loc[["random-architecture", "random-search-ws"], "supernet_gap"].isna().all()
    assert gaps["test_gap"].notna().all()
    assert (levels / "report" / "plots" / "gaps.svg").is_file()


def test_errors_are_drawn_of_accuracies(levels):
    figure = draw_search_curves(load_run(levels))
    (panel,) = (ax for ax in figure.axes if ax.get_title() == "validation error, %")
    epochs = read_epochs(levels).query("phase == 'search'")
    labels = epochs["cell"].map(read_run(levels)[0].set_index("cell")["label"])
    own = epochs[labels == "mixed"].groupby("epoch")["valid_accuracy"].mean()
    assert any(
        line.get_ydata() == pytest.approx(100 - own.to_numpy()) for line in panel.lines if len(line.get_ydata()) == 2
    )
    (gap,) = (ax for ax in figure.axes if ax.get_title() == "training − validation")
    assert "random-search-ws" in figure_labels(figure)
    assert len({line.get_color() for line in gap.lines}) == 4  # none of random search's shared weights


def figure_labels(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def test_alphas_that_hardly_moved_are_said(levels):
    (caveat,) = (text for text in caveats(load_run(levels)) if "entropy of α" in text)
    epochs = read_epochs(levels).query("epoch == 2 and phase == 'search'")
    labels = epochs["cell"].map(read_run(levels)[0].set_index("cell")["label"])
    entropy = epochs.groupby(labels)["alpha_entropy_cell"].mean().drop("random-search-ws") / np.log(5)
    assert f"{100 * entropy.min():.2f} to {100 * entropy.max():.2f} %" in caveat
    assert "(all methods that have one)" in caveat


def test_failed_cells_are_in_no_mean_of_epochs(levels, tmp_path):
    copied = shutil.copytree(levels, tmp_path / "run")
    records = pd.read_parquet(copied / RECORDS)
    cell = records[records["label"] == "single-level"]["cell"].iloc[0]
    records.loc[records["cell"] == cell, ["status", "test"]] = ["failed", np.nan]
    records.to_parquet(copied / RECORDS)
    build_report(copied)
    gaps = pd.read_csv(copied / "report" / "tables" / "gaps.csv").set_index("method")
    assert gaps.loc["single-level", "n"] == 2
    epochs = read_epochs(copied).query("epoch == 2 and phase == 'search'")
    labels = epochs["cell"].map(records.set_index("cell")["label"])
    kept = epochs[(labels == "single-level") & (epochs["cell"] != cell)]
    gap = (kept["train_accuracy"] - kept["valid_accuracy"]).mean()
    assert gaps.loc["single-level", "supernet_gap"] == pytest.approx(gap)
    pairs = pd.read_csv(copied / "report" / "tables" / "pairs.csv")
    assert pairs.loc[pairs["b"] == "single-level", "n"].tolist() == [2] * 4


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_losses_that_are_not_finite_are_drawn(levels, tmp_path, value):
    copied = shutil.copytree(levels, tmp_path / "run")
    epochs = pd.read_parquet(copied / EPOCHS)
    epochs.loc[epochs["phase"] == "search", "valid_loss"] = value
    epochs.loc[epochs["phase"] == "evaluation", "valid_loss"] = -1.0
    epochs.to_parquet(copied / EPOCHS)
    build_report(copied, tmp_path / "out", formats=["svg"])
    assert (tmp_path / "out" / "plots" / "search_curves.svg").is_file()


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
    cost = pd.read_csv(tmp_path / "run" / "report" / "tables" / "cost.csv")
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


# CIFAR-10, written here in its published format, with a few images


@pytest.fixture
def cifar(request, tmp_path, monkeypatch):
    """So many images in every file of it, 12 unless the test says otherwise."""
    from harness.live import benchmark

    folder = tmp_path / "data" / "cifar10" / "cifar-10-batches-bin"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    tiny = replace(CIFAR10, files=dict.fromkeys(CIFAR10.files, getattr(request, "param", 12)))
    for name, n in tiny.files.items():
        labels = np.resize(np.arange(10, dtype=np.uint8), (n, 1))
        np.concatenate([labels, rng.integers(256, size=(n, PIXELS), dtype=np.uint8)], axis=1).tofile(
            folder / f"{name}.bin"
        )
    monkeypatch.setenv("NAS_HARNESS_DATA", str(tmp_path / "data"))
    monkeypatch.setitem(sources._SOURCES, "cifar10", lambda place: sources.read_cifar(tiny, place))
    benchmark.images_of.cache_clear()
    yield
    benchmark.images_of.cache_clear()


SMALLER = [f"{part}.{key}" for part in ("search", "evaluation") for key in ("channels=2", "cells=3", "batch_size=16")]


@pytest.mark.parametrize("cifar", [40], indirect=True)  # more than a batch of the final training
def test_the_cifar_suite_has_the_papers_settings(cifar):
    suite = load_suite("live-cifar10", ["device=cpu", "search.batch_size=64"])
    group = suite.groups()[0]
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


# The comparison

METHODS = ["random-architecture", "random-search-ws", "single-level", *["milenas-1st"] * 3]
METHODS += ["darts-1st", "darts-2nd", "milenas-2nd"]


@pytest.mark.parametrize("name", ["live-darts", "live-mnist"])
def test_the_suites_of_the_comparison(name):
    suite = load_suite(name)
    assert len(suite.seeds) == 8
    assert [method.name for method in suite.methods] == METHODS
    assert [method.params["lambda_valid"] for method in suite.methods if method.name == "milenas-1st"] == [0.1, 1, 999]
    assert suite.methods[0].params["architectures"] * len(suite.seeds) == 32
    settings = LiveSettings.from_json(suite.groups()[0].settings)
    assert (settings.search.channels, settings.search.cells) == (4, 3)
    assert settings.search.alpha_learning_rate == 3e-3


@pytest.mark.slow
def test_a_shortened_run_on_mnist(tmp_path, cli, monkeypatch):
    whole = sources.load("mnist5k")
    some = replace(whole, images=whole.images[::25], labels=whole.labels[::25])  # the digits come one after another
    monkeypatch.setattr("harness.live.benchmark.images_of", lambda _: some)
    changes = ["budgets.epochs=1", "evaluation.epochs=1", "methods.1.candidates=3"]
    changes += [
        f"{part}.{key}" for part in ("search", "evaluation") for key in ("channels=2", "cells=2", "batch_size=36")
    ]
    command = ["run", "live-mnist", "--seeds", "0:1", "-o", tmp_path / "out", "-q", "--backend", "sequential"]
    outcome = cli(*command, *(argument for change in changes for argument in ("--set", change)))
    assert outcome.code == 0, outcome
    records, _, _ = read_run(tmp_path / "out")
    assert records["method"].tolist() == METHODS
    assert (records["status"] == "ok").all()
    assert (tmp_path / "out" / "report" / "index.html").is_file()


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
