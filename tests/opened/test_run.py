"""A kept run as one object: what it gives is what its report holds."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import harness
from harness.errors import HarnessError
from harness.reporting import build_report
from harness.running.runner import run as run_of_records

from .conftest import SUITE

REFERENCE = Path(__file__).parents[2] / "reports" / "reference" / "live-darts"


def check_frames(run: harness.OpenedRun, tables: Path, *apart: str) -> None:
    """Every frame is the CSV file of its name, byte for byte, and every file a frame."""
    files = {path.stem: path.read_text() for path in tables.glob("*.csv")}
    assert set(run.frames) - set(apart) == set(files) - set(apart)
    for name in set(files) - set(apart):
        assert run.frame(name).to_csv(index=False, lineterminator="\n") == files[name], name


def test_frames_are_those_of_the_report(opened: harness.OpenedRun, folder: Path) -> None:
    check_frames(opened, folder / "report" / "tables")


def test_frames_of_a_kept_live_run(tmp_path: Path) -> None:
    run = harness.open_run(str(REFERENCE))
    check_frames(run, REFERENCE / "report" / "tables", "timings")
    assert {len(scores) for scores in run.scores().values()} == {8}
    assert run.plot.search_curves(methods=["darts-1st"], benchmarks="digits").axes


def test_frames_of_results_from_elsewhere(elsewhere: Path) -> None:
    run = harness.open_run(elsewhere)
    check_frames(run, elsewhere / "tables")
    assert list(run.records) == ["dataset", "method", "seed", "score", "unit", "file", "line"]
    scores = run.scores()
    assert {name: values.shape for name, values in scores.items()} == dict.fromkeys(
        ("DARTS", "DARTS random", "NAO", "NAO random"), (7, 2)
    )
    records = run.records
    for place, dataset in enumerate(run.benchmarks):
        own = records[(records["dataset"] == dataset) & (records["method"] == "NAO")]["score"]
        assert scores["NAO"][: len(own), place].tolist() == own.tolist()
    assert np.isnan(scores["NAO"]).sum() == 1  # the seventh run, which one file has
    with pytest.raises(HarnessError, match="no normalised scores of results from elsewhere"):
        run.scores(normalized=True)


def test_records_are_the_cells_of_the_suite(opened: harness.OpenedRun, folder: Path) -> None:
    written = pd.read_parquet(folder / "records.parquet")
    pd.testing.assert_frame_equal(opened.records, written)
    assert len(written) == 12 * 5


def test_running_returns_what_opening_does(folder: Path) -> None:
    run = harness.run(SUITE, folder, backend="sequential")
    assert isinstance(run, harness.OpenedRun)
    pd.testing.assert_frame_equal(run.records, harness.open_run(folder).records)
    assert inspect.signature(harness.run).parameters == inspect.signature(run_of_records).parameters


def test_scores_are_arrays_of_seeds_and_benchmarks(opened: harness.OpenedRun) -> None:
    records, scores = opened.records, opened.scores()
    assert tuple(scores) == opened.methods == ("random", "evolution", "local-search")
    assert opened.benchmarks == ("nasbench-graph/cora", "nasbench-graph/pubmed")
    for method, values in scores.items():
        own = records[records["label"] == method].pivot(index="seed", columns="benchmark", values="test")
        expected = own.reindex(columns=list(opened.benchmarks)).to_numpy()
        np.testing.assert_array_equal(values, expected)
    assert np.isnan(scores["local-search"]).all(axis=0).tolist() == [False, True]


def test_normalised_scores(opened: harness.OpenedRun) -> None:
    raw, scaled = opened.scores(), opened.scores(normalized=True)
    for place, name in enumerate(opened.benchmarks):
        test = harness.load_benchmark(name).test
        expected = 100 * (raw["evolution"][:, place] - test.mean()) / (test.max() - test.mean())
        np.testing.assert_allclose(scaled["evolution"][:, place], expected, rtol=1e-12)


def test_what_it_says_first(opened: harness.OpenedRun, folder: Path, tmp_path: Path) -> None:
    report = build_report(folder, tmp_path / "report", formats=["md"])
    assert tuple(opened.answer) == report.answer
    assert tuple(opened.warnings) == report.warnings
    assert str(opened.answer) == "\n".join(report.answer)
    assert repr(opened) == (
        f"<OpenedRun 'small' in {folder}: 3 methods × 2 tables × 12 seeds at 30 evaluations; 60 searches, none failed.>"
    )
    assert "evolution" in opened._repr_html_()


def test_names_of_frames_are_shown_one_a_line(opened: harness.OpenedRun) -> None:
    lines = repr(opened.frames).splitlines()
    assert len(lines) == len(opened.frames)
    assert any(
        re.match(r"relative_improvement +Relative improvement of every method on every table", line) for line in lines
    )


def test_a_frame_is_the_callers_own(opened: harness.OpenedRun) -> None:
    frame = opened.frame("summary")
    frame["test_mean"] = 0.0
    assert (opened.frame("summary")["test_mean"] > 0).all()


def test_latex_with_the_best_in_bold(opened: harness.OpenedRun) -> None:
    plain, bold = opened.to_latex("summary"), opened.to_latex("summary", bold="best")
    assert bold.replace(r"\boldmath ", "").replace(r"\textbf{", "").replace("} &", " &") == plain.replace("} &", " &")
    frame = opened.frame("summary")
    best = frame.loc[frame.groupby("benchmark")["test_mean"].idxmax()]
    in_bold = [line for line in bold.splitlines() if r"\textbf" in line]
    for row in best.itertuples():
        (line,) = (one for one in in_bold if one.startswith(f"{row.dataset} & {row.method}"))
        assert (
            rf"\textbf{{\boldmath {100 * row.test_mean:.2f}}}" in line or rf"{{\boldmath {row.test_mean:.2f}}}" in line
        )
    assert "textbf" not in plain


def test_the_best_of_each_row_at_a_glance(opened: harness.OpenedRun) -> None:
    (name,) = (name for name in opened.frames if name.startswith("improvement_over_random_30"))
    rows = [line for line in opened.to_latex(name, bold="best").splitlines() if line.endswith(r"\\")][1:]
    assert [row.count(r"\textbf") for row in rows] == [1, 1]
    frame = opened.frame("relative_improvement")
    cora = frame[(frame["benchmark"] == "nasbench-graph/cora") & (frame["baseline"] == "random@30")]
    assert f"{cora['ri'].max():+.2f}".lstrip("+").replace("-", "$-$") in rows[0].split(r"\textbf")[1].split("}")[0]


def test_a_bare_tabular(opened: harness.OpenedRun) -> None:
    lines = opened.to_latex("groups", bare=True).splitlines()
    assert lines[0] == r"% needs \usepackage{booktabs}"
    assert lines[1].startswith(r"\begin{tabular}{")
    assert lines[-1] == r"\end{tabular}"
    assert not [line for line in lines if "caption" in line or "{table}" in line]


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (
            lambda run: run.frame("relative_improvment"),
            "unknown frame 'relative_improvment'; did you mean 'relative_improv",
        ),
        (lambda run: run.to_latex("sumary"), "unknown frame 'sumary'; did you mean 'summary'"),
        (
            lambda run: run.to_latex("anytime"),
            r"anytime: too long for a table; frame\('anytime'\) and the CSV file have it",
        ),
        (
            lambda run: run.to_latex("data", bold="best"),
            "data: nothing in it is best or worse; tables with bold='best': improv",
        ),
        (lambda run: run.to_latex("summary", bold="most"), "bold: wanted 'best' or None, not 'most'"),
        (lambda run: run.plot.forst, "unknown figure 'forst'; did you mean 'forest'"),
        (lambda run: run.plot.forest(methods="evolutoin"), "unknown method 'evolutoin'; did you mean 'evolution'"),
        (lambda run: run.plot.forest(benchmarks=["coar"]), "unknown benchmark 'coar'; did you mean 'cora'"),
        (lambda run: run.plot.forest(methods=[]), "methods: wanted some names, or None for all, not an empty list"),
        (
            lambda run: run.plot.random_curve(methods="random"),
            "plot.random_curve: there are no methods to choose from in it",
        ),
        (
            lambda run: run.plot.forest(methods="local-search", benchmarks="pubmed"),
            "plot.forest: nothing is left to draw of these methods on these benchmarks; choose others",
        ),
    ],
)
def test_names_that_do_not_exist(ask, message: str, opened: harness.OpenedRun) -> None:
    with pytest.raises(HarnessError, match=message) as raised:
        ask(opened)
    assert "\n" not in str(raised.value)


def test_folders_that_are_no_run(folder: Path, tmp_path: Path, elsewhere: Path) -> None:
    with pytest.raises(HarnessError, match=rf"no run here.*or `nas-harness import-results`; there is one in {folder}$"):
        harness.open_run(folder / "report")
    with pytest.raises(HarnessError, match=rf"no run here.*; there is one in {folder}$"):
        harness.open_run(folder.parent)
    with pytest.raises(HarnessError, match=r"absent: no run here, neither records.parquet nor results.json; wanted"):
        harness.open_run(tmp_path / "absent")
    (tmp_path / "journal.jsonl").write_text("")
    with pytest.raises(HarnessError, match=r"it holds a run that is not finished: run the suite again"):
        harness.open_run(tmp_path)
    kept = json.loads((elsewhere / "results.json").read_text())
    for spoilt in ({**kept, "schema": 7}, {"schema": 1}, []):
        (tmp_path / "spoilt").mkdir(exist_ok=True)
        (tmp_path / "spoilt" / "results.json").write_text(json.dumps(spoilt))
        with pytest.raises(HarnessError, match=r"results.json: damaged: .*; import the results again") as raised:
            harness.open_run(tmp_path / "spoilt")
        assert "\n" not in str(raised.value)
