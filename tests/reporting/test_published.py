"""Published records: the file is valid, and nothing measured stands beside them."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import harness
from harness.errors import HarnessError
from harness.reporting import build_report
from harness.reporting.published import CLAIM, KINDS, UNITS, published, published_of, read_records

HEADER = "system,kind,data_set,space,quantity,value,unit,protocol,where,source\n"


def test_the_file_is_valid() -> None:
    records = published()
    assert len(records) > 100
    for record in records:
        assert record.kind in KINDS
        assert record.unit in UNITS
        assert re.fullmatch(r"[a-z0-9.]*", record.data_set)
        assert all(text == text.strip() for text in vars(record).values())
        if record.unit == "%":
            assert re.fullmatch(r"[\d.]+( ± [\d.]+)?( to [\d.]+)?( \((best )?[\d.]+( ± [\d.]+)?\))?", record.value), (
                record
            )


@pytest.mark.parametrize(
    ("system", "data_set", "quantity", "value"),
    [
        ("MiLeNAS (3.87 M)", "cifar10", "test error", "2.51 ± 0.11 (best 2.34)"),
        ("DARTS, second order", "cifar10", "test error", "2.76 ± 0.09"),
        ("EN²AS", "cifar10", "test error", "2.51"),
        ("MiLeNAS (5.3 M)", "imagenet", "top-1 error", "24.7"),
        ("random search", "cifar10", "test accuracy", "93.70 ± 0.36"),
        ("PC-DARTS", "imagenet", "search cost", "3.8"),
    ],
)
def test_known_numbers(system: str, data_set: str, quantity: str, value: str) -> None:
    (found,) = [one for one in published() if (one.system, one.data_set, one.quantity) == (system, data_set, quantity)]
    assert found.value == value


def test_what_papers_state_without_a_number_stands_in_words() -> None:
    claims = [record for record in published() if record.quantity == CLAIM]
    assert {record.system for record in claims} >= {"FBNetV3", "InstaTune", "VanillaNet"}
    assert all(record.value[0].islower() and not record.data_set for record in claims)  # of no data set: in no report


def test_what_is_no_architecture_search_stays_out_of_reports() -> None:
    assert {record.system for record in published() if record.kind == "not-NAS"} == {"SN40L", "ZeRO-Infinity"}
    assert not any(record.kind == "not-NAS" for record in published_of("", ""))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("A,search,cifar10,,error,2.5,%,,table 1", "line 2: 9 values instead of 10"),
        ("A,search,cifar10,,error,2.5,%,,table 1,", "line 2: source is empty"),
        ("A,found,cifar10,,error,2.5,%,,table 1,B", "line 2: unknown kind 'found'"),
        ("A,search,cifar10,,error,2.5,percent,,table 1,B", "line 2: unknown unit 'percent'"),
        ("A,search,cifar10,,error,good,%,,table 1,B", "line 2: value 'good' has no number in it"),
        ("A,search,,,claim,better,%,,abstract,B", "line 2: a claim has no unit, not '%'"),
        ("A,search,c,,error,2,%,,t,B\nA,search,c,,error,2,%,,t,B", "line 3: A, error stands there twice"),
    ],
)
def test_lines_that_are_no_records_are_refused(line: str, words: str) -> None:
    with pytest.raises(HarnessError, match=words):
        read_records(io.StringIO(HEADER + line), "file")
    with pytest.raises(HarnessError, match="wanted the columns system, kind"):
        read_records(io.StringIO(line), "file")


def test_they_are_listed(cli: Callable[..., Any]) -> None:
    assert len(json.loads(cli("ls", "published", "--json").out)) == len(published())
    lines = cli("ls", "published").out.splitlines()
    assert len(lines) == len(published()) + 1
    assert lines[0].startswith("system")


def test_a_report_has_those_of_its_data_sets_in_a_table_of_their_own(tmp_path: Path, registries: None) -> None:
    import pandas as pd

    frame = pd.DataFrame({"x": range(12), "valid": range(50, 62), "test": [49.5 + 3 * (n % 5) for n in range(12)]})
    table = harness.table_from_frame(frame, "mine/cifar10", arch=["x"])
    harness.register_benchmark("mine/cifar10")(lambda: table)
    suite = {"seeds": "0:3", "budgets": {"evaluations": 4}, "methods": [{"name": "random"}, {"name": "local-search"}]}
    harness.run(suite | {"benchmarks": ["mine/cifar10"]}, tmp_path / "on", backend="sequential")
    folder = build_report(tmp_path / "on").folder
    with (folder / "tables" / "published.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["data_set"] for row in rows} == {"cifar10"}
    assert {row["space"] for row in rows} == {""}  # NAS-Bench-201's own numbers are of its space only
    for other in (folder / "tables").glob("*.csv"):
        if other.name != "published.csv":
            assert "MiLeNAS" not in other.read_text()
    harness.run(suite | {"benchmarks": ["nasbench-graph/cora"]}, tmp_path / "off", backend="sequential")
    assert not (build_report(tmp_path / "off").folder / "tables" / "published.csv").exists()
