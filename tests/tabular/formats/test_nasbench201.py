"""NAS-Bench-201: files in the published format, written through the package's own classes with real numbers."""

from __future__ import annotations

import copy
import gc
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.errors import HarnessError
from harness.tabular import store
from harness.tabular.catalogue import load_table
from harness.tabular.formats import nasbench201
from harness.tabular.formats.nasbench201 import FAMILY
from harness.tabular.importing import import_published
from harness.tabular.pickles import read_pickle
from harness.testing import check_benchmark

pytestmark = pytest.mark.torch

CURVES = (0, 11, 284)  # cells whose real curves the others borrow; last accuracies are their own


def published(
    count: int, topology: Path, accuracy_csv: Path, seeds: tuple[int, ...] = (777, 888, 999)
) -> dict[str, Any]:
    """What the published file holds, of so many cells, made by the package's classes."""
    utils = pytest.importorskip("nas_201_api.api_utils")
    accuracy = pd.read_csv(accuracy_csv)
    real = [read_pickle(topology / f"{index:06d}.pickle.pbz2") for index in CURVES]
    infos = {}
    for index in range(count):
        text, info = accuracy["architecture"][index], {}
        for published_as, recipe in (("full", "200"), ("less", "12")):
            results = utils.ArchResults(index, text)
            for (dataset, seed), run in real[index % 3][recipe]["all_results"].items():
                if recipe == "200" and (seed not in seeds or (seed == 999 and index % 2)):
                    continue  # 999 is missing for about half
                run = copy.deepcopy(run)
                for column, split in (("valid_accuracy@12", "x-valid@11"), ("test_accuracy@200", "-test@199")):
                    key = next((key for key in run["eval_acc1es"] if key.endswith(split)), None)
                    if key and f"{dataset.removesuffix('-valid')}.{column}" in accuracy:
                        run["eval_acc1es"][key] = float(accuracy[f"{dataset.removesuffix('-valid')}.{column}"][index])
                count_of = utils.ResultsCount(
                    dataset, None, run["train_acc1es"], run["train_losses"], np.float64(run["params"]), run["flop"],
                    {**run["arch_config"], "arch_str": text}, seed, int(recipe), [np.float64(run["latency"][0])],
                )  # fmt: skip
                count_of.update_train_info(run["train_acc1es"], None, run["train_losses"], run["train_times"])
                count_of.eval_names = list(run["eval_names"])
                count_of.eval_acc1es, count_of.eval_losses = run["eval_acc1es"], run["eval_losses"]
                count_of.eval_times = run["eval_times"]
                results.update(dataset, seed, count_of)
            results.clear_params()
            info[published_as] = results.state_dict()
        infos[index] = info
    archs = accuracy["architecture"].tolist()
    return {"meta_archs": archs, "total_archs": 15625, "arch2infos": infos, "evaluated_indexes": list(range(count))}


def save(content: dict[str, Any], path: Path, layout: str) -> Path:
    torch = pytest.importorskip("torch")
    torch.save(content, path, _use_new_zipfile_serialization=layout == "zip")
    if layout == "old numpy":
        path.write_bytes(path.read_bytes().replace(b"cnumpy._core.", b"cnumpy.core."))
    return path


