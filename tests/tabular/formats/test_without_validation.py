"""Benchmarks that publish test values only: NAS-Bench-Macro and AnalogNAS-Bench, the real files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from harness.errors import HarnessError
from harness.tabular import store
from harness.tabular.catalogue import load_table
from harness.tabular.formats import analog
from harness.tabular.formats.macro import VERSION
from harness.tabular.importing import import_published
from harness.tabular.table import Table
from harness.testing import check_benchmark


@pytest.fixture
def macro(shared_file: Callable[[str], Path]) -> Path:
    return shared_file("nas_bench_macro/nas-bench-macro_cifar10.json")


def test_macro_needs_its_user_to_say_what_drives(macro: Path) -> None:
    with pytest.raises(
        HarnessError, match=r"no validation score; say with --valid what drives .* test_acc:1, test_acc:2"
    ):
        import_published(str(macro), progress=False)
    with pytest.raises(HarnessError, match=r"unknown column 'mean_acc'"):
        import_published(str(macro), valid="mean_acc", progress=False)
    with pytest.raises(HarnessError, match="both as validation and as test"):
        import_published(str(macro), valid="test_acc:1", test="test_acc:1", progress=False)
    with pytest.raises(HarnessError, match="--training-seed says nothing about this file"):
        import_published(str(macro), valid="test_acc:1", seed=1, progress=False)
    assert not list(store.stored_names())


@pytest.mark.parametrize("driving", [1, 2, 3])
def test_macro_is_driven_by_one_training_and_reported_by_the_others(macro: Path, driving: int) -> None:
    import_published(str(macro), valid=f"test_acc:{driving}", progress=False)
    table = load_table("nas-bench-macro/cifar10")
    check_benchmark(table)
    assert len(table) == 6561
    for text, record in json.loads(macro.read_text()).items():
        row = table.rows[table.space.index(table.space.parse(text))]
        accuracies = record["test_acc"]
        assert table.valid[row] == accuracies[driving - 1]
        assert table.test[row] == np.mean([a for i, a in enumerate(accuracies, start=1) if i != driving])
        assert (table.columns["params"][row], table.columns["flops"][row]) == (record["params"], record["flops"])
    assert len(table.caveats) == 1
    assert "No validation score is published" in table.caveats[0]
    assert "CIFAR-10's test set" in table.fidelity["valid"]
    assert (table.source["licence"], table.source["adapter"]) == ("Apache-2.0", VERSION)


def test_macro_reported_by_one_training(macro: Path) -> None:
    import_published(str(macro), valid="test_acc:3", test="test_acc:2", progress=False)
    table = load_table("nas-bench-macro/cifar10")
    record = json.loads(macro.read_text())["02012100"]
    row = table.rows[table.space.index((0, 2, 0, 1, 2, 1, 0, 0))]
    assert (table.valid[row], table.test[row]) == (record["test_acc"][2], record["test_acc"][1])


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('{"00000000": {"test_acc": [1, 2, 3], "params": 1', "cannot be read as JSON"),
        ('{"00000000": {"test_acc": [1, 2], "params": 1, "flops": 1}}', "2,.* accuracies instead of 3"),
        ('{"00000003": {"test_acc": [1, 2, 3], "params": 1, "flops": 1}}', "cannot read '00000003'"),
        ('{"00000000": {"test_acc": [1, 2, 3], "params": 1}}', "KeyError: 'flops'"),
        (
            '{"00000000": {"test_acc": [1, NaN, 3], "params": 1, "flops": 1}}',
            "test_acc has no finite number for 1 of 1 architectures, first 00000000",
        ),
        ('{"00000000": {"test_acc": [1, 2, 3], "params": Infinity, "flops": 1}}', "params has no finite number"),
        (
            '{"00000000": {"test_acc": [1, 2, 3]}, "00000000": {"test_acc": [4, 5, 6]}}',
            "'00000000' stands twice in one object",
        ),
    ],
)
def test_a_spoilt_macro_file_is_one_line(body: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "nas-bench-macro_cifar10.json"
    path.write_text(body)
    with pytest.raises(HarnessError, match=message) as refusal:
        import_published(str(path), valid="test_acc:1", progress=False)
    assert str(refusal.value).startswith(str(path)) or "space nas-bench-macro" in str(refusal.value)


@pytest.fixture
def analog_table() -> Table:
    try:
        analog.published_file()
    except HarnessError as error:
        pytest.skip(str(error))
    import_published(analog.PACKAGE, valid="baseline_accuracy", test="analog_accuracy", progress=False)
    return load_table("analog-nasbench/cifar10")


def test_analog_cells_are_those_of_nasbench201(analog_table: Table, accuracy_csv: Path) -> None:
    """The order of operations and edges is another one there; only the right reading agrees so well."""
    table = analog_table
    frame = pd.read_csv(accuracy_csv)
    rows = [table.rows[table.space.index(table.space.parse(text))] for text in frame["architecture"]]
    spearman = stats.spearmanr(table.valid[rows], frame["cifar10.test_accuracy@200"]).statistic
    assert spearman == pytest.approx(0.991, abs=0.0005)


def test_analog_values_are_those_of_the_file(analog_table: Table) -> None:
    from harness.tabular.pickles import read_pickle

    table = analog_table
    check_benchmark(table)
    records = read_pickle(analog.published_file(), analog.RECORDS)
    assert len(table) == len(records) == 15_625
    # (0, 1, 2, 3, 4, 0): skip on 0-1, none on 0-2, 3x3 on 0-3, 1x1 on 1-2, pooling on 1-3, skip on 2-3
    text = "|skip_connect~0|+|none~0|nor_conv_1x1~1|+|nor_conv_3x3~0|avg_pool_3x3~1|skip_connect~2|"
    row = table.rows[table.space.index(table.space.parse(text))]
    record = records[0, 1, 2, 3, 4, 0]
    assert (table.valid[row], table.test[row]) == (record.baseline_accuracy, record.analog_accuracy)
    assert table.columns["test_analog_drift_60"][row] == record.analog_drift_60.value
    assert "No validation score is published" in table.caveats[0]


def test_analog_shows_a_search_no_other_test_value(analog_table: Table) -> None:
    for name in analog_table.columns:
        if name != "valid":
            with pytest.raises(HarnessError, match="for the report only"):
                analog_table.visible((name,))
    with pytest.raises(HarnessError, match="say with --valid and --test"):
        import_published(analog.PACKAGE, progress=False)
