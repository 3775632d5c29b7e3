"""The verb: what it writes, prints and refuses, and that the page holds what it should."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest

from harness.results import import_results, read_results
from harness.results.document import draw_forest, draw_runs, make_document
from harness.results.improvement import relative_improvements

MAP = [part for method in ("DARTS", "NAO") for part in ("--map", f"{method}={method} random")]
COLUMNS = ["DARTS", "DARTS random", "NAO", "NAO random"]


@pytest.fixture
def files(tables, write):
    """Two data sets, two methods, one of them with a failed run of its baseline."""
    few = {name: tables[name][COLUMNS] for name in ("cs", "photo")}
    few["cs"].loc[0, "NAO random"] = 12.5
    return write(few)


def test_the_report(cli, files, tmp_path):
    done = cli("import-results", *files, *MAP, "-o", tmp_path / "out")
    assert done.code == 0
    assert done.out.splitlines()[-1] == f"report: {tmp_path / 'out' / 'index.html'}"
    (warning,) = done.err.splitlines()
    assert warning.startswith("nas-harness: warning: cs: 12.5 of NAO random (line 2 of cs.csv) is far")
    frame = pd.read_csv(tmp_path / "out" / "tables" / "relative_improvement.csv")
    assert list(frame) == (
        [
            "benchmark",
            "dataset",
            "method",
            "baseline",
            "n_method",
            "n_baseline",
            "ri",
            "ci_low",
            "ci_high",
            "p_value",
            "p_holm",
        ]
    )
    assert frame[["dataset", "method"]].to_numpy().tolist() == [
        ["cs", "DARTS"],
        ["cs", "NAO"],
        ["photo", "DARTS"],
        ["photo", "NAO"],
    ]
    runs = pd.read_csv(tmp_path / "out" / "tables" / "runs.csv")
    assert len(runs) == 64
    assert runs.loc[runs["score"] == 12.5, ["file", "line"]].to_numpy().tolist() == [["cs.csv", 2]]
    for name in ("index.html", "report.md"):
        text = (tmp_path / "out" / name).read_text()
        assert "12.5 of NAO random" in text
        assert "Over all data sets" in text
    plots = sorted(path.name for path in (tmp_path / "out" / "plots").iterdir())
    assert plots == ["relative_improvement.svg", "runs.svg"]
    assert r"\toprule" in (tmp_path / "out" / "tables" / "relative_improvement.tex").read_text()


def test_links_lead_somewhere_and_ids_are_unique(cli, files, tmp_path):
    cli("import-results", *files, *MAP, "-o", tmp_path / "out")
    page = (tmp_path / "out" / "index.html").read_text()
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    targets = set(re.findall(r'href="#([^"]+)"', page))
    assert targets <= set(ids)
    assert sum(target.startswith("every-run-") for target in targets) == 4


def test_a_report_of_other_results_is_not_replaced_unasked(cli, files, tmp_path, monkeypatch):
    """Two files of one name in different folders have one default folder; the same results may be reported again."""
    monkeypatch.chdir(tmp_path)
    made = tmp_path / "reports" / files[0].stem / "index.html"
    for _ in range(2):
        assert cli("import-results", *files, *MAP).code == 0
    first = made.read_bytes()
    other = tmp_path / "elsewhere" / files[0].name
    other.parent.mkdir()
    other.write_text(files[0].read_text().replace("12.5", "13.5"))
    refused = cli("import-results", other, *MAP)
    assert (refused.code, refused.out, made.read_bytes()) == (2, "", first)
    (line,) = refused.err.splitlines()
    folder = f"reports/{files[0].stem}"
    assert line.endswith(
        f"{folder}: holds a report of other results; choose a folder with -o, or -o {folder} to replace what is there"
    )
    assert cli("import-results", other, *MAP, "-o", folder).code == 0
    assert made.read_bytes() != first


def test_json(cli, files, tmp_path):
    done = cli("import-results", *files, *MAP, "-o", tmp_path / "out", "--json")
    said = json.loads(done.out)
    assert [fault["kind"] for fault in said["faults"]] == ["outlier"]
    assert len(said["relative_improvement"]) == 4
    assert said["report"] == str(tmp_path / "out" / "index.html")


def test_the_same_files_give_the_same_report(cli, files, tmp_path, snapshot):
    for name in ("one", "two"):
        assert cli("import-results", *files, *MAP, "-o", tmp_path / name).code == 0
    assert snapshot(tmp_path / "one") == snapshot(tmp_path / "two")


def test_options_reach_the_reader(cli, csv, tmp_path):
    path = csv("wer;was;nr", "A;2.9;0", "A;2.7;1", "A;3.0;2", "R;3.5;0", "R;3.1;1", "R;3.4;2")
    options = ["--long", "--method", "wer", "--score", "was", "--seed", "nr", "--baseline", "R"]
    done = cli(
        "import-results", path, *options, "--direction", "min", "--unit", "none", "--paired", "-o", tmp_path / "o"
    )
    assert done.code == 0, done.err
    (row,) = pd.read_csv(tmp_path / "o" / "tables" / "relative_improvement.csv").itertuples()
    assert row.ri > 0
    assert "compared seed by seed" in (tmp_path / "o" / "report.md").read_text()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "no baseline"),
        (["--map", "DARTS=RS"], "unknown method 'RS'"),
        ([*MAP, "--unit", "fraction"], "is no fraction"),
        ([*MAP, "--paired"], "wanted a seed with every score"),
        ([*MAP, "--dataset", "data"], "unknown column 'data'"),
    ],
)
def test_a_wrong_input_is_one_line_and_writes_nothing(cli, files, tmp_path, snapshot, options, words):
    before = snapshot(tmp_path)
    done = cli("import-results", *files, *options, "-o", tmp_path / "out" / "deep")
    assert done.code == 2
    assert done.out == ""
    (line,) = done.err.splitlines()
    assert words in line
    assert snapshot(tmp_path) == before


def test_long_and_wide_exclude_each_other(cli, files, tmp_path):
    done = cli("import-results", *files, *MAP, "--long", "--wide")
    assert done.code == 2
    assert "not allowed with" in done.err


def test_a_folder_of_something_else_is_left_alone(cli, files, tmp_path, snapshot):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("do not touch")
    before = snapshot(tmp_path)
    done = cli("import-results", *files, *MAP, "-o", tmp_path / "out")
    assert (done.code, len(done.err.splitlines())) == (2, 1)
    assert snapshot(tmp_path) == before


def test_an_older_report_is_replaced_whole_or_not_at_all(files, tmp_path, snapshot, monkeypatch):
    mapping = {"DARTS": "DARTS random"}
    import_results(files, tmp_path / "out", mapping=mapping)
    before = snapshot(tmp_path / "out")

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("harness.reporting.write.render_latex", full)
        with pytest.raises(Exception, match="No space left on device; what was there before is intact"):
            import_results(files, tmp_path / "out", mapping=mapping | {"NAO": "NAO random"})
    assert snapshot(tmp_path / "out") == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    import_results(files, tmp_path / "out", mapping=mapping | {"NAO": "NAO random"})
    assert len(pd.read_csv(tmp_path / "out" / "tables" / "relative_improvement.csv")) == 4


def test_answers_speak_of_data_sets(files, tmp_path, tables):
    for path in files:
        frame = pd.read_csv(path)
        frame["NAO"] = frame["NAO random"].max() + frame["DARTS"] - frame["DARTS"].min()
        frame.to_csv(path, index=False)
    made = import_results(files, tmp_path / "out", mapping={"NAO": "NAO random", "DARTS": "DARTS random"})
    decided = made.table[(made.table["p_holm"] < 0.05) & (made.table["method"] == "NAO")]["dataset"].tolist()
    assert decided == ["photo"]
    (answer,) = [line for line in made.answer if line.startswith("NAO")]
    assert answer.startswith("NAO beats NAO random on 1 of 2 data sets (photo) and loses on none; 1 undecided.")
    assert "Geometric mean over these data sets: +" in answer


def test_figures_name_the_methods(read, tables):
    results = read({name: tables[name] for name in ("cs", "photo")})
    forest = draw_forest(results, relative_improvements(results))
    assert [label.get_text() for label in forest.legends[0].get_texts()] == list(results.baselines)
    panels = draw_runs(results).axes
    assert [panel.get_title(loc="left") or panel.get_title() for panel in panels] == ["cs, %", "photo, %"]
    drawn = [line.get_xdata() for line in panels[0].lines]
    np.testing.assert_array_equal(drawn[0], tables["cs"]["DARTS"])
    np.testing.assert_array_equal(drawn[1], [tables["cs"]["DARTS"].mean()] * 2)
    np.testing.assert_array_equal(drawn[2], tables["cs"]["DARTS random"])


def test_figures_of_very_many_data_sets_show_the_first(csv):
    lines = [f"d{place},{method},{90 + place / 9 + run}" for place in range(30) for method in "AR" for run in range(3)]
    results = read_results([csv("dataset,method,score", *lines)], baseline="R")
    assert len(draw_runs(results).axes) == 24
    document = make_document(results, [])
    assert all("Drawn are the first 24 of 30 data sets." in figure.caption for figure in document.figures())


def test_the_report_asks_what_a_small_baseline_is_of(cli, csv, tmp_path):
    a, r = (91.2, 91.5, 90.8, 91.1, 91.6, 91.3, 90.9, 91.4), (90.1, 90.4, 89.8, 90.2, 90.3, 12.0, 90.0, 89.9)
    path = csv("A,R", *(f"{x},{y}" for x, y in zip(a, r, strict=True)))
    said = {}
    for name, options in (("searches", []), ("architectures", ["--architectures", "1"])):
        assert cli("import-results", path, "--baseline", "R", *options, "-o", tmp_path / name).code == 0
        said[name] = (tmp_path / name / "report.md").read_text()
        assert "The sample of R on results is skewed (skewness −2.83 of 8 scores)" in said[name]
    assert "say so by --architectures" in said["searches"]
    assert "No test and no interval for A on results: 8 runs against 8 random architectures" in said["architectures"]
    assert "say so by" not in said["architectures"]
    done = cli("import-results", path, "--baseline", "R", "--architectures", "0", "-o", tmp_path / "none")
    assert (done.code, done.err.count("\n")) == (2, 1)
