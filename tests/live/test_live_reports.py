"""Reports of live runs: tables, gaps, pairs, curves, with and without everything that may be missing."""

import itertools
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from harness.analysis import compare_pairs, plan_seeds
from harness.reporting import build_report
from harness.reporting.caveats import caveats
from harness.reporting.live_figures import draw_search_curves
from harness.reporting.run import load_run
from harness.running.records import EPOCHS, RECORDS, read_epochs, read_run
from harness.running.runner import run
from harness.statistics import detection_power, holm

from .conftest import TINY


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
    cost = pd.read_csv(folder / "tables" / "search_cost.csv").set_index("method")
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
    cost = pd.read_csv(against_average / "report" / "tables" / "search_cost.csv").set_index("method")
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
