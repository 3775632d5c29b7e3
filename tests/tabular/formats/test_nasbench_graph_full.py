"""NAS-Bench-Graph's complete files: a small one in that format, with real final values."""

from __future__ import annotations

import pickle
from pathlib import Path

import nas_bench_graph
import numpy as np
import pytest

from harness.errors import HarnessError
from harness.tabular.catalogue import load_table
from harness.tabular.importing import import_published
from harness.tabular.table import is_report_only
from harness.testing import check_benchmark

EPOCHS = 8


def published(dataset: str, count: int) -> dict[int, dict[str, object]]:
    """Real performances at the end of made-up courses, as info['dur'][epoch] has them."""
    rng = np.random.default_rng(0)
    found = {}
    for key, info in list(nas_bench_graph.light_read(dataset).items())[:count]:
        losses = np.sort(rng.random((3, EPOCHS)))[:, ::-1]
        rise = np.linspace(0.2, 1, EPOCHS)
        course = [
            [0.9 * r, info["valid_perf"] * r, info["perf"] * r, *losses[:, epoch].tolist(), 0.5]
            for epoch, r in enumerate(rise)
        ]
        found[key] = {"dur": course, **info}
    return found


@pytest.mark.parametrize("dataset", ["cora", "proteins"])
def test_every_epoch_of_every_number_is_where_it_was(dataset: str, tmp_path: Path) -> None:
    content = published(dataset, 300)
    path = tmp_path / f"{dataset}1.bench"
    path.write_bytes(pickle.dumps(content))
    assert nas_bench_graph.light_read(dataset).keys() >= content.keys()
    assert import_published(str(path), progress=False) == [f"nasbench-graph-full/{dataset}+seed1"]
    table = load_table(f"nasbench-graph-full/{dataset}+seed1")
    check_benchmark(table)
    assert len(table) == 300
    for key, info in content.items():
        row = table.rows[table.space.index(table.space.from_hash(key))]  # type: ignore[attr-defined]
        assert table.valid[row] == info["valid_perf"]
        assert table.test[row] == info["perf"]
        assert table.columns["latency"][row] == info["latency"]
        for place, name in enumerate(("train_performance", "valid", "test", "train_loss", "valid_loss", "test_loss")):
            course = [epoch[place] for epoch in info["dur"]]  # type: ignore[index, attr-defined]
            assert table.curves[name][row].tolist() == course
            assert table.columns[name][row] == course[-1]
            assert is_report_only(name) == ("test" in name)


def test_trainings_of_different_length_end_where_they_end(tmp_path: Path) -> None:
    content = published("cora", 600)
    cut = sorted(content)[7]
    content[cut]["dur"] = content[cut]["dur"][:5]  # type: ignore[index]
    path = tmp_path / "cora0.bench"
    path.write_bytes(pickle.dumps(content))
    import_published(str(path), progress=False)
    table = load_table("nasbench-graph-full/cora+seed0")
    assert np.isnan(table.curves["valid"][7, 5:]).all()
    assert table.valid[7] == table.curves["valid"][7, 4] == content[cut]["dur"][4][1]  # type: ignore[index]
    assert np.isfinite(table.curves["valid"]).sum() == 600 * EPOCHS - 3
    assert "5 to 8 epochs" in table.fidelity["valid"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({7: {"perf": 1.0}}, "architecture 7 is not as published .KeyError: 'dur'"),
        ({7: {"dur": [[1, 2, 3]]}}, "epochs of shape"),
        ([1, 2], "it is no dictionary"),
        ({}, "there is no architecture"),
    ],
)
def test_a_spoilt_file_is_one_line(content: object, message: str, tmp_path: Path) -> None:
    path = tmp_path / "cora0.bench"
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(HarnessError, match=message) as refusal:
        import_published(str(path), progress=False)
    assert "\n" not in str(refusal.value)
