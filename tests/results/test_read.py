"""Both forms give the same runs, names match whatever their place, and what means nothing is refused."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from harness.errors import HarnessError
from harness.results import read_results
from harness.results.read import Columns, read_mapping

LONG = ("method,dataset,seed,score", "A,x,0,91.5", "A,x,1,92.5", "R,x,0,90.5", "R,x,1,91.0")


def scores(results):
    frame = results.runs.sort_values(["dataset", "method", "line"])
    return {key: part["score"].tolist() for key, part in frame.groupby(["dataset", "method"])}


def test_a_wide_table_has_its_numbers(read, tables):
    results = read(tables)
    assert results.datasets == list(tables)
    assert len(results.baselines) == 8
    assert results.baselines["NAO"] == "NAO random"
    assert len(results.runs) == 5 * 16 * 8
    assert set(results.runs["unit"]) == {"percent"}
    assert results.faults == ()
    for (dataset, method), own in scores(results).items():
        assert own == tables[dataset][method].tolist()
    assert results.of("cs", "NAO")["line"].tolist() == list(range(2, 10))


def test_long_and_wide_are_the_same(read, tables, tmp_path):
    wide = read(tables)
    parts = [table.melt(var_name="method", value_name="score").assign(dataset=name) for name, table in tables.items()]
    long = pd.concat(parts).sample(frac=1.0, random_state=3)
    long.to_csv(tmp_path / "long.csv", index=False)
    mapping = {method: f"{method} random" for method in wide.baselines}
    again = read_results([tmp_path / "long.csv"], mapping=mapping)
    assert {key: sorted(own) for key, own in scores(wide).items()} == {k: sorted(v) for k, v in scores(again).items()}
    assert again.sources["form"].tolist() == ["long"]


def test_columns_are_matched_by_name_not_by_place(read, tables):
    before = scores(read(tables))
    rng = np.random.default_rng(0)
    tables["photo"] = tables["photo"][rng.permutation(tables["photo"].columns)]
    results = read(tables)
    assert scores(results) == before
    (fault,) = results.faults
    assert fault.kind == "column order"
    assert "photo.csv has its columns in another order than arxiv.csv" in fault.what


def test_wide_with_columns_of_data_set_and_seed(csv):
    path = csv("dataset,seed,A,R", "x,0,91,90", "x,1,92,91", "y,0,81,80")
    results = read_results([path], baseline="r")
    assert scores(results) == {("x", "A"): [91, 92], ("x", "R"): [90, 91], ("y", "A"): [81], ("y", "R"): [80]}
    assert results.baselines == {"A": "R"}
    assert results.of("x", "A")["seed"].tolist() == ["0", "1"]


def test_columns_of_unusual_names(csv):
    path = csv("wer;was;wo;nr;note", "A;91;x;0;good", "R;90;x;00;bad", "R;91;x;1.0;-")
    results = read_results([path], Columns("Wer", "wo", "was ", "nr"), baseline="R")
    assert results.runs["seed"].tolist() == ["0", "0", "1"]
    assert results.sources["left_out"].tolist() == ["note"]


def test_a_file_without_data_sets_is_the_data_set_of_its_name(csv):
    files = [csv("method,score", "A,91", "A,92", "R,90", name=f"{name}.csv") for name in ("x", "y")]
    files[1].write_text(files[1].read_text().replace("91", "93"))
    assert read_results(files, baseline="R").datasets == ["x", "y"]


def test_a_baseline_in_a_column(csv):
    lines = ("method,score,its baseline", "A,91,R", "B,92,S", "R,90,", "S,89,S")
    assert read_results([csv(*lines)], baseline="its baseline").baselines == {"A": "R", "B": "S"}
    with pytest.raises(HarnessError, match=r"line 6: 'A' has another baseline than before, 'S'"):
        read_results([csv(*lines, "A,93,S")], baseline="its baseline")


def test_what_is_a_baseline_of_another_is_not_compared_with_the_common_one(csv):
    path = csv("A,A random,B,R", "91,90,92,89", "92,91,93,90")
    assert read_results([path], mapping={"A": "A random"}, baseline="R").baselines == {"A": "A random", "B": "R"}


def test_fractions_and_percent_are_told(csv):
    fractions = csv("A,R", "0.91,0.90", "0.92,0.0", name="x.csv")
    other = csv("A,R", "2.91,0.90", "1.92,0.91", name="y.csv")
    assert set(read_results([fractions], baseline="R").runs["unit"]) == {"fraction"}
    assert set(read_results([other], baseline="R").runs["unit"]) == {"percent"}
    assert set(read_results([other], baseline="R", unit="none").runs["unit"]) == {"none"}


@pytest.mark.parametrize(
    ("lines", "options", "unit", "expected"),
    [
        (["0.51%,0.30%", "0.55%,0.34%"], {}, "percent", [0.51, 0.55, 0.30, 0.34]),
        (["0.51%,0.0030", "0.55%,0.0034"], {}, "percent", [0.51, 0.55, 0.30, 0.34]),
        (["0.0051,0.30%", "0.0055,0.34 %"], {}, "percent", [0.51, 0.55, 0.30, 0.34]),
        (["0.51%,0.30%", "0.0055,0.0034"], {}, "percent", [0.51, 0.55, 0.30, 0.34]),  # both within a column
        (["91.5%,90.5", "92.5%,91"], {}, "percent", [91.5, 92.5, 90.5, 91]),
        (["0.51%,0.30", "0.55%,0.34"], {"unit": "percent"}, "percent", [0.51, 0.55, 0.30, 0.34]),
        (["51%,0.30", "55%,0.34"], {"unit": "fraction"}, "fraction", [0.51, 0.55, 0.30, 0.34]),
        (["510%,130%", "550%,140%"], {"unit": "none"}, "none", [510, 550, 130, 140]),
    ],
)
def test_a_percent_sign_decides_the_unit_of_its_cell(csv, lines, options, unit, expected):
    results = read_results([csv("R,A", *lines)], baseline="R", **options)
    assert set(results.runs["unit"]) == {unit}
    np.testing.assert_allclose(results.runs["score"], expected, rtol=1e-15)


def test_signs_of_one_data_set_say_nothing_of_another(csv):
    files = [csv("R,A", "0.51%,0.30%", name="x.csv"), csv("R,A", "0.51,0.30", name="y.csv")]
    results = read_results(files, baseline="R")
    assert dict(zip(results.runs["dataset"], results.runs["unit"], strict=True)) == {"x": "percent", "y": "fraction"}


def test_relative_improvement_over_a_baseline_with_a_sign(csv, cli, tmp_path):
    """By hand: 100 (1 - .0030667 / .0051667)."""
    path = csv("seed,R,A", "0,0.51%,0.0030", "1,0.55%,0.0034", "2,0.49%,0.0028")
    done = cli("import-results", path, "--baseline", "R", "--direction", "min", "-o", tmp_path / "out", "--json")
    (row,) = json.loads(done.out)["relative_improvement"]
    assert row["ri"] == pytest.approx(100 * (1 - 0.0092 / 0.0155))
    assert "0.52 %" in (tmp_path / "out" / "report.md").read_text()


def test_decimal_commas(csv):
    path = csv("A;R", "91,5;90", "92,25;91,5")
    assert read_results([path], baseline="R").runs["score"].tolist() == [91.5, 92.25, 90, 91.5]
    path = csv("method,score", 'A,"91,5"', "R,90")
    assert read_results([path], baseline="R").runs["score"].tolist() == [91.5, 90]


def test_a_column_that_pandas_renamed_is_said(csv):
    (fault,) = read_results([csv("A,R,A.1", "91,90,92")], mapping={"A": "R"}).faults
    assert "column 'A.1' is what pandas calls a second column 'A'" in fault.what


@pytest.mark.parametrize(
    ("lines", "options", "words"),
    [
        (
            ("A,R", "0.30,0.51%", "0.34,0.55%"),
            {"baseline": "R"},
            r"A has 0.3 .line 2 of results.csv. without a percent sign beside 0.51% .line 2 of results.csv.",
        ),
        (("A,R", "0.30,0.51%"), {"baseline": "R", "unit": "none"}, "without a percent sign"),
        (("A,R", "130%,0.51%"), {"baseline": "R"}, "130 .line 2 of results.csv. is no percent"),
        (("A;R", "91.5;90,5"), {"baseline": "R"}, "wanted a decimal point"),
        (("A;R", "1,234;2,500"), {"baseline": "R"}, "wanted a decimal point"),
        (
            ("method,seed,score", "A,0,0.5%", "A,0,0.5", "R,0,1%"),
            {"baseline": "R"},
            "A with seed 0 has the scores 0.5% and 0.5 ",
        ),
        (LONG, {}, "no baseline: say which by --baseline NAME or --map METHOD=BASELINE; the methods are A, R"),
        (LONG, {"baseline": "random"}, "unknown method 'random'"),
        (LONG, {"mapping": {"A": "A"}}, "'A' is its own baseline"),
        (LONG, {"baseline": "R", "columns": Columns(score="accuracy")}, "results.csv: unknown column 'accuracy'"),
        (LONG, {"baseline": "R", "form": "wide"}, "column 'method': 'A' is no number"),
        (
            LONG,
            {"baseline": "R", "form": "wide", "columns": Columns(method="method")},
            "--method names a column of the long",
        ),
        (LONG, {"baseline": "R", "unit": "loss"}, "unknown unit 'loss'"),
        (LONG, {"baseline": "R", "unit": "fraction"}, "90.5 .line 4 of results.csv. is no fraction"),
        (LONG, {"baseline": "R", "direction": "up"}, "unknown direction 'up'"),
        ((*LONG, "A,,2,93"), {"baseline": "R"}, "line 6: no dataset"),
        ((*LONG, " ,x,2,93"), {"baseline": "R"}, "line 6: no method"),
        (
            (*LONG, "A,x,1,93"),
            {"baseline": "R"},
            "A with seed 1 has the scores 92.5 and 93 .lines 3 and 6 of results.csv.",
        ),
        ((*LONG, "A,x,2,0.93"), {"baseline": "R"}, "mixed, 0.93 .line 6 of results.csv. beside 90.5"),
        ((*LONG, "R,x,2,0.93"), {"baseline": "R"}, "mixed, 0.93 .line 6 of results.csv. beside 90.5"),
        ((*LONG, "A,x,2,930"), {"baseline": "R"}, "930 .line 6 of results.csv. is no percentage"),
        ((*LONG, "A,x,2,-1"), {"baseline": "R"}, "-1 .line 6 of results.csv. is no percentage"),
        (("method,score", "A,91", "R,90"), {"baseline": "R", "paired": True}, "wanted a seed with every score"),
        (("A,R", "91,90"), {"baseline": "R", "form": "long"}, "wants a column of methods; name it by --method"),
        (("method,accuracy,test", "A,91,90"), {"baseline": "A"}, "'accuracy' and 'test' may both hold the score"),
    ],
)
def test_what_means_nothing_is_refused(csv, lines, options, words):
    with pytest.raises(HarnessError, match=words) as error:
        read_results([csv(*lines)], **options)
    assert "\n" not in str(error.value)


def test_two_files_of_one_name_or_content_are_refused(csv, tmp_path):
    one = csv("A,R", "91,90", "92,91")
    (tmp_path / "b").mkdir()
    same, other = tmp_path / "b" / "copy.csv", tmp_path / "b" / "results.csv"
    same.write_text(one.read_text())
    other.write_text("A,R\n81,80\n82,81\n")
    with pytest.raises(HarnessError, match=r"results.csv and copy.csv are the same file"):
        read_results([one, same], baseline="R")
    with pytest.raises(HarnessError, match="two files are called 'results'"):
        read_results([one, other], baseline="R")


def test_mappings(tmp_path):
    path = tmp_path / "map.toml"
    path.write_text('"PC-DARTS" = "PC-DARTS random"\nB = "R"\n')
    assert read_mapping(["A=R", str(path)]) == {"A": "R", "PC-DARTS": "PC-DARTS random", "B": "R"}
    path.write_text("B = 3\n")
    for items, words in [
        (["A"], "wanted METHOD=BASELINE"),
        (["A="], "wanted METHOD=BASELINE"),
        (["A=R", "A=S"], "'A' has two baselines, 'R' and 'S'"),
        ([str(path)], "'B' is no text"),
        ([str(tmp_path / "absent.toml")], "No such file"),
    ]:
        with pytest.raises(HarnessError, match=words):
            read_mapping(items)
