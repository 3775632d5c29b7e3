"""Comparisons that a suite names, collapse, early stops and the price of a draw, on a small one-shot run whose scores are set."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from harness.analysis import plan_pair
from harness.errors import HarnessError
from harness.reporting.build import build_report, make_document
from harness.reporting.frames.collapse import collapses
from harness.reporting.frames.early_stop import early_stops
from harness.reporting.frames.planned import planned_pairs
from harness.reporting.frames.spending import spending
from harness.reporting.run import load_run
from harness.running.planning import status
from harness.running.price import PRICE, price
from harness.running.runner import run
from harness.statistics import exact_random_baseline, seeds_for_rates, seeds_for_wins
from harness.suites.reading import make_suite
from harness.supernets.sizes import chance_of_size

SEEDS = 6
STOPPED = {"expected_size": [6], "size_from": 0.5}  # any cell is small enough, from the first of two epochs on
SUITE = {
    "name": "compared",
    "seeds": f"0:{SEEDS}",
    "benchmarks": ["one-shot/tiny-cells"],
    "budgets": {"epochs": 2},
    "search": {"batch_size": 449},
    "pairs": [["mixed", "darts-1st"], ["stopped", "mixed"]],
    "methods": [
        {"name": "random-architecture"},
        {"name": "milenas-1st", "label": "mixed"},
        {"name": "darts-1st"},
        {"name": "milenas-1st", "label": "stopped", "search": STOPPED, "seeds": "0:3"},
        {"name": "params", "candidates": 2, "seeds": "0:3"},
    ],
}
MIXED = [50.0, 60.0, 15.0, 70.0, 80.0, 55.0]  # the third has collapsed: 10 classes, and below twice a guess
DARTS = [40.0, 60.0, 45.0, 65.0, 70.0, 50.0]


@pytest.fixture(scope="module")
def output(tiny_cells, tmp_path_factory):
    folder = tmp_path_factory.mktemp("compared")
    run(SUITE, folder)
    return folder


@pytest.fixture
def compared(output):
    """The run with scores that are known."""
    found = load_run(output)
    cells = found.cells
    for label, scores in (("mixed", MIXED), ("darts-1st", DARTS)):
        cells.loc[cells["label"] == label, "test"] = scores
    cells.loc[cells["arch"] != "", "arch"] = "|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"
    return replace(found, cells=cells)


def test_a_method_with_seeds_of_its_own_is_run_at_these(output):
    records = pd.read_parquet(output / "records.parquet")
    assert records.groupby("label")["seed"].agg(list).loc["stopped"] == [0, 1, 2]
    assert records["label"].value_counts()["mixed"] == SEEDS
    found = load_run(output)
    assert found.n_missing == 0
    assert not any("part of the" in warning for warning in make_document(found).warnings)
    assert status([output]) == {"suite": "compared", "cells": 24, "done": 24, "failed": 0, "missing": 0}
    few = make_suite(SUITE | {"seeds": "4:6"})  # which two of the methods are not run at
    assert [method.label for method in few.methods] == ["random-architecture", "mixed", "darts-1st"]
    assert few.pairs == (("mixed", "darts-1st"),)


def test_pairs_are_compared_seed_by_seed(compared):
    row = planned_pairs(compared).iloc[0]
    assert (row["n"], row["wins"], row["ties"], row["losses"]) == (6, 4, 1, 1)
    assert row["win_probability"] == pytest.approx(4.5 / 6)
    assert row["p_value"] == pytest.approx(stats.binomtest(4, 5).pvalue)
    gap = np.subtract(MIXED, DARTS)
    t = stats.ttest_1samp(gap, 0).confidence_interval()
    unit = np.mean(DARTS)
    assert (row["ri"], row["ri_low"], row["ri_high"]) == pytest.approx(
        (100 * gap.mean() / unit, 100 * t.low / unit, 100 * t.high / unit)
    )
    assert row["median_difference"] == pytest.approx(5.0)
    assert (row["collapsed_a"], row["collapsed_b"]) == (1, 0)
    assert row["seeds_win"] == seeds_for_wins(4.5 / 6, 1 / 6)
    assert row["seeds_collapse"] == seeds_for_rates(1 / 6, 0)


def test_p_values_are_adjusted_over_the_pairs(compared):
    frame = planned_pairs(compared)
    assert frame[["a", "b"]].to_numpy().tolist() == SUITE["pairs"]
    smallest = frame["p_value"].min()
    assert frame["p_holm"].min() == pytest.approx(min(1, 2 * smallest))
    assert frame.loc[1, "n"] == 3  # the seeds that both have


def test_collapse_is_counted_by_accuracy_and_by_what_passes(compared):
    frame = collapses(compared).set_index("method")
    low, high = proportion_confint(1, 6, method="beta")
    assert frame.loc["mixed", ["collapsed", "share", "low", "high"]].tolist() == pytest.approx(
        [1, 100 / 6, 100 * low, 100 * high]
    )
    assert frame.loc["darts-1st", "collapsed"] == 0
    cells = compared.cells
    cells.loc[cells["label"] == "darts-1st", "arch"] = "|none~0|+|skip_connect~0|none~1|+|none~0|none~1|none~2|"
    assert collapses(replace(compared, cells=cells)).set_index("method").loc["darts-1st", "collapsed"] == SEEDS


def test_early_stops_are_told(compared):
    (row,) = early_stops(compared).to_dict("records")
    assert (row["method"], row["n"], row["size"], row["from_epoch"]) == ("stopped", 3, "6", 1)
    assert row["chance"] == pytest.approx(100 * chance_of_size("nasbench201", [6])) == 100.0
    assert (row["reached"], row["reached_epoch"], row["epochs"], row["epochs_saved"]) == (3, 1.0, 1.0, 1.0)


def test_networks_that_are_scored_untrained_are_counted(output):
    report = build_report(output, formats=["csv", "md"])
    cost = pd.read_csv(report.folder / "tables" / "search_cost.csv").set_index("method")
    assert cost.loc["params", "untrained"] == 2
    assert np.isnan(cost.loc["mixed", "untrained"])
    timings = pd.read_csv(report.folder / "tables" / "timings.csv").set_index("method")
    assert timings.loc["stopped", "saved_s"] > 0


def test_no_part_of_a_report_is_called_like_another(compared):
    document = make_document(compared)
    for parts in (document.tables(), document.figures()):
        names = [block.name for block in parts]
        assert len(names) == len(set(names))
    anchors = [section.anchor for section in document.sections]
    assert len(anchors) == len(set(anchors))


def test_searches_meet_random_search_of_the_same_seconds(compared, tmp_path):
    assert len(spending(compared)) == 0  # no prices were measured: seconds are in no report then
    epochs = compared.epochs.assign(processor_seconds=2.0)
    spent = replace(compared, epochs=epochs, folder=tmp_path)
    prices = {"one-shot/tiny-cells": {"architectures": 2, "factor": 1.5, "training_s": 0.3, "trainings": 3}}
    (tmp_path / PRICE).write_text(json.dumps(prices))
    frame = spending(spent).set_index("method")
    assert set(frame.index) == {"mixed", "darts-1st", "stopped"}
    row = frame.loc["darts-1st"]
    assert (row["seconds"], row["draw_s"], row["draws"], row["draws_one"]) == (4.0, pytest.approx(0.9), 4, 13)
    law = spent.benchmarks[0].law
    for end, draws in (("", 4), ("_one", 13)):
        baseline = exact_random_baseline(law, draws).mean
        assert row[f"random{end}"] == pytest.approx(baseline)
        assert row[f"ri{end}"] == pytest.approx(100 * (np.mean(DARTS) - baseline) / baseline)
        p = stats.ttest_1samp(DARTS, baseline).pvalue
        assert row[f"p_value{end}"] == pytest.approx(p)
    (tmp_path / PRICE).write_text("{")
    with pytest.raises(HarnessError, match="damaged; measure again: nas-harness price"):
        spending(replace(spent, _computed={}))


def test_a_price_is_measured_on_trainings_of_the_table(output, cli, monkeypatch):
    monkeypatch.setattr("harness.running.price.train_one", lambda task: {"arch": "", "seconds": 0.25})
    found = price(output, 4)["one-shot/tiny-cells"]
    # The table's trainings take a second each, by its made-up column.
    assert found == {"architectures": 4, "factor": 0.25, "training_s": pytest.approx(0.25), "trainings": 1}
    assert json.loads((output / PRICE).read_text())["one-shot/tiny-cells"]["factor"] == 0.25
    assert "4 architectures" in cli("price", str(output), "--architectures", "4").out
    (output / PRICE).unlink()
    with pytest.raises(HarnessError, match="architectures: wanted at least 1, not 0"):
        price(output, 0)


def test_seeds_of_a_pair_are_planned(output, cli):
    frame = plan_pair(output, "mixed", "darts-1st", 2.0)
    assert frame["statistic"].tolist() == ["win probability", "relative improvement", "collapse"]
    found = planned_pairs(load_run(output)).iloc[0]
    assert frame["seeds"].tolist() == pytest.approx(
        [found["seeds_win"], found["seeds_ri"], found["seeds_collapse"]], nan_ok=True
    )
    stricter = plan_pair(output, "mixed", "darts-1st", 2.0, power=0.95)["seeds"][0]
    assert stricter >= frame["seeds"][0]
    assert (
        "win probability" in cli("analyze", "seeds", str(output), "--detect", "2", "--pair", "mixed", "darts-1st").out
    )
    with pytest.raises(HarnessError, match="unknown method 'mixt'; did you mean 'mixed'"):
        plan_pair(output, "mixt", "darts-1st", 2.0)
    with pytest.raises(HarnessError, match="'mixed' beside itself"):
        plan_pair(output, "mixed", "mixed", 2.0)


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([["mixed", "darts-1th"]], "pairs: unknown method 'darts-1th'; did you mean 'darts-1st'"),
        ([["mixed", "mixed"]], "pairs: wanted two different methods"),
        ([["mixed"]], "pairs: wanted two different methods"),
        ("mixed", r"pairs: wanted a list such as \[\["),
        ([["mixed", "darts-1st"], ["darts-1st", "mixed"]], "'darts-1st' and 'mixed' stand twice"),
    ],
)
def test_wrong_pairs_are_refused(pairs, message):
    with pytest.raises(HarnessError, match=message):
        make_suite(SUITE | {"pairs": pairs})


def test_seeds_of_a_method_that_are_none_are_refused():
    with pytest.raises(HarnessError, match="method mixed"):
        make_suite(SUITE | {"methods": [{"name": "milenas-1st", "label": "mixed", "seeds": "3"}], "pairs": []})
