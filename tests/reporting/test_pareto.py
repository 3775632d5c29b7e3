"""Fronts and hypervolumes of tables and runs: against the same computed from the records and by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import harness
from harness.analysis import pareto
from harness.errors import HarnessError
from harness.reporting import build_report
from harness.reporting.frames.curves import EXACT
from harness.reporting.frames.pareto import Goal, attainment, goals_of, points_of, table_front
from harness.reporting.run import load_run
from harness.running.records import edited, read_evaluations, read_run
from harness.statistics import expected_hypervolume, hypervolume
from harness.tabular import synthetic

LESS = [Goal("cost")]


def run_of(folder: Path, **more: Any) -> Path:
    suite = {
        "name": "goals",
        "seeds": "0:40",
        "benchmarks": ["synthetic/ridge"],
        "budgets": {"evaluations": 25},
        "metrics": ["cost"],
        "methods": [{"name": "random"}, {"name": "nsga2", "population": 6}],
    }
    harness.run(suite | more, folder, backend="sequential")
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_of(tmp_path_factory.mktemp("run"))


def dominated(one: pd.Series, frame: pd.DataFrame) -> bool:
    as_good = (frame["valid"] >= one["valid"]) & (frame["cost"] <= one["cost"])
    return bool((as_good & ((frame["valid"] > one["valid"]) | (frame["cost"] < one["cost"]))).any())


def test_the_front_of_a_table() -> None:
    table = synthetic.convert()
    front = table_front(table, LESS)
    everything = pd.DataFrame(dict(table.columns))
    assert len(front) == sum(not dominated(row, everything) for _, row in everything.iterrows())
    assert not any(dominated(row, everything) for _, row in front.iterrows())
    assert front["valid"].is_monotonic_decreasing
    for row in front.itertuples():
        place = int(table.rows[table.space.index(table.space.parse(row.architecture))])
        assert (row.valid, row.test, row.cost) == tuple(table.columns[key][place] for key in ("valid", "test", "cost"))
    dear = table_front(table, [Goal("cost", maximize=True)], score="test")
    assert len(dear) < len(table)
    assert dear["test"].iloc[0] == table.test.max()


def test_evaluations_are_kept_where_columns_are_shown_and_survive_a_second_run(folder: Path, tmp_path: Path) -> None:
    records, _, _ = read_run(folder)
    kept = read_evaluations(folder)
    assert set(kept) == set(records["cell"])
    assert all(len(rows) == 25 for rows in kept.values())
    run_of(folder, seeds="0:41")
    more = read_evaluations(folder)
    assert len(more) == len(kept) + 2
    assert all((more[cell] == rows).all() for cell, rows in kept.items())
    assert read_evaluations(run_of(tmp_path, metrics=[], seeds="0:1")) == {}


def test_evaluations_that_were_edited_are_said(tmp_path: Path) -> None:
    run_of(tmp_path, seeds="0:2")
    assert edited(tmp_path) == []
    path = tmp_path / "evaluations.parquet"
    footer, frame = pq.read_schema(path).metadata, pd.read_parquet(path)
    frame.at[0, "rows"] = frame.at[0, "rows"][::-1]
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(footer), path)
    (found,) = edited(tmp_path)
    assert found.startswith(f"{path} does not match the digest in its footer")


def test_hypervolumes_of_a_run(folder: Path) -> None:
    table = harness.load_benchmark("synthetic/ridge")
    points = points_of(table, LESS)
    reference = points.min(axis=0)
    whole = hypervolume(points, reference)
    front, found = pareto(folder)
    assert len(front) == len(table_front(table, LESS))
    records, _, _ = read_run(folder)
    kept = read_evaluations(folder)
    for row in found.itertuples():
        cells = records.loc[records["label"] == row.method, "cell"]
        own = [100 * hypervolume(points[kept[cell]], reference) / whole for cell in cells]
        assert row.hypervolume == pytest.approx(np.mean(own))
        assert row.ci_low < row.hypervolume < row.ci_high
        assert row.random == pytest.approx(100 * expected_hypervolume(points, reference, 25) / whole)
    simulated = found.set_index("method").loc["random"]
    assert simulated["p_value"] > 0.001  # the exact expectation is that of the simulated searches
    assert np.isnan(simulated["p_holm"])  # a check is in no family of tests
    claims = found[found["method"] != "random"]
    assert (claims["p_holm"] == claims["p_value"]).all()  # one claim is a family of one


def test_the_reference_point_and_the_score_can_be_chosen(folder: Path) -> None:
    table = harness.load_benchmark("synthetic/ridge")
    points = points_of(table, LESS, "test")
    reference = np.array([80.0, -14.0])
    _, found = pareto(folder, LESS, "test", {"test": 80.0, "cost": 14.0})
    whole = hypervolume(points, reference)
    assert found["random"].iloc[0] == pytest.approx(100 * expected_hypervolume(points, reference, 25) / whole)
    with pytest.raises(HarnessError, match="no architecture is better than the reference point"):
        pareto(folder, LESS, "valid", {"cost": 1.0})
    with pytest.raises(HarnessError, match="unknown goal 'latency'"):
        pareto(folder, LESS, "valid", {"latency": 1.0})


def test_under_a_constraint_infeasible_architectures_count_for_nothing(tmp_path: Path) -> None:
    folder = run_of(tmp_path, constraint={"cost": "<= 12"}, budgets={"evaluations": 8})
    table = harness.load_benchmark("synthetic/ridge")
    front, found = pareto(folder)
    assert front["cost"].max() <= 12
    points, feasible = points_of(table, LESS), table.columns["cost"] <= 12
    reference = points.min(axis=0)
    expected = expected_hypervolume(points, reference, 8, feasible=feasible) / hypervolume(points[feasible], reference)
    assert found["random"].iloc[0] == pytest.approx(100 * expected)
    simulated = found.set_index("method").loc["random"]
    assert simulated["n"] == 40  # searches without a feasible architecture have no area, and count
    assert simulated["p_value"] > 0.001


def test_half_of_the_searches_attain_the_median_surface(folder: Path) -> None:
    run = load_run(folder)
    table = harness.load_benchmark("synthetic/ridge")
    points, kept = points_of(table, LESS), read_evaluations(folder)
    curves = attainment(run, run.benchmarks[0], LESS[0])
    exact = curves[curves["method"] == EXACT]
    draws = run.benchmarks[0].draws(run.budgets[0])
    for row in exact.iloc[::5].itertuples():
        reach, above = (
            1 - (1 - (hit & (-points[:, 1] <= row.column)).mean()) ** draws
            for hit in (points[:, 0] >= row.score, points[:, 0] > row.score)
        )
        assert above < 0.5 <= reach
    for method, curve in curves[curves["method"] != EXACT].groupby("method"):
        cells = run.cells.loc[run.cells["label"] == method, "cell"]
        sets = [points[kept[cell]] for cell in cells]
        for row in curve.iloc[::5].itertuples():
            reach = [bool(((one[:, 0] >= row.score) & (-one[:, 1] <= row.column)).any()) for one in sets]
            above = [bool(((one[:, 0] > row.score) & (-one[:, 1] <= row.column)).any()) for one in sets]
            assert sum(reach) >= len(sets) / 2
            assert sum(above) < len(sets) / 2
    assert (curves.groupby("method")["score"].apply(lambda scores: scores.is_monotonic_decreasing)).all()


def test_losses_are_no_goal(tmp_path: Path) -> None:
    folder = run_of(tmp_path, metrics=["valid_loss", "cost"], seeds="0:2")
    assert goals_of(load_run(folder)) == LESS


def test_the_report_has_a_section_where_columns_are_shown(folder: Path, tmp_path: Path) -> None:
    report = build_report(folder, tmp_path / "report")
    files = {path.relative_to(report.folder).as_posix() for path in report.files}
    assert {"tables/hypervolume.csv", "tables/pareto_front.csv", "plots/pareto_cost.svg"} <= files
    _, found = pareto(folder)
    pd.testing.assert_frame_equal(
        pd.read_csv(report.folder / "tables" / "hypervolume.csv", keep_default_na=False, na_values={"p_holm": [""]}),
        found,
    )
    plain = build_report(run_of(tmp_path / "plain", metrics=[], seeds="0:2"))
    assert not any("pareto" in path.name for path in plain.files)


def test_the_command_line(folder: Path, tmp_path: Path, cli: Callable[..., Any]) -> None:
    drawn, table = tmp_path / "front.svg", tmp_path / "front.csv"
    done = cli("analyze", "pareto", folder, "--json", "--figure", drawn, "--csv", table)
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert [row["method"] for row in found["hypervolume"]] == ["random", "nsga2"]
    assert drawn.read_text().count("<svg") == 1
    assert len(pd.read_csv(table)) == len(found["front"])
    assert len(pd.read_csv(tmp_path / "front.hypervolume.csv")) == 2
    first = drawn.read_bytes()
    assert cli("analyze", "pareto", folder, "--figure", drawn).code == 0
    assert drawn.read_bytes() == first
    of_table = cli("analyze", "pareto", "synthetic/ridge", "--minimize", "cost", "--figure", tmp_path / "table.png")
    assert of_table.code == 0, of_table.err
    assert (tmp_path / "table.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["synthetic/ridge"], "needs a goal beside the score; columns are cost"),
        (["synthetic/ridge", "--minimize", "latency"], "unknown column 'latency'"),
        (["synthetic/ridge", "--minimize", "cost", "--score", "train"], "unknown score 'train'"),
        (["synthetic/ridge", "--minimize", "cost", "--reference", "cost=low"], "wanted COLUMN=NUMBER"),
        (["synthetic/ridge", "--minimize", "cost", "--figure", "front.jpg"], "ends in .svg, .png or .pdf"),
        (["synthetic/rigde", "--minimize", "cost"], "did you mean 'synthetic/ridge'"),
    ],
)
def test_wrong_usage_is_one_line(arguments: list[str], words: str, cli: Callable[..., Any]) -> None:
    done = cli("analyze", "pareto", *arguments)
    assert done.code == 2
    assert words in done.err
    assert done.err.count("\n") == 1


def test_a_run_without_evaluations_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="it kept no evaluations; they are kept where a suite shows columns"):
        pareto(run_of(tmp_path, metrics=[], seeds="0:1"), LESS)
