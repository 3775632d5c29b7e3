"""Data frames and files as benchmarks."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness import table_from_frame
from harness.errors import HarnessError
from harness.problem.budget import Budget
from harness.spaces.base import CategoricalSpace
from harness.spaces.nasbench201 import NASBench201Space
from harness.tabular.catalogue import load_table
from harness.tabular.importing import import_file
from harness.tabular.problem import TabularProblem
from harness.tabular.reading import read_frame
from harness.tabular.table import Table


def test_a_data_frame_becomes_a_benchmark_in_ten_lines(tmp_path: Path) -> None:
    import harness

    frame = pd.DataFrame(itertools.product([8, 16, 32], [1, 2, 3]), columns=["width", "depth"])
    frame["valid"] = 80 + frame["depth"] + frame["width"] / 8
    frame["test"] = frame["valid"] - 1
    table = harness.table_from_frame(frame, "mine/widths", arch=["width", "depth"])
    harness.save_benchmark(table)
    suite = {"benchmarks": ["mine/widths"], "seeds": "0:3", "budgets": {"evaluations": 9}}
    records = harness.run(
        suite | {"methods": [{"name": "local-search"}]}, tmp_path / "run", backend="sequential"
    ).records
    assert records["arch"].tolist() == ["width=32,depth=3"] * 3
    assert records["test"].tolist() == [86.0] * 3


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "op": ["a", "a", "b", "b"],
            "k": [1, 2, 1, 2],
            "valid": [91.0, 92.0, 93.0, 94.0],
            "test": [90.5, 91.5, 92.5, 93.5],
            "seconds": [1.0, 2.0, 3.0, 4.0],
            "latency": [4.0, 3.0, 2.0, 1.0],
            "other_test": [0.1, 0.2, 0.3, 0.4],
            "share": [1.0, 1.0, 2.0, 4.0],
        }
    )


def convert(frame: pd.DataFrame, **options: Any) -> Table:
    return table_from_frame(frame, "mine/four", **({"arch": ["op", "k"]} | options))


def test_what_is_carried(frame: pd.DataFrame) -> None:
    table = convert(frame, cost="seconds", weights="share", extra={"other": "share"})
    assert (table.dataset, table.unit, table.direction, len(table)) == ("four", "percent", "max", 4)
    assert set(table.columns) == {"valid", "test", "cost", "latency", "other"}
    for key, column in {"valid": "valid", "test": "test", "cost": "seconds", "latency": "latency"}.items():
        np.testing.assert_array_equal(table.columns[key], frame[column])
    np.testing.assert_array_equal(table.weights, frame["share"])
    assert [table.space.format(code) for code in table.codes] == ["op=a,k=1", "op=a,k=2", "op=b,k=1", "op=b,k=2"]
    assert [table.rows[table.space.index(code)] for code in table.codes] == [0, 1, 2, 3]
    assert table.fidelity == {"valid": "valid", "test": "test"}


def test_encodings_that_are_not_listed_have_no_row(frame: pd.DataFrame) -> None:
    table = convert(frame.drop(index=2))
    assert sorted(table.rows) == [-1, 0, 1, 2]


def test_many_choices_of_one_column() -> None:
    n = 40_000  # more than a 16-bit integer can number
    table = table_from_frame(
        pd.DataFrame({"architecture": [f"net,{i}" for i in range(n)], "valid": np.linspace(50, 90, n), "test": 80.0}),
        "mine/many",
    )
    for row in (0, 32_768, n - 1):
        text = table.space.format(table.codes[row])
        assert text == f"architecture=net,{row}"
        assert table.rows[table.space.index(table.space.parse(text))] == row


def test_equal_computations_share_a_row() -> None:
    space = NASBench201Space()
    zero = (0,) * 6
    listed = [space.format(zero), space.format((3,) * 6)]
    table = table_from_frame(
        pd.DataFrame({"architecture": listed, "valid": [10.0, 90.0], "test": [10.0, 91.0]}), "mine/nb", space
    )
    same = [index for index in range(space.size) if space.canonical(space.arch(index)) == space.canonical(zero)]
    assert len(same) > 1
    assert {table.rows[index] for index in same} == {0}
    assert (table.rows >= 0).sum() == len(same) + 1


def with_value(column: str, value: Any) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        frame[column] = frame[column].astype(object)
        frame.loc[1, column] = value
        return frame

    return change


def same(frame: pd.DataFrame) -> pd.DataFrame:
    return frame


@pytest.mark.parametrize(
    ("column", "values", "reason"),
    [
        ("latency", ["1.0 ms", "1.1 ms", "1 ms", "2 ms"], "has no finite number in 4 row(s), first in row 1: '1.0 ms'"),
        ("latency", [1.0, np.nan, 2.0, 3.0], "has no finite number in 1 row(s), first in row 2: nan"),
        ("params", ["0.34M"] * 4, "first in row 1: '0.34M'"),
        ("params", ["50%", "2", "3", "4"], "has a percent sign in row 1 and none in row 2"),
    ],
)
def test_a_column_that_nobody_named_is_left_out_and_said(
    column: str, values: list[Any], reason: str, frame: pd.DataFrame
) -> None:
    table = convert(frame.assign(**{column: values}))
    assert column not in table.columns
    assert list(table.source["columns_left_out"]) == [column]
    assert reason in table.source["columns_left_out"][column]
    with pytest.raises(HarnessError, match=f"column '{column}'"):
        convert(frame.assign(**{column: values}), extra={column: column})  # what is named is needed
    assert "columns_left_out" not in convert(frame).source


def test_a_doubled_column_that_nobody_named_is_left_out(frame: pd.DataFrame) -> None:
    doubled = pd.concat([frame, frame[["latency"]]], axis=1)
    assert "column 'latency' twice" in convert(doubled).source["columns_left_out"]["latency"]
    assert "latency" not in convert(frame.assign(latency=0, **{"latency.1": 1})).columns


def test_the_test_is_not_carried_because_of_its_name(frame: pd.DataFrame) -> None:
    assert set(convert(frame, test="latency", unit="none").columns) == {"valid", "test"}


def test_an_index_with_a_name_is_a_column(frame: pd.DataFrame) -> None:
    assert convert(frame.set_index("op")).sha256 == convert(frame).sha256
    assert convert(frame.set_index(["op", "k"])).sha256 == convert(frame).sha256
    with pytest.raises(HarnessError, match="column 'op' twice"):
        convert(frame.set_index("op", drop=False))


def test_blanks_at_the_ends_of_choices(frame: pd.DataFrame) -> None:
    """The text of an architecture could not be read back with them."""
    blanks = convert(frame.assign(op=[" a ", " a ", "b\t", "b\t"]))
    assert blanks.sha256 == convert(frame).sha256
    for code in blanks.codes.tolist():
        assert blanks.space.parse(blanks.space.format(code)) == tuple(code)
    with pytest.raises(
        HarnessError, match="column 'op' has choices 'a' and ' a', which differ in blanks at their ends only"
    ):
        convert(frame.assign(op=["a", " a", "b", "b"]))
    space = NASBench201Space()
    texts = [f"  {space.format((row,) * 6)} " for row in range(2)]
    table = table_from_frame(pd.DataFrame({"architecture": texts, "valid": [1.5, 2], "test": [1.5, 2]}), "m/b", space)
    assert table.codes.tolist() == [[0] * 6, [1] * 6]


BAD: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], dict[str, Any], str]] = {
    "missing column": (same, {"valid": "vaild"}, "unknown column 'vaild'; did you mean 'valid'"),
    "missing variable": (same, {"arch": ["op", "kernel"]}, "unknown column 'kernel'"),
    "missing cost": (same, {"cost": "second"}, "did you mean 'seconds'"),
    "missing extra": (same, {"extra": {"a": "latancy"}}, "did you mean 'latency'"),
    "missing weights": (same, {"weights": "shares"}, "did you mean 'share'"),
    "no row": (lambda frame: frame.iloc[:0], {}, "there is no row in it"),
    "a column twice": (
        lambda frame: frame.set_axis([*frame.columns[:-1], "valid"], axis=1),
        {},
        "column 'valid' twice",
    ),
    "a column that pandas renamed": (
        lambda frame: frame.rename(columns={"other_test": "test.1"}),
        {},
        "there are columns 'test' and 'test.1', as pandas names one that stands there twice",
    ),
    "duplicate architecture": (with_value("k", 1), {}, "op=a,k=1 stands in rows 1 and 2"),
    "NaN": (with_value("valid", np.nan), {}, "column 'valid' has no finite number in 1 row(s), first in row 2: nan"),
    "None": (with_value("test", None), {}, "column 'test' has no finite number in 1 row(s), first in row 2"),
    "infinity": (with_value("seconds", np.inf), {"cost": "seconds"}, "column 'seconds' has no finite number"),
    "unparsable cell": (with_value("valid", "93,5"), {}, "first in row 2: '93,5'"),
    "above 100": (with_value("valid", 930.0), {}, "has 930.0 in row 2, which is neither a percentage nor a fraction"),
    "below 0": (with_value("valid", -1.0), {}, "has -1.0 in row 2"),
    "a fraction among percentages": (with_value("valid", 0.92), {}, "mixes percent and fraction: 0.92 in row 2"),
    "percent and fraction": (same, {"valid": "other_test"}, "percent and fraction are mixed"),
    "unit against the values": (same, {"unit": "fraction"}, "stated as fraction, but the values look like percent"),
    "unknown unit": (same, {"unit": "percentage"}, "unknown unit 'percentage'; did you mean 'percent'"),
    "unknown direction": (same, {"direction": "maximum"}, "unknown direction 'maximum'"),
    "weight of 0": (with_value("share", 0.0), {"weights": "share"}, "weight 0.0 in row 2; weights must be above 0"),
    "validation is test": (same, {"valid": "test"}, "named both as validation and as test"),
    "test as cost": (same, {"cost": "test"}, "'test' is for the report only"),
    "test under another name": (same, {"extra": {"hint": "test"}}, "'test' is for the report only"),
    "another test column": (same, {"extra": {"hint": "other_test"}}, "'other_test' is for the report only"),
    "test as weights": (same, {"weights": "test"}, "'test' is for the report only"),
    "test as variable": (same, {"arch": ["op", "test"]}, "'test' is for the report only"),
    "extra in place of validation": (same, {"extra": {"valid": "share"}}, "'valid' has an option of its own"),
    "a space and several columns": (
        same,
        {"space": CategoricalSpace("s", {"op": ["a", "b"]})},
        "wanted one column of architecture texts",
    ),
    "an architecture of another space": (
        same,
        {"space": CategoricalSpace("s", {"op": ["a", "b"]}), "arch": "op"},
        "row 1: space s: cannot read 'a'",
    ),
    "a huge space": (
        same,
        {"space": CategoricalSpace("s", {f"v{i}": ["0", "1"] for i in range(40)}), "arch": "op"},
        "row 1",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_frames_are_refused(name: str, frame: pd.DataFrame) -> None:
    change, options, message = BAD[name]
    with pytest.raises(HarnessError, match=r"^table mine/four: ") as caught:
        convert(change(frame), **options)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_space_that_is_too_large() -> None:
    space = CategoricalSpace("s", {f"v{i}": ["0", "1"] for i in range(40)})
    frame = pd.DataFrame({"architecture": [space.format((0,) * 40)], "valid": [1.5], "test": [1.5]})
    with pytest.raises(HarnessError, match="at most 50,000,000 fit a table"):
        table_from_frame(frame, "mine/huge", space)


def test_notes_on_standard_error(frame: pd.DataFrame, tmp_path: Path, own_cache: Path, cli: Callable[..., Any]) -> None:
    frame.assign(arch=["00000000", "00000001", "00000002", "00000010"], params="0.3M").to_csv(tmp_path / "t.csv")
    line = (
        "--name",
        "mine/noted",
        "--space",
        "nas-bench-macro",
        "--arch",
        "arch",
        "--valid",
        "valid",
        "--test",
        "test",
    )
    done = cli("import", tmp_path / "t.csv", *line)
    assert done.code == 0
    assert done.err == (
        "nas-harness: note: mine/noted: left out, as nobody asked for it: column 'params' has no finite number in 4 row(s), "
        "first in row 1: '0.3M'; every architecture needs a value\n"
    )
    assert "note  columns left out at import: params" in cli("doctor", "--benchmark", "mine/noted").out
    done = cli("import", tmp_path / "t.csv", *line, "--extra", "a=seconds", "--extra", "a=share")
    assert (done.code, done.err) == (2, "nas-harness: error: --extra a=share: a is column 'seconds' already\n")


def test_a_loss_that_is_to_be_larger_is_refused(frame: pd.DataFrame) -> None:
    with pytest.raises(HarnessError, match="a loss is better when it is smaller: give direction min"):
        convert(frame, unit="loss")


def test_direction_min(frame: pd.DataFrame) -> None:
    table = convert(frame.assign(valid=[2.0, 1.0, 3.0, 4.0]), direction="min", unit="loss", metric="loss")
    problem = TabularProblem(table, Budget("evaluations", 4))
    scores = [problem.evaluate(tuple(code)).score for code in table.codes.tolist()]
    assert int(np.argmax(scores)) == 1  # a search always looks for larger scores


# A user's export of the published table of NAS-Bench-201; the facts are those of the papers.


@pytest.fixture(scope="module")
def csv(shared: Callable[[str], Path]) -> Path:
    return shared("nasbench201/accuracy.csv.gz")


@pytest.fixture(scope="module")
def table(csv: Path) -> Table:
    table = import_file(
        str(csv),
        "nasbench201/cifar10",
        "nasbench201",
        arch="architecture",
        valid="cifar10.valid_accuracy@12",
        test="cifar10.test_accuracy@200",
    )
    assert load_table("nasbench201/cifar10").sha256 == table.sha256
    return load_table("nasbench201/cifar10")


def test_rows_of_an_imported_csv(table: Table, csv: Path) -> None:
    frame = read_frame(csv)
    assert len(table) == len(frame) == 15_625
    assert (table.unit, table.metric, table.dataset) == ("percent", "accuracy", "cifar10")
    assert [table.space.format(code) for code in table.codes[:50]] == frame["architecture"][:50].tolist()
    assert sorted(table.rows) == list(range(15_625))
    np.testing.assert_array_equal(table.valid, frame["cifar10.valid_accuracy@12"])
    np.testing.assert_array_equal(table.test, frame["cifar10.test_accuracy@200"])
    assert table.fidelity == {"valid": "cifar10.valid_accuracy@12", "test": "cifar10.test_accuracy@200"}


def test_random_search_with_100_draws(table: Table) -> None:
    from harness.statistics import RandomSearchLaw

    assert float(RandomSearchLaw(table.valid, table.test).mean(100)) == pytest.approx(93.730, abs=5e-4)


def test_equal_computations_have_nearly_equal_scores(table: Table) -> None:
    space = table.space
    classes = np.array([space.index(space.canonical(space.arch(index))) for index in range(space.size)])
    _, first = np.unique(classes, return_inverse=True)
    test = table.test[table.rows]
    within = test - (np.bincount(first, test) / np.bincount(first))[first]
    assert within.std() < 0.1 * test.std()


def test_import_finds_files_in_the_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_cache: Path
) -> None:
    space = NASBench201Space()
    texts = [space.format((i,) * 6) for i in range(3)]
    pd.DataFrame({"a": texts, "v": [0.5, 0.6, 0.7], "t": [0.4, 0.6, 0.8]}).to_parquet(tmp_path / "mine.parquet")
    monkeypatch.setenv("NAS_HARNESS_DATA", str(tmp_path))
    table = import_file("mine.parquet", "mine/three", "nasbench201", arch="a", valid="v", test="t", licence="CC0-1.0")
    assert table.unit == "fraction"
    assert table.source["licence"] == "CC0-1.0"
    assert load_table("mine/three").sha256 == table.sha256


@pytest.mark.parametrize("missing", [np.nan, None, pd.NaT])
def test_a_row_without_an_architecture_is_named(frame: pd.DataFrame, missing: Any) -> None:
    frame["op"] = ["a", "a", missing, "b"]
    with pytest.raises(HarnessError, match=r"column 'op' names no architecture in 1 row.s., first in row 3"):
        convert(frame)
    cells = pd.DataFrame({"architecture": [missing], "valid": [1.0], "test": [2.0]})
    with pytest.raises(HarnessError, match=r"column 'architecture' names no architecture in 1 row.s., first in row 1"):
        table_from_frame(cells, "mine/one", NASBench201Space())


def leaky(how: str) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    wide = pd.DataFrame({"x": range(40), "valid": 5 + 85 * rng.random(40), "test": 5 + 85 * rng.random(40)})
    wide["latency"] = wide["test"] / 50 + 1 if how == "scaled" else rng.random(40)
    if how == "valid":
        wide["valid"] = wide["test"]
    return wide


@pytest.mark.parametrize(
    ("how", "caveat"),
    [
        ("clean", ""),
        ("valid", "validation and test are identical in 100.0 % of the rows: a search would see the test."),
        ("scaled", "columns latency and test are one measurement up to scale and rounding"),
    ],
)
def test_a_test_under_another_name_is_a_caveat(how: str, caveat: str) -> None:
    caveats = table_from_frame(leaky(how), "mine/forty", arch=["x"]).caveats
    assert len(caveats) == bool(caveat)
    assert caveat in "".join(caveats)


def test_importing_warns_of_a_test_under_another_name(tmp_path: Path, own_cache: Path, cli: Callable[..., Any]) -> None:
    from harness.spaces.digits import macro_space

    space = macro_space()
    for how, warned in (("clean", False), ("valid", True)):
        cells = leaky(how).assign(architecture=[space.format(space.arch(7 * row)) for row in range(40)])
        cells.to_csv(tmp_path / "cells.csv", index=False)
        line = ("--space", "nas-bench-macro", "--arch", "architecture", "--valid", "valid", "--test", "test")
        done = cli("import", tmp_path / "cells.csv", "--name", f"mine/{how}", *line)
        assert done.code == 0
        assert ("warning: mine/valid: validation and test are identical" in done.err) == warned


@pytest.mark.parametrize(
    ("name", "words"),
    [("x" * 300, "has 300 characters; wanted at most 200"), ("live/mine", "belongs to a packaged benchmark")],
)
def test_names_that_cannot_be_stored_are_refused_before_anything_is_read(
    name: str, words: str, cli: Callable[..., Any]
) -> None:
    line = ("--space", "nasbench201", "--arch", "a", "--valid", "v", "--test", "t")
    done = cli("import", "absent.csv", "--name", name, *line)
    assert done.code == 2
    assert words in done.err
    assert done.err.count("\n") == 1
    assert cli("doctor", "--benchmark", name).code == 2
