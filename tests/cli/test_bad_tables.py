"""Every wrong, damaged or malicious table and result ends in one line, exit code 2, and an output folder as it was."""

from __future__ import annotations

import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.tabular import nasbench_graph, store
from harness.tabular.catalogue import load_table

CSV = """architecture,valid,test,latency
|none~0|+|none~0|none~1|+|none~0|none~1|none~2|,10.5,10.25,1
|avg_pool_3x3~0|+|none~0|none~1|+|none~0|none~1|none~2|,50.5,51.5,2
|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|skip_connect~2|,90.5,91.5,3
"""


IMPORT = "import table.csv --name mine/table --space nasbench201 --arch architecture --valid valid --test test"


# What is wrong -> (text of the CSV to replace, its replacement, further arguments, what the message must say).
TABLES: dict[str, tuple[str, str, str, str]] = {
    "missing column": ("valid,test", "val,test", "", "unknown column 'valid'; did you mean 'val'"),
    "duplicate architecture": ("|avg_pool_3x3~0|", "|none~0|", "", "stands in rows 1 and 2"),
    "NaN": ("50.5", "nan", "", "column 'valid' has no finite number in 1 row(s), first in row 2"),
    "empty cell": ("50.5", "", "", "column 'valid' has no finite number in 1 row(s), first in row 2"),
    "word in a cell": ("50.5", "good", "", "first in row 2: 'good'"),
    "unparsable architecture": ("avg_pool_3x3~0", "max_pool_3x3~0", "", "row 2: space nasbench201: cannot read"),
    "missing architecture": (
        "|avg_pool_3x3~0|+|none~0|none~1|+|none~0|none~1|none~2|",
        "",
        "",
        "names no architecture in 1 row(s), first in row 2",
    ),
    "percent and fraction": ("50.5", "0.505", "", "mixes percent and fraction: 0.505 in row 2"),
    "columns in two units": ("10.25,1\n", "0.1025,1\n", "", "percent and fraction"),
    "stated unit": ("", "", "--unit fraction", "stated as fraction, but the values look like percent"),
    "unknown unit": ("", "", "--unit percents", "unknown unit 'percents'; did you mean 'percent'"),
    "unknown direction": ("", "", "--direction maximum", "unknown direction 'maximum'"),
    "unknown space": ("", "", "--space nasbench-201", "unknown space 'nasbench-201'; did you mean 'nasbench201'"),
    "another space": ("", "", "--space nasbench-graph", "row 1: space nasbench-graph: cannot read"),
    "validation is test": ("", "", "--valid test", "named both as validation and as test"),
    "test as extra": ("", "", "--extra hint=test", "is for the report only"),
    "extra without name": ("", "", "--extra latency", "wanted NAME=COLUMN"),
    "missing extra": ("", "", "--extra speed=latncy", "did you mean 'latency'"),
    "zero weights": ("91.5,3", "91.5,0", "--weights latency", "weights must be above 0"),
    "unusable name": ("", "", "--name ../table", "benchmark name '../table'"),
    "packaged name": ("", "", "--name nasbench-graph/cora", "belongs to a packaged benchmark"),
    "no row": (CSV[CSV.index("\n") + 1 :], "", "", "there is no row in it"),
    "empty file": (CSV, "", "", "cannot be read as CSV"),
    "ragged lines": ("91.5,3", "91.5,3,4,5,6", "", "cannot be read as CSV"),
    "not text": ("50.5", "\udcff\udcfe", "", "table.csv"),
    "missing file": ("", "", "absent.csv", "absent.csv"),
}


@pytest.mark.parametrize("wrong", TABLES)
def test_bad_tables(wrong: str, refused: Callable[[str, str], None], folder: Path, own_cache: Path) -> None:
    old, new, arguments, message = TABLES[wrong]
    assert old in CSV
    (folder / "table.csv").write_bytes((CSV.replace(old, new, 1) if old else CSV).encode("utf-8", "surrogateescape"))
    command = IMPORT.replace("table.csv", arguments) if wrong == "missing file" else f"{IMPORT} {arguments}"
    refused(command, message)


def test_an_import_does_not_replace_silently(
    refused: Callable[[str, str], None], folder: Path, own_cache: Path, cli: Callable[..., Any]
) -> None:
    (folder / "table.csv").write_text(CSV)
    assert cli(*IMPORT.split()).code == 0
    assert cli(*IMPORT.split()).code == 0  # the same again
    (folder / "table.csv").write_text(CSV.replace("50.5", "50.25"))
    refused(IMPORT, "exists with other content; choose another name, or pass --replace")
    assert cli(*IMPORT.split(), "--replace").code == 0
    assert load_table("mine/table").valid[1] == 50.25


@pytest.mark.parametrize("file", ["column-valid.npy", "column-test.npy", "rows.npy", "card.json"])
@pytest.mark.parametrize("damage", ["cut short", "a bit"])
@pytest.mark.parametrize(
    "command", ["run --benchmark mine/table --method random -o OUT", "doctor --benchmark mine/table"]
)
def test_a_tampered_table(
    file: str,
    damage: str,
    command: str,
    refused: Callable[[str, str], None],
    folder: Path,
    own_cache: Path,
    cli: Callable[..., Any],
) -> None:
    (folder / "table.csv").write_text(CSV)
    assert cli(*IMPORT.split()).code == 0
    path = store.store_root() / "mine/table" / file
    content = path.read_bytes()
    path.write_bytes(content[:-7] if damage == "cut short" else content[:-9] + bytes([content[-9] ^ 4]) + content[-8:])
    load_table.cache_clear()
    refused(command, "mine/table")


class Payload:
    def __reduce__(self) -> Any:
        return os.system, ("touch executed",)


@pytest.mark.parametrize("content", [pickle.dumps(Payload()), pickle.dumps({1: {"perf": Payload()}}), b"", b"\x80\x05"])
def test_a_malicious_or_damaged_package_file(
    content: bytes, refused: Callable[[str, str], None], folder: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "cora.bench").write_bytes(content)
    monkeypatch.setattr(nasbench_graph, "_published_file", lambda dataset: folder / "cora.bench")
    refused("run --benchmark nasbench-graph/cora --method random -o OUT", "refused to read this pickle")
    assert not (folder / "executed").exists()


@pytest.mark.parametrize("file", ["records.parquet", "traces.parquet"])
@pytest.mark.parametrize("damage", ["cut short", "empty", "another table", "missing"])
def test_damaged_results(
    file: str, damage: str, cli: Callable[..., Any], finished: Path, folder: Path, snapshot: Any
) -> None:
    import pandas as pd

    output = folder / "out"
    shutil.copytree(finished, output)
    path = output / file
    if damage == "missing":
        if file == "records.parquet":
            pytest.skip("then nothing is finished, and all is run")
        path.unlink()
    elif damage == "another table":
        pd.DataFrame({"a": [1]}).to_parquet(path)
    else:
        path.write_bytes(path.read_bytes()[:-30] if damage == "cut short" else b"")
    before = snapshot(output)
    for command in (["run", "suite.toml", "-o", "out"], ["report", "out"], ["plan", "suite.toml", "-o", "out"]):
        outcome = cli(*command)
        assert outcome.code == 2, command
        assert outcome.err.count("\n") == 1, outcome.err
        assert "out" in outcome.err
        assert snapshot(output) == before
