"""Supernets that are judged by a recorded table."""

import re

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import harness
from harness.errors import HarnessError
from harness.live.one_shot import OneShotBenchmark
from harness.problem.budget import Budget
from harness.reporting.build import build_report
from harness.reporting.frames.one_shot import TOP, scored, supernet_rankings
from harness.reporting.run import load_run
from harness.running.records import read_epochs, read_run
from harness.running.runner import run
from harness.statistics.ranking import kendall
from harness.suites.catalogue import benchmark_names, load_benchmark
from harness.suites.reading import make_suite
from harness.taxonomy import Taxonomy

SUITE = {
    "name": "one-shot",
    "seeds": "0:2",
    "benchmarks": ["one-shot/tiny-cells"],
    "budgets": {"epochs": 1},
    "search": {"batch_size": 224},
    "methods": [
        {"name": "random-architecture", "architectures": 2},
        {"name": "milenas-1st"},
        {"name": "random-search-ws"},
    ],
}


@pytest.fixture(scope="module")
def table(tiny_cells):
    """A whole table over the space with made-up scores."""
    return tiny_cells


@pytest.fixture(scope="module")
def output(table, tmp_path_factory):
    output = tmp_path_factory.mktemp("one-shot")
    run(SUITE, output)
    return output


def test_it_has_the_split_the_size_and_the_law_of_its_table(table):
    assert "one-shot/tiny-cells" in benchmark_names()
    benchmark = load_benchmark("one-shot/tiny-cells")
    splits = [benchmark.splits(seed) for seed in (0, 1)]
    assert splits[0].sha256 == splits[1].sha256
    assert [len(part) for part in (splits[0].train, splits[0].valid, splits[0].test)] == [899, 449, 449]
    settings = benchmark.resolve(Budget("epochs", 1), (), SUITE)
    for key in ('"channels": 2', '"cells": 1', '"reductions": 0'):
        assert settings.count(key) == 3, settings  # of search, evaluation and proxy
    assert benchmark.sha256 != table.sha256


def test_what_is_derived_is_looked_up(table, output):
    records = pd.read_parquet(output / "records.parquet")
    assert (records["status"] == "ok").all(), records["error"].iloc[0]
    for _, record in records[records["arch"] != ""].iterrows():
        row = table.rows[table.space.index(table.space.parse(record["arch"]))]
        assert (record["valid"], record["test"]) == (table.valid[row], table.test[row])
    assert set(records.loc[records["arch"] == "", "method"]) == {"random-architecture"}


def test_a_sample_is_ranked_by_the_shared_weights(table, output):
    found = load_run(output)
    frame = scored(found)
    assert frame.groupby(["group", "seed"]).size().tolist() == [200] * 4  # two methods with a supernet, two seeds
    assert frame.groupby(["group", "seed"])["arch"].agg(tuple).nunique() == 1
    assert frame["shared"].between(0, 100).all()
    for _, row in frame.sample(5, random_state=0).iterrows():
        place = table.rows[table.space.index(table.space.parse(row["arch"]))]
        assert (row["valid"], row["test"]) == (table.valid[place], table.test[place])
    rankings = supernet_rankings(found).set_index("method")
    (group,) = {number for number, (_, entrant) in enumerate(found.pairs) if entrant.name == "milenas-1st"}
    cells = [cell for _, cell in frame[frame["group"] == group].groupby("seed")]
    taus = [kendall(cell["shared"].to_numpy(), cell["valid"].to_numpy()) for cell in cells]
    assert rankings.loc["milenas-1st", "tau_valid"] == pytest.approx(np.nanmean(taus))
    best = [cell.nlargest(round(TOP * 200), "valid") for cell in cells]
    taus = [kendall(cell["shared"].to_numpy(), cell["valid"].to_numpy()) for cell in best]
    assert rankings.loc["milenas-1st", "tau_top"] == pytest.approx(np.nanmean(taus))
    regrets = table.test.max() - found.scores(group)
    assert rankings.loc["milenas-1st", "regret"] == pytest.approx(regrets.mean())
    assert np.isnan(rankings.loc["random-architecture", "tau_valid"])  # it has no supernet


def test_the_report_has_exact_random_architectures_as_baseline(table, output):
    report = build_report(output, formats=["csv", "md"])
    improvement = pd.read_csv(report.folder / "tables" / "relative_improvement.csv")
    assert set(improvement["baseline"]) == {"random@1"}
    assert improvement["n_baseline"].isna().all()  # no sample
    scores = pd.read_parquet(output / "records.parquet").groupby("label")["test"].mean()
    exact = np.average(table.test, weights=table.weights)
    for _, row in improvement.iterrows():
        assert row["ri"] == pytest.approx(100 * (scores[row["method"]] - exact) / exact)
    claims = improvement.set_index("method")["p_holm"].notna()
    assert not claims["random-architecture"]  # it is what the baseline is the expectation of
    text = (report.folder / "report.md").read_text()
    assert "## Supernets against the table" in text
    assert "random draws" not in text.partition("## How the numbers")[0]  # nothing was evaluated, so it is worth none
    assert "Area under regret" not in text
    assert "(simulated)" not in text


