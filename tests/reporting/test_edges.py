"""Runs that are not what one would wish: every number that cannot be had is left out with its reason, nothing crashes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.errors import HarnessError
from harness.reporting import build_report
from harness.reporting.answer import answer
from harness.reporting.caveats import caveats, warnings
from harness.reporting.frames.cells import failures
from harness.reporting.frames.improvement import relative_improvements
from harness.reporting.frames.scores import random_equivalents, summary
from harness.reporting.frames.significance import aggregates, rankings, significance
from harness.reporting.run import load_run
from harness.running.columns import RECORD_COLUMNS
from harness.running.records import write_parquet
from harness.tabular import catalogue

from .conftest import EVOLUTION, AddTable, Make


def whole(folder: Path) -> str:
    """Build everything but pictures of pictures, and return the page."""
    return (build_report(folder, formats=("html", "md", "latex", "csv")).folder / "index.html").read_text()


def test_one_seed_has_no_interval(make_run: Make) -> None:
    folder = make_run(seeds="3:4")
    frame = relative_improvements(load_run(folder))
    assert frame["ri"].notna().all()
    assert frame[["ci_low", "ci_high", "p_value", "p_holm", "detectable"]].isna().all(axis=None)
    assert "one seed: no interval" in whole(folder)
    assert "without a test" not in str(answer(load_run(folder))[0])


def test_one_method_without_random_search(make_run: Make) -> None:
    folder = make_run(methods=[EVOLUTION])
    assert [claim.subject for claim in answer(load_run(folder))] == ["regularized-evolution"]
    assert relative_improvements(load_run(folder))["ri"].notna().all()
    whole(folder)


def test_random_search_alone_claims_nothing(make_run: Make) -> None:
    folder = make_run(methods=[{"name": "random"}])
    assert "nothing to compare" in str(answer(load_run(folder))[0])
    whole(folder)


def test_a_method_that_failed_everywhere(make_run: Make) -> None:
    folder = make_run(methods=[{"name": "random"}, {"name": "raises", "label": "<script>alert(1)</script>"}])
    run = load_run(folder)
    frame = failures(run)
    assert frame["n_failed"].tolist() == [12, 12]
    assert frame["error"].unique().tolist() == ["ValueError: no <b>luck</b> & no | pipes_"]
    assert frame["seeds"].unique().tolist() == ["0-11"]
    assert "24 cells failed" in warnings(run)[0]
    assert "has no test against" in answer(run)[0].statement
    page = whole(folder)
    assert "<script>alert(1)" not in page
    assert "<b>luck" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert summary(run)["n"].tolist() == [12, 0, 12, 0]


def test_no_cell_at_all_finished(make_run: Make) -> None:
    whole(make_run(methods=[{"name": "raises"}]))


def test_zero_variance_is_no_certainty(make_run: Make, add_table: AddTable) -> None:
    add_table("toy/ends")
    folder = make_run(
        benchmarks=["toy/ends"], budgets={"evaluations": 36}, methods=[{"name": "random", "replace": False}]
    )
    frame = relative_improvements(load_run(folder))
    assert frame["ri"].notna().all()
    assert frame["p_value"].isna().all()
    assert any("all seeds equal" in text for text in caveats(load_run(folder)))
    whole(folder)


@pytest.mark.parametrize("unit", ["loss", "none"])
def test_where_lower_is_better_an_improvement_is_positive(make_run: Make, add_table: AddTable, unit: str) -> None:
    table = add_table("toy/loss", scale=-1.0, shift=1.5, unit=unit, direction="min", metric="cross-entropy")
    folder = make_run(benchmarks=["toy/loss"], budgets={"evaluations": 20})
    run = load_run(folder)
    frame = relative_improvements(run)
    over_average = frame[frame["baseline"] == "random@1"]
    r = table.test.mean()
    np.testing.assert_allclose(over_average["ri"], [100 * (r - run.scores(group).mean()) / r for group in (0, 1)])
    assert (over_average["ri"] > 0).all()
    assert (frame["ci_low"] < frame["ri"]).all()
    assert (frame["ri"] < frame["ci_high"]).all()
    equivalents = random_equivalents(run)
    assert (equivalents["draws_low"] <= equivalents["draws"]).all()
    assert (equivalents["draws"] <= equivalents["draws_high"]).all()
    assert (summary(run)["regret"] >= 0).all()
    evolution = significance(run).iloc[1]
    assert (evolution["win_probability"] > 0.5) == (evolution["ri"] > 0)
    page = whole(folder)
    assert "lower" in page
    assert "cross-entropy, %" not in page


def test_scores_below_zero_are_compared_by_the_size_of_the_mean(make_run: Make, add_table: AddTable) -> None:
    table = add_table("toy/negative", shift=-5.0, unit="none")
    folder = make_run(benchmarks=["toy/negative"], budgets={"evaluations": 10})
    run = load_run(folder)
    frame = relative_improvements(run)
    over_average, r = frame[frame["baseline"] == "random@1"], table.test.mean()
    expected = [100 * (run.scores(group).mean() - r) / -r for group in (0, 1)]
    np.testing.assert_allclose(over_average["ri"], expected)
    assert (over_average["ri"] > 0).all()
    assert (frame["ci_low"] < frame["ri"]).all()
    assert (frame["ri"] < frame["ci_high"]).all()
    assert any("below 0 on negative" in text for text in caveats(run))
    whole(folder)


def test_several_budgets_are_told_apart_and_not_compared(make_run: Make) -> None:
    folder = make_run(budgets={"evaluations": [10, 30]})
    run = load_run(folder)
    frame = relative_improvements(run)
    assert not frame.duplicated(["benchmark", "method", "baseline"]).any()
    assert set(frame["method"]) == {
        *("random@10", "random@30", "regularized-evolution@10", "regularized-evolution@30"),
    }
    assert set(frame["baseline"]) == {"random@1", "random@10", "random@30"}
    own = frame[frame["baseline"] != "random@1"]
    assert (own["method"].str.rpartition("@")[2] == own["baseline"].str.rpartition("@")[2]).all()
    assert any("not compared with each other" in text for text in caveats(run))
    whole(folder)


def test_a_budget_of_one_has_one_baseline(make_run: Make) -> None:
    folder = make_run(budgets={"evaluations": 1}, methods=[{"name": "random"}, {"name": "local-search"}])
    assert set(relative_improvements(load_run(folder))["baseline"]) == {"random@1"}
    whole(folder)


@pytest.mark.parametrize("direction", ["max", "min"])
def test_without_the_table_the_baseline_is_sampled(make_run: Make, add_table: AddTable, direction: str) -> None:
    add_table("toy/lost", direction=direction, unit="none")
    folder = make_run(benchmarks=["toy/lost"], budgets={"evaluations": 20})
    exact = relative_improvements(load_run(folder))
    del catalogue._REGISTRY["toy/lost"]
    catalogue.load_table.cache_clear()
    run = load_run(folder)
    sampled = relative_improvements(run)
    assert sampled["n_baseline"].tolist() == [12, 12, 12, 12]
    evolution = sampled["method"] == "regularized-evolution"
    assert sampled[evolution]["test"].unique().tolist() == ["delta-Welch"]
    np.testing.assert_allclose(sampled[evolution]["ri"], exact[evolution]["ri"], atol=8)
    itself = sampled[~evolution & (sampled["baseline"] == "random@20")].iloc[0]
    assert np.isnan(itself["ri"])
    assert itself["note"] == "it is the baseline itself"
    tests = significance(run)
    assert tests["p_exact"].isna().all()
    assert tests[tests["method"] == "regularized-evolution"]["p_dunnett"].between(0, 1).all()
    assert "toy/lost was not used" in warnings(run)[0]
    assert "sampled" in whole(folder)


def test_another_table_of_that_name_is_not_taken_for_it(make_run: Make, add_table: AddTable) -> None:
    add_table("toy/changed")
    folder = make_run(benchmarks=["toy/changed"], budgets={"evaluations": 10})
    add_table("toy/changed", scale=0.9)
    assert "not the one that was searched" in warnings(load_run(folder))[0]
    whole(folder)


def test_a_loader_that_raises_is_a_warning(make_run: Make, add_table: AddTable) -> None:
    add_table("toy/broken")
    folder = make_run(benchmarks=["toy/broken"], budgets={"evaluations": 10}, methods=[EVOLUTION])

    def load() -> None:
        raise RuntimeError("disk <i>gone</i>")

    catalogue._REGISTRY["toy/broken"] = load
    catalogue.load_table.cache_clear()
    run = load_run(folder)
    assert "disk <i>gone</i>" in warnings(run)[0]
    assert relative_improvements(run)["note"].str.contains("no random search in the run").all()
    assert "<i>gone" not in whole(folder)


def test_one_table_has_no_aggregate(make_run: Make) -> None:
    folder = make_run(benchmarks=["nasbench-graph/cora"])
    assert len(aggregates(load_run(folder))) == 0
    assert "Over all data sets" not in whole(folder)


def test_tables_of_both_directions_have_no_aggregate(make_run: Make, add_table: AddTable) -> None:
    add_table("toy/up")
    add_table("toy/down", direction="min", unit="none")
    folder = make_run(benchmarks=["toy/up", "toy/down"], budgets={"evaluations": 10})
    assert len(aggregates(load_run(folder))) == 0
    assert "No aggregate" in whole(folder)


def test_few_data_sets_carry_no_ranking(small: Path) -> None:
    (reason,) = rankings(load_run(small)).values()
    assert "2 data sets" in str(reason)
    assert "2 data sets" in whole(small)


def test_only_the_suites_own_cells_are_reported(make_run: Make) -> None:
    folder = make_run(seeds="0:12", methods=[{"name": "random"}, EVOLUTION])
    make_run(folder, seeds="0:5", methods=[{"name": "random", "label": "other"}])
    assert len(pd.read_parquet(folder / "records.parquet")) == 48
    run = load_run(folder)
    assert len(run.cells) == 10
    assert run.cells["label"].unique().tolist() == ["other"]
    assert sorted(run.traces["cell"].unique()) == list(range(10))
    assert run.traces["group"].tolist() == [cell // 5 for cell in run.traces["cell"]]


def test_cells_that_are_not_there_yet_are_missed(make_run: Make) -> None:
    folder = make_run()
    resolved = json.loads((folder / "suite.resolved.json").read_text())
    resolved["seeds"] += [100, 101]
    (folder / "suite.resolved.json").write_text(json.dumps(resolved))
    run = load_run(folder)
    assert run.n_missing == 8
    assert "8 cells of the suite" in warnings(run)[0]
    with pytest.raises(HarnessError, match=r"8 of \d+ cells are missing; .* or report what is there with --partial"):
        whole(folder)
    assert build_report(folder, formats=("md",), partial=True).warnings[0].startswith("8 cells of the suite")


def test_seeds_that_differ_between_methods_are_said(make_run: Make) -> None:
    folder = make_run(methods=[EVOLUTION, {"name": "raises", "above": 2.0, "label": "half"}])
    records = pd.read_parquet(folder / "records.parquet")
    odd = (records["label"] == "regularized-evolution") & (records["seed"] % 2 == 1)
    records.loc[odd, ["status", "error"]] = ["failed", "Traceback\nKeyError: 1"]
    write_parquet(folder / "records.parquet", records, RECORD_COLUMNS)
    texts = caveats(load_run(folder))
    assert any("regularized-evolution are over a part of the 12 seeds: cora 0, 2, 4" in text for text in texts)


@pytest.mark.parametrize("keep_footer", [True, False])
def test_edited_records_are_said_and_no_gate_takes_them(small: Path, tmp_path: Path, keep_footer: bool, cli) -> None:  # type: ignore[no-untyped-def]
    assert load_run(small).edits == ()
    folder = tmp_path / "run"
    shutil.copytree(small, folder, ignore=shutil.ignore_patterns("report"))
    path = folder / "records.parquet"
    frame, footer = pd.read_parquet(path), pq.read_schema(path).metadata
    frame.loc[0, "test"] += 1e-9
    table = pa.Table.from_pandas(frame, preserve_index=False)
    pq.write_table(table.replace_schema_metadata(footer) if keep_footer else table, path)
    words = "does not match the digest in its footer" if keep_footer else "has no digest"
    done = cli("report", folder)
    assert (done.code, done.err.count("\n")) == (0, 1)
    assert f"warning: {path} {words}" in done.err
    assert words in (folder / "report" / "index.html").read_text()
    assert cli("baseline", small, "-o", tmp_path / "b.json").code == 0
    for verb in (
        ("check", folder, "--against", tmp_path / "b.json"),
        ("baseline", folder, "-o", tmp_path / "c.json"),
        ("compare", small, folder),
        ("status", folder),
    ):
        done = cli(*verb)
        assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
        assert words in done.err


def test_two_data_sets_of_one_name_keep_their_benchmarks_names(make_run: Make, add_table: AddTable) -> None:
    add_table("toy/same")
    add_table("other/same")
    folder = make_run(benchmarks=["toy/same", "other/same"], budgets={"evaluations": 10})
    assert set(load_run(folder).titles.values()) == {"toy/same", "other/same"}
    whole(folder)


def test_made_up_tables_are_called_so(make_run: Make) -> None:
    folder = make_run(benchmarks=["synthetic/ridge"])
    assert any("made-up" in text for text in warnings(load_run(folder)))
    whole(folder)
