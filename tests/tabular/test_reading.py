"""One table in all the ways that programs write it down."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from harness.errors import HarnessError
from harness.tabular.frame import table_from_frame
from harness.tabular.reading import is_parquet, read_frame

FRAME = pd.DataFrame(
    {"arch": ["00", "01", "10"], "valid": [79.25, 80.5, 81.0], "test": [78.0, 80.75, 80.5], "note": ["a", "b", "c"]}
)
PLAIN = FRAME.to_csv(index=False)


def with_ends(text: str, end: str) -> str:
    return "".join(f"{line}{end}\n" for line in text.splitlines())


def no_header(text: str, end: str) -> str:
    head, _, body = text.partition("\n")
    return f"{head}\n{with_ends(body, end)}"


WAYS: dict[str, Callable[[Path], object]] = {
    "commas": lambda path: path.write_text(PLAIN),
    "semicolons": lambda path: FRAME.to_csv(path, sep=";", index=False),
    "semicolons and decimal commas": lambda path: FRAME.to_csv(path, sep=";", decimal=",", index=False),
    "quoted decimal commas": lambda path: FRAME.to_csv(path, decimal=",", index=False),
    "tabs": lambda path: FRAME.to_csv(path, sep="\t", index=False),
    "a mark of byte order": lambda path: path.write_text(PLAIN, encoding="utf-8-sig"),
    "separators at all ends": lambda path: path.write_text(with_ends(PLAIN, ",")),
    "separators at all ends but the header's": lambda path: path.write_text(no_header(PLAIN, ",")),
    "line ends of Windows": lambda path: path.write_bytes(PLAIN.replace("\n", "\r\n").encode()),
    "blank lines": lambda path: path.write_text("\n\n" + PLAIN.replace("\n", "\n\n")),
    "blanks around names": lambda path: path.write_text(PLAIN.replace("arch,valid,test", " arch , valid, test ")),
    "an index that numbers the rows": lambda path: FRAME.to_csv(path),
    "a column twice that nobody names": lambda path: FRAME.assign(other=1).rename(columns={"other": "note"}).to_csv(path),
}  # fmt: skip


def table(frame: pd.DataFrame) -> object:
    return table_from_frame(frame, "mine/three", arch=["arch"])


@pytest.mark.parametrize("way", WAYS)
def test_the_same_table_however_it_is_written(way: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    WAYS[way](path)
    assert table(read_frame(path, ["arch"])).sha256 == table(FRAME).sha256  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["t.parquet", "t.PARQUET", "t.pq", "t"])
@pytest.mark.parametrize("index", ["arch", None])
def test_parquet_by_any_name_and_with_an_index(name: str, index: str | None, tmp_path: Path) -> None:
    (FRAME.set_index(index) if index else FRAME).to_parquet(tmp_path / "x.parquet")
    path = (tmp_path / "x.parquet").rename(tmp_path / name)
    assert is_parquet(path)
    assert table(read_frame(path)).sha256 == table(FRAME).sha256  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["t.csv.gz", "t.csv.xz", "t.csv.zip"])
def test_compressed(name: str, tmp_path: Path) -> None:
    FRAME.to_csv(tmp_path / name, sep=";", index=False)
    pd.testing.assert_frame_equal(read_frame(tmp_path / name, ["arch"]), FRAME)


def test_numbers_are_read_exactly(tmp_path: Path) -> None:
    values = [0.1, 1 / 3, 93.123456789012345, 5e-324]
    (tmp_path / "t.csv").write_text("a;b\n" + "".join(f"{value!r};{value!r}%\n" for value in values))
    assert read_frame(tmp_path / "t.csv")["a"].tolist() == values


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1,5,2,5\n", "lines have more cells than the header, which names 2 columns"),
        ("a,b\n1,2,3\n", "lines have more cells than the header"),
        ("a,b\n1,2\n3,4,5\n", "cannot be read as CSV"),
        ("", "cannot be read as CSV"),
    ],
)
def test_cells_that_would_be_lost_are_refused(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(HarnessError, match=words) as refusal:
        read_frame(tmp_path / "t.csv")
    assert "\n" not in str(refusal.value)


def test_no_text_and_no_parquet(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"\xff\xfea\x00,\x00b\x00")
    with pytest.raises(HarnessError, match=r"t\.csv: cannot be read as CSV"):
        read_frame(tmp_path / "t.csv")
    (tmp_path / "t.PARQUET").write_bytes(b"a,b\n1,2\n")
    with pytest.raises(HarnessError, match=r"t\.PARQUET: cannot be read as Parquet"):
        read_frame(tmp_path / "t.PARQUET")
    with pytest.raises(HarnessError, match="no such file"):
        read_frame(tmp_path / "absent.csv")


COLUMNS = ("--space", "nas-bench-macro", "--arch", "arch", "--valid", "valid", "--test", "test")


@pytest.mark.parametrize("way", ["csv", "renamed", "parquet"])
def test_a_column_that_stands_twice_is_refused(
    way: str, tmp_path: Path, own_cache: Path, cli: Callable[..., object]
) -> None:
    path = tmp_path / f"t.{'parquet' if way == 'parquet' else 'csv'}"
    text = "arch,valid,test,valid\n00000000,70,71,72\n00000001,73,74,75\n"
    path.write_text(text if way == "csv" else text.replace("test,valid", "test,valid.1"))
    if way == "parquet":
        path.write_text(text)
        pd.read_csv(path).to_parquet(path)
    done = cli("import", path, "--name", "mine/two", *COLUMNS)
    assert done.code == 2  # type: ignore[attr-defined]
    assert done.err.count("\n") == 1  # type: ignore[attr-defined]
    assert "'valid' twice" in done.err if way == "csv" else "'valid' and 'valid.1'" in done.err  # type: ignore[attr-defined]
