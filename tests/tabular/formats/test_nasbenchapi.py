"""Light pickles of the package nasbenchapi, in the form that its reader expects."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.tabular.catalogue import load_table
from harness.tabular.formats import nasbenchapi
from harness.tabular.importing import import_published

from .test_nasbench101 import CELLS, LENGTHS, record, value
from .test_nasbench201 import published, save


def entry(cell: int, epochs: int, training: int) -> dict[str, Any]:
    adjacency, operations = CELLS[cell]
    numbers = {name: value(cell, epochs, training, field) for name, field in
               (("train_accuracy", 3), ("validation_accuracy", 4), ("test_accuracy", 5), ("training_time", 2))}  # fmt: skip
    derived = numbers | {"trainable_parameters": 1000 + cell}
    return {
        "epoch": epochs,
        "adjacency_str": adjacency,
        "operations_str": operations,
        "metrics_b64": "",
        "derived": derived,
    }


def nasbench101(*, whole: bool = True) -> dict[str, Any]:
    every = {f"hash{c}": [entry(c, e, t) for e in LENGTHS for t in range(3)] for c in range(len(CELLS))}
    latest = {key: records[-1] for key, records in every.items()}
    content: dict[str, Any] = {"benchmark": "nasbench101", "format": "lossless"}
    return content | ({"entries_by_arch": every} if whole else {}) | {"latest_by_arch": latest, "num_records": 48}


def dump(content: object, path: Path) -> Path:
    path.write_bytes(pickle.dumps(content, protocol=pickle.HIGHEST_PROTOCOL))
    return path


def test_nasbench101_is_that_of_the_published_file(tmp_path: Path) -> None:
    import struct

    from .test_nasbench101 import bitwise_crc

    names = import_published(str(dump(nasbench101(), tmp_path / "nb101.pkl")), progress=False)
    packed = {name: load_table(name) for name in names}
    parts = [record(c, e, t) for c in range(len(CELLS)) for e in LENGTHS for t in range(3)]
    lengths = [struct.pack("<Q", len(part)) for part in parts]
    content = b"".join(
        head + struct.pack("<I", bitwise_crc(head)) + part + struct.pack("<I", bitwise_crc(part))
        for head, part in zip(lengths, parts, strict=True)
    )
    (tmp_path / "nasbench_full.tfrecord").write_bytes(content)
    assert import_published(str(tmp_path / "nasbench_full.tfrecord"), replace=True, progress=False) == names
    for name in names:
        table = load_table(name)
        assert sorted(table.columns) == sorted(packed[name].columns)
        for column in table.columns:
            np.testing.assert_allclose(table.column(column), packed[name].column(column))


def test_the_mean_of_the_longest_trainings_alone(tmp_path: Path) -> None:
    names = import_published(str(dump(nasbench101(whole=False), tmp_path / "small.pickle")), progress=False)
    assert names == ["nasbench101/cifar10@108"]
    assert load_table(names[0]).test[0] == pytest.approx(value(0, 108, 2, 5))


@pytest.mark.torch
def test_nasbench201_is_that_of_the_published_file(topology: Path, accuracy_csv: Path, tmp_path: Path) -> None:
    content = published(3, topology, accuracy_csv)
    names = import_published(str(save(content, tmp_path / "NAS-Bench-201-v1_1-096897.pth", "legacy")), progress=False)
    official = {name: load_table(name) for name in names}
    path = dump(content, tmp_path / "nb201.pkl")
    assert import_published(str(path), replace=True, progress=False) == names
    for name in names:
        np.testing.assert_array_equal(load_table(name).test, official[name].test)
        np.testing.assert_array_equal(load_table(name).valid, official[name].valid)


def test_nasbench301_is_recognised_and_refused(tmp_path: Path) -> None:
    entries = [{"path": "a.json", "parsed": {"test_accuracy": 93.0, "learning_curves": {"Train/val_accuracy": [1.0]}}}]
    path = dump({"num_files": 1, "entries": entries}, tmp_path / "nb301.pkl")
    with pytest.raises(HarnessError, match=r"a sample of some 10\^18 architectures"):
        import_published(str(path), progress=False)


class Evil:
    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("touch harmed",)


@pytest.mark.parametrize("key", ["entries_by_arch", "arch2infos"])
def test_code_is_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(HarnessError, match="refused"):
        import_published(str(dump({key: {0: Evil()}}, tmp_path / "evil.pkl")), progress=False)
    assert not (tmp_path / "harmed").exists()


def test_its_own_bound_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The published pickle of NAS-Bench-101 has more bytes than any other that is read at once."""
    assert nasbenchapi.LARGEST > 2.2e9
    monkeypatch.setattr(nasbenchapi, "LARGEST", 1000)
    with pytest.raises(HarnessError, match="refused to read this pickle"):
        import_published(str(dump(nasbench101(), tmp_path / "nb101.pkl")), progress=False)


def test_another_form_is_said(tmp_path: Path) -> None:
    content = nasbench101()
    del content["entries_by_arch"]["hash1"][0]["derived"]["test_accuracy"]
    with pytest.raises(
        HarnessError, match=r"entry 'hash1' is not as the package reads it \(KeyError\('test_accuracy'\)\)"
    ):
        import_published(str(dump(content, tmp_path / "odd.pkl")), progress=False)
