from __future__ import annotations

import math

import pytest

from harness.errors import HarnessError
from harness.results.sheet import number, plain, read_sheet


@pytest.mark.parametrize(
    ("cell", "value"), [("97.1", 97.1), (" 97 ", 97.0), ("97.1%", 97.1), (".5", 0.5), ("9.71e1", 97.1), ("-3.", -3.0)]
)
def test_numbers(cell, value):
    assert number(cell, "here") == value


@pytest.mark.parametrize("cell", ["", "  ", "-", "–", "NA", "n/a", "NaN", "None"])
def test_blanks(cell):
    assert math.isnan(number(cell, "here"))


@pytest.mark.parametrize(
    ("cell", "hint"),
    [
        ("97,1", "decimal point"),
        ("97.1 ± 0.2", "not a mean with its deviation"),
        ("97.1 +/- 0.2", "not a mean with its deviation"),
        ("97.1 (0.2)", "not a mean with its deviation"),
        ("failed", "'failed' is no number"),
        ("inf", "'inf' is no number"),
        ("1e999", "no number"),
        ("-1e50", "no number"),
        ("1e-300", "no number"),
        ("1_000", "no number"),
        ("0x1f", "no number"),
    ],
)
def test_no_numbers(cell, hint):
    with pytest.raises(HarnessError, match=r"^here: ") as error:
        number(cell, "here")
    assert hint in str(error.value)


def test_plain_names_differ_in_more_than_case_and_blanks():
    assert plain(" PC  DARTS ") == plain("pc\u00a0darts") != plain("PC-DARTS")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_cells_keep_their_lines(tmp_path, separator):
    path = tmp_path / "a.csv"
    text = "\n".join([separator.join(line) for line in [["A ", "B"], ["1", "2"], ["", ""], ["3"]]])
    path.write_text(f"\ufeff\n{text}{separator}{separator}\n")
    sheet = read_sheet(path)
    assert sheet.header == ("A ", "B")
    assert sheet.rows == ((3, ("1", "2")), (5, ("3", "")))
    assert (sheet.name, sheet.stem, sheet.faults) == ("a.csv", "a", ())


def test_an_index_column_is_left_out_and_said(csv):
    sheet = read_sheet(csv(",A,B,", "0,1,2,", "1,3,4,"))
    assert sheet.header == ("A", "B")
    assert [fault.kind for fault in sheet.faults] == ["index column"]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["A,B", "1,2,3"], "line 2 has 3 cells, the header has 2"),
        (["A,B"], "at least one line below"),
        (["97.1,96.2", "97.3,96.5"], "first line holds numbers"),
        (["A,,B", "1,7,2", "3,9,4"], "column 2 has no name"),
        (["A,b, B", "1,2,3"], "columns 2 and 3 are both called 'B'"),
        (["A,B", '"1,2'], "line 2"),
    ],
)
def test_what_is_no_table_is_refused(csv, lines, words):
    with pytest.raises(HarnessError, match=words):
        read_sheet(csv(*lines))


def test_what_is_no_text_is_refused(tmp_path):
    (tmp_path / "a.xlsx").write_bytes(b"PK\x03\x04\xff\xfe")
    with pytest.raises(HarnessError, match="UTF-8"):
        read_sheet(tmp_path / "a.xlsx")
    with pytest.raises(HarnessError, match="No such file"):
        read_sheet(tmp_path / "absent.csv")
