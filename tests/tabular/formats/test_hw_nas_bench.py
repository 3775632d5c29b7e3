"""HW-NAS-Bench: a small file in that format joins the accuracy tables by cell."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.errors import HarnessError
from harness.tabular import store
from harness.tabular.catalogue import load_table
from harness.tabular.importing import import_file, import_published

METRICS = ("edgegpu_latency", "edgegpu_energy", "raspi4_latency", "fpga_energy")


def published(texts: list[str]) -> dict[str, object]:
    """Costs that tell cell, metric and data set: cell index + 100,000 times the metric + a million times the data set."""
    parts: dict[str, object] = {}
    for place, dataset in enumerate(("cifar10", "cifar100", "ImageNet16-120")):
        part: dict[str, object] = {"config": [{"name": "infer.tiny", "arch_str": text} for text in texts]}
        for number, metric in enumerate(METRICS):
            values = np.arange(len(texts)) + 1e5 * number + 1e6 * place
            part[metric] = values if number % 2 else [np.float64(value) for value in values]
        parts[dataset] = part
    return {"nasbench201": parts, "fbnet": {"edgegpu_latency": {"k3_e1": 1.0}}}


@pytest.fixture
def texts(accuracy_csv: Path) -> list[str]:
    found: list[str] = pd.read_csv(accuracy_csv)["architecture"].tolist()
    return found


def write(content: object, tmp_path: Path, protocol: int = 4) -> Path:
    path = tmp_path / "HW-NAS-Bench-v1_0.pickle"
    path.write_bytes(pickle.dumps(content, protocol))
    return path


@pytest.mark.parametrize("protocol", [2, 4])
def test_costs_join_by_cell(
    protocol: int, texts: list[str], topology: Path, accuracy_csv: Path, tmp_path: Path
) -> None:
    columns = {"arch": "architecture", "valid": "cifar10.valid_accuracy@12", "test": "cifar10.test_accuracy@200"}
    import_file(str(accuracy_csv), "mine/cifar10", "nasbench201", **columns)
    import_published(str(topology), progress=False)
    before = load_table("mine/cifar10")
    names = import_published(str(write(published(texts), tmp_path, protocol)), progress=False)
    assert names == [f"{name}+hw" for name in sorted(set(store.stored_names()) - set(names))]

    whole = load_table("mine/cifar10+hw")
    order = [whole.rows[whole.space.index(whole.space.parse(text))] for text in texts]
    np.testing.assert_array_equal(whole.columns["edgegpu_latency"][order], np.arange(15_625))
    np.testing.assert_array_equal(whole.columns["fpga_energy"][order], np.arange(15_625) + 3e5)
    np.testing.assert_array_equal(whole.valid, before.valid)
    np.testing.assert_array_equal(whole.test, before.test)
    assert whole.visible(("edgegpu_latency",))
    assert whole.source["joined"]["licence"] == "MIT"
    assert whole.source["benchmark_sha256"] == before.sha256

    three = load_table("nats-tss/ImageNet16-120@12+hw")
    cells = [three.rows[three.space.index(three.space.parse(texts[index]))] for index in (0, 11, 284)]
    assert three.columns["raspi4_latency"][cells].tolist() == [2e6 + 2e5 + index for index in (0, 11, 284)]
    assert "train_loss" in three.curves
    again = import_published(str(tmp_path / "HW-NAS-Bench-v1_0.pickle"), progress=False)
    assert again == names  # what is joined already is not joined again


def test_faults_are_one_line(texts: list[str], topology: Path, tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="latency and energy only; import NAS-Bench-201 or NATS-Bench's topology"):
        import_published(str(write(published(texts), tmp_path)), progress=False)
    import_published(str(topology), progress=False)
    content = published(texts)
    content["nasbench201"]["cifar10"]["fpga_energy"][3] = np.nan  # type: ignore[index]
    with pytest.raises(HarnessError, match="fpga_energy of cifar10 have values missing"):
        import_published(str(write(content, tmp_path)), progress=False)
    with pytest.raises(HarnessError, match=r"v1_0\.pickle: architecture .* stands in rows 8 and 15625"):
        import_published(str(write(published([*texts[:-1], texts[7]]), tmp_path)), progress=False)
    with pytest.raises(HarnessError, match="it lacks 2 cells of nats-tss/"):
        import_published(str(write(published(texts[:1]), tmp_path)), progress=False)
    with pytest.raises(HarnessError, match="no part 'nasbench201'"):
        import_published(str(write({"fbnet": {}}, tmp_path)), progress=False)