def test_its_words(table, cli):
    assert load_benchmark("one-shot/tiny-cells").taxonomy == Taxonomy("cell", "any", "weight sharing", "lookup")
    (line,) = [line for line in cli("ls", "benchmarks").out.splitlines() if line.startswith("one-shot/tiny-cells")]
    assert re.split("  +", line)[1:] == ["cell", "one-shot: what supernets derive is looked up in a table"]


def test_the_same_with_another_number_of_workers(output, tmp_path, same_results):
    run(SUITE, tmp_path, jobs=2)
    same_results(tmp_path, output)


def test_wrong_input(table):
    with pytest.raises(
        HarnessError, match="unknown benchmark 'one-shot/tiny-cell'; did you mean 'one-shot/tiny-cells'"
    ):
        load_benchmark("one-shot/tiny-cell")
    benchmark = load_benchmark("one-shot/tiny-cells")
    with pytest.raises(HarnessError, match="evaluation: epochs is what the table was recorded by; leave it out"):
        benchmark.resolve(Budget("epochs", 1), (), {"evaluation": {"epochs": 3}})
    with pytest.raises(HarnessError, match="its budget is in epochs"):
        benchmark.resolve(Budget("evaluations", 1), (), {})
    with pytest.raises(HarnessError, match="nasbench-graph/cora is not a recorded table"):
        OneShotBenchmark("one-shot/nasbench-graph/cora").resolve(Budget("epochs", 1), (), {})


def test_methods_are_shown_what_the_table_knows_of_an_architecture_itself(table, tmp_path):
    benchmark = load_benchmark("one-shot/tiny-cells")
    assert benchmark.columns == ("flops", "latency", "params")
    searched = {"name": "one-shot", "search": "nsga2", "params": {"population": 2}, "candidates": 3}
    suite = SUITE | {"metrics": ["latency"], "constraint": {"params": "<= 1"}, "seeds": "0:1", "methods": [searched]}
    run(suite, tmp_path / "run", backend="sequential")
    (record,) = read_run(tmp_path / "run")[0].to_dict("records")
    assert (record["status"], record["constraint"], record["params"]) == ("ok", "params <= 1", 1)
    for more, message in (
        ({"metrics": ["valid"]}, "unknown column 'valid'"),
        ({"metrics": ["test"]}, "unknown column 'test'"),
        ({"constraint": {"params": "<= 0"}}, r"no architecture satisfies params <= 0 \(its values run from 1 to 1\)"),
    ):
        with pytest.raises(HarnessError, match=message):
            make_suite(SUITE | more).groups()


def test_costs_of_candidates_are_fitted_to_a_column_that_is_shown(table, tmp_path):
    # The table's columns of cost are all alike: nothing to fit. Those of its networks are counted.
    proxyless = {"name": "proxyless", "alpha_every": 2, "cost": "flops", "cost_weight": 0.5}
    with pytest.raises(HarnessError, match=r'a column must be shown: metrics = \["flops"\] in the suite'):
        list(make_suite(SUITE | {"methods": [proxyless]}).groups())
    run(SUITE | {"seeds": "0:1", "methods": [proxyless | {"metrics": ["flops"]}]}, tmp_path / "alike")
    records, _, _ = read_run(tmp_path / "alike")
    assert "wanted a number for every architecture, and not the same one for all" in records["error"][0]
    counted = SUITE | {"seeds": "0:1", "benchmarks": ["live/nasbench201-digits"], "metrics": ["flops"]}
    counted |= {"search": {"channels": 2, "cells": 1, "batch_size": 224}, "methods": [proxyless]}
    counted["evaluation"] = {"channels": 2, "cells": 1, "epochs": 1, "batch_size": 224}
    run(counted, tmp_path / "counted")
    epochs = read_epochs(tmp_path / "counted")
    (search,) = epochs[epochs["phase"] == "search"].to_dict("records")
    assert (search["cost"], search["alpha_every"]) == ("flops", 2)
    # The operations of a cell are the sum of those of its edges.
    assert search["cost_r2"] == pytest.approx(1, abs=1e-12)
    assert search["passes"] == search["steps"] + search["steps"] // 2


def test_it_is_opened_as_one_object(output, tmp_path):
    build_report(output, tmp_path / "report", formats=["csv"])
    opened = harness.open_run(output)
    for path in (tmp_path / "report" / "tables").glob("*.csv"):
        assert opened.frame(path.stem).to_csv(index=False, lineterminator="\n") == path.read_text(), path.stem
    assert {method: scores.shape for method, scores in opened.scores().items()} == dict.fromkeys(opened.methods, (2, 1))
    # A panel a method that has a supernet; one of them is drawn from that method's own rows.
    ax = Figure().subplots()
    opened.plot.supernet_scores(ax, methods="random-search-ws")
    own = load_run(output).of(scored)
    (number,) = (n for n, (_, entrant) in enumerate(load_run(output).pairs) if entrant.name == "random-search-ws")
    own = own[(own["group"] == number) & (own["seed"] == 0)]
    assert ax.collections[0].get_offsets().tolist() == own[["valid", "shared"]].to_numpy().tolist()
