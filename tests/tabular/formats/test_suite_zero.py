"""NAS-Bench-Suite-Zero's form: real scores of 724 cells, written as that file has them, join benchmarks by cell."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.errors import HarnessError
from harness.spaces.named import make_space
from harness.tabular.catalogue import load_table, save_benchmark
from harness.tabular.frame import table_from_frame
from harness.tabular.importing import import_published

PROXIES = ("synflow", "nwot", "grasp", "params", "flops")
# The order of NASLib: operations 0 skip, 1 none, 2 conv 3x3, 3 conv 1x1, 4 pool; edges 01, 02, 03, 12, 13, 23.
OPERATIONS = ("skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3")


def key(text: str) -> str:
    """How NASLib names a cell, from its text ``|op~0|+|op~0|op~1|+|op~0|op~1|op~2|``: edges by target, then by source."""
    operations = [part.split("~")[0] for node in text.split("+") for part in node.strip("|").split("|")]
    edge = dict(zip([(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)], operations, strict=True))
    return str(tuple(OPERATIONS.index(edge[pair]) for pair in [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]))


@pytest.fixture
def scores(shared: Callable[[str], Path]) -> pd.DataFrame:
    return pd.read_csv(shared("zero_cost/nasbench201_zero_cost.csv.gz"))


@pytest.fixture
def content(scores: pd.DataFrame) -> dict[str, Any]:
    return {
        dataset: {
            key(row["architecture"]): {
                name: {"score": row[name], "time": 0.5 + place} for place, name in enumerate(PROXIES)
            }
            | {"val_accuracy": row["valid_accuracy@200"]}
            for _, row in rows.iterrows()
        }
        for dataset, rows in scores.groupby("dataset")
    }


@pytest.fixture
def stored(scores: pd.DataFrame, shared: Callable[[str], Path], own_cache: Path) -> pd.DataFrame:
    """Stores the benchmark mine/cifar10 of the cells that have scores, in another order; returns these."""
    rows = scores.query("dataset == 'cifar10'").merge(pd.read_csv(shared("nasbench201/accuracy.csv.gz")))
    rows = rows.sample(frac=1, random_state=0)
    columns = {"valid": "valid_accuracy@200", "test": "cifar10.test_accuracy@200", "extra": {"params": "flops"}}
    frame = rows.drop(columns=["params"])
    save_benchmark(table_from_frame(frame, "mine/cifar10", make_space("nasbench201"), **columns))  # type: ignore[arg-type]
    return rows


def write(content: Any, folder: Path, name: str = "whatever.json") -> str:
    (folder / name).write_text(json.dumps(content))
    return str(folder / name)


def test_scores_join_by_cell(stored: pd.DataFrame, content: dict[str, Any], tmp_path: Path) -> None:
    content["cifar10"][key(stored["architecture"].iloc[3])]["grasp"]["score"] = float("nan")
    assert import_published(write(content, tmp_path), progress=False) == ["mine/cifar10+zc"]
    before, table = load_table("mine/cifar10"), load_table("mine/cifar10+zc")
    rows = [int(table.rows[table.space.index(table.space.parse(text))]) for text in stored["architecture"]]
    np.testing.assert_array_equal(table.columns["synflow"][rows], stored["synflow"])
    np.testing.assert_array_equal(table.columns["nwot"][rows], stored["nwot"])
    assert np.flatnonzero(np.isnan(table.columns["grasp"])).tolist() == [rows[3]]
    np.testing.assert_array_equal(table.columns["params"], before.columns["params"])  # the table's own stay
    assert table.statistics == {"synflow": 0.5, "nwot": 1.5, "grasp": 2.5, "flops": 4.5}
    assert np.array_equal(table.valid, before.valid)
    assert table.source["benchmark_sha256"] == before.sha256
    assert import_published(str(tmp_path / "whatever.json"), progress=False) == ["mine/cifar10+zc"]


def test_faults_are_one_line(stored: pd.DataFrame, content: dict[str, Any], tmp_path: Path) -> None:
    first = next(iter(content["cifar10"]))
    for change, why in (
        (lambda part: part.pop(first), r"lacks 1 cells of mine/cifar10, first \|"),
        (lambda part: part[first].pop("nwot"), "cifar10: not as published for NAS-Bench-201 .KeyError: 'nwot'"),
        (
            lambda part: part.update({"(9, 0, 0, 0, 0, 0)": part[first]}),
            "not as published for NAS-Bench-201 .HarnessError: op_indices: operation 9",
        ),
        (
            lambda part: part.update({"(0, 1)": part[first]}),
            "not as published for NAS-Bench-201 .HarnessError: op_indices: wanted 6 operations, not 2",
        ),
        (
            lambda part: [row.update(nwot={"score": None}) for row in part.values()],
            "cifar10: nwot has no number at all",
        ),
    ):
        wrong = json.loads(json.dumps(content))
        change(wrong["cifar10"])
        with pytest.raises(HarnessError, match=why):
            import_published(write(wrong, tmp_path), progress=False)
    with pytest.raises(HarnessError, match="none of these is a data set of mine/cifar10"):
        import_published(write({"svhn": content["cifar10"]}, tmp_path), progress=False)
    with pytest.raises(HarnessError, match="--valid says nothing about this file"):
        import_published(write(content, tmp_path), valid="val_accuracy", progress=False)
    with pytest.raises(HarnessError, match="not recognised as a published benchmark"):
        import_published(write({"cifar10": {"a": {"score": 1}}}, tmp_path), progress=False)
    text = json.dumps(content)
    (tmp_path / "cut.json").write_text(text[: len(text) // 2])
    with pytest.raises(HarnessError, match=r"cut.json: cannot be read as JSON: .*; fetch zc_nasbench201.json again"):
        import_published(str(tmp_path / "cut.json"), progress=False)


def test_without_a_benchmark_to_join(content: dict[str, Any], own_cache: Path, tmp_path: Path) -> None:
    with pytest.raises(
        HarnessError, match="zero-cost scores only; import NAS-Bench-201 or NATS-Bench's topology space"
    ):
        import_published(write(content, tmp_path), progress=False)