@pytest.mark.parametrize(
    ("layout", "count"),
    [("zip", 2), ("legacy", 4), ("old numpy", 2), pytest.param("legacy", 250, marks=pytest.mark.slow)],
)
def test_everything_equals_the_package(
    layout: str,
    count: int,
    topology: Path,
    accuracy_csv: Path,
    tmp_path: Path,
    compare_everything: Callable[..., int],
    compare_tables: Callable[..., None],
) -> None:
    seeds = (777, 888, 999) if count < 100 else (777, 999)
    content = published(count, topology, accuracy_csv, seeds)
    path = save(content, tmp_path / "NAS-Bench-201-v1_1-096897.pth", layout)
    names = import_published(str(path), progress=False)
    assert names == [f"nasbench201/{d}@{r}" for d, r in itertools.product(nasbench201_datasets(), FAMILY.recipes)]

    import nas_201_api
    import torch

    api = nas_201_api.NASBench201API(torch.load(path, weights_only=False), verbose=False)
    cells = range(count) if count < 100 else range(0, count, 25)
    texts = {index: content["meta_archs"][index] for index in cells}
    compare_tables(api, names, texts, FAMILY.recipes, None)
    for index in cells:
        states = {"12": content["arch2infos"][index]["less"], "200": content["arch2infos"][index]["full"]}
        assert compare_everything(api, index, states, FAMILY.recipes, 50) > 300
    compare_tables(api, import_published(str(path), seed=777, progress=False), texts, FAMILY.recipes, 777)
    for name in names:
        check_benchmark(load_table(name))
        assert len(load_table(name)) == count


def nasbench201_datasets() -> list[str]:
    return ["cifar10-valid", "cifar10", "cifar100", "ImageNet16-120"]


def test_missing_seeds_are_counted_and_left_out(topology: Path, accuracy_csv: Path, tmp_path: Path) -> None:
    path = save(published(5, topology, accuracy_csv), tmp_path / "NAS-Bench-201-v1_1-096897.pth", "legacy")
    import_published(str(path), progress=False)
    table = load_table("nasbench201/cifar10@12")
    order = [
        table.rows[table.space.index(table.space.parse(text))] for text in pd.read_csv(accuracy_csv)["architecture"][:5]
    ]
    assert table.columns["test_seeds"][order].tolist() == [3, 2, 3, 2, 3]
    assert table.columns["valid_seeds"].tolist() == [2] * 5
    assert table.source["training_seeds"] == {"valid": {"111": 5, "777": 5}, "test": {"777": 5, "888": 5, "999": 3}}
    import_published(str(path), seed=999, progress=False)
    alone = load_table("nasbench201/cifar10@200+seed999")
    assert len(alone) == 3  # those that have no such training have no row, whatever another seed says
    assert alone.source["rows_left_out"] == 2
    assert (alone.rows >= 0).sum() == 3


def test_reading_imports_no_torch(topology: Path, accuracy_csv: Path, tmp_path: Path) -> None:
    import subprocess
    import sys

    path = save(published(1, topology, accuracy_csv), tmp_path / "NAS-Bench-201-v1_1-096897.pth", "legacy")
    code = (
        "import sys; from harness.tabular.importing import import_published; "
        f"print(len(import_published({str(path)!r}, progress=False)), 'torch' in sys.modules)"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "8 False\n"
    )


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(topology: Path, accuracy_csv: Path, tmp_path: Path) -> None:
    """Reading item by item keeps some kilobytes a cell, where the objects of a cell take 2 MB."""
    import tracemalloc

    path = save(published(120, topology, accuracy_csv), tmp_path / "NAS-Bench-201-v1_1-096897.pth", "legacy")
    from harness.tabular.pickles import LARGEST_STREAM, load_items
    from harness.tabular.torch_files import open_torch

    held: list[int] = []
    tracemalloc.start()
    with open_torch(path, LARGEST_STREAM) as stream:
        load_items(stream, "arch2infos", lambda index, states: held.append(tracemalloc.get_traced_memory()[0]))
    tracemalloc.stop()
    gc.collect()
    assert (held[110] - held[10]) / 100 < 60_000  # bytes a cell: 0.9 GB for all 15,625


def test_another_file_of_torch_is_refused(tmp_path: Path) -> None:
    path = save({"state_dict": {}, "epoch": 3}, tmp_path / "model.pth", "zip")
    with pytest.raises(
        HarnessError, match=r"model\.pth: refused to read this pickle: it has no dictionary 'arch2infos'"
    ):
        import_published(str(path), progress=False)
    assert not list(store.stored_names())
    assert nasbench201.recognises(path)
