"""NATS-Bench: the real sample against the package's own answers."""

from __future__ import annotations

import bz2
import json
import pickle
import shutil
import tarfile
from collections.abc import Callable
from itertools import filterfalse
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.errors import HarnessError
from harness.methods.base import make_method, run_search
from harness.problem.budget import Budget
from harness.streams import Streams
from harness.tabular import store
from harness.tabular.catalogue import load_table
from harness.tabular.formats import nats_bench
from harness.tabular.formats.nats_bench import SIZE, TOPOLOGY
from harness.tabular.importing import import_published
from harness.tabular.pickles import read_pickle
from harness.tabular.problem import TabularProblem
from harness.tabular.table import is_report_only
from harness.testing import check_benchmark

CELLS = (0, 11, 284)


@pytest.fixture(params=["tss", "sss"])
def sample(request: pytest.FixtureRequest) -> tuple[Path, str]:
    return request.getfixturevalue({"tss": "topology", "sss": "size"}[request.param]), request.param


def official(path: Path, kind: str) -> object:
    package = pytest.importorskip("nats_bench")
    return package.create(str(path), kind, fast_mode=True, verbose=False)


def family(kind: str) -> nats_bench.Family:
    return {"tss": TOPOLOGY, "sss": SIZE}[kind]


def texts(path: Path) -> dict[int, str]:
    return {i: next(iter(read_pickle(path / f"{i:06d}.pickle.pbz2").values()))["arch_str"] for i in CELLS}


@pytest.mark.parametrize("every", [23, pytest.param(1, marks=pytest.mark.slow)], ids=["some epochs", "all epochs"])
def test_every_data_set_split_epoch_and_seed_equals_the_package(
    sample: tuple[Path, str], every: int, compare_everything: Callable[..., int]
) -> None:
    path, kind = sample
    api = official(path, kind)
    for index in CELLS:
        states = read_pickle(path / f"{index:06d}.pickle.pbz2")
        assert compare_everything(api, index, states, family(kind).recipes, every) > 6000 / every


@pytest.mark.parametrize("seed", [None, 777])
def test_imported_benchmarks_equal_the_package(
    sample: tuple[Path, str], seed: int | None, compare_tables: Callable[..., None]
) -> None:
    path, kind = sample
    names = import_published(str(path), seed=seed, progress=False)
    missing = 2 if seed and kind == "tss" else 0
    assert len(names) == 4 * len(family(kind).recipes) - missing
    compare_tables(official(path, kind), names, texts(path), family(kind).recipes, seed)


def test_numbers_agree_with_another_export_of_the_same_benchmark(topology: Path, accuracy_csv: Path) -> None:
    import_published(str(topology), progress=False)
    rows = pd.read_csv(accuracy_csv).loc[list(CELLS)]
    for dataset in ("cifar10", "cifar100", "ImageNet16-120"):
        table = load_table(f"nats-tss/{dataset}@12")
        order = [int(table.rows[table.space.index(table.space.parse(text))]) for text in rows["architecture"]]
        np.testing.assert_allclose(table.test[order], rows[f"{dataset}.test_accuracy@200"], atol=0.006)
        if dataset == "cifar10":
            np.testing.assert_allclose(table.valid[order], rows[f"{dataset}.valid_accuracy@12"], atol=0.006)


def test_what_a_search_may_see_holds_no_number_of_the_test(sample: tuple[Path, str]) -> None:
    path, _ = sample
    import_published(str(path), progress=False)
    runs = [
        run
        for index in CELLS
        for state in read_pickle(path / f"{index:06d}.pickle.pbz2").values()
        for run in state["all_results"].values()
    ]
    test_losses = {v for run in runs for k, v in run["eval_losses"].items() if not k.startswith("x-valid")}
    valid_accuracies = {v for run in runs for k, v in run["eval_acc1es"].items() if k.startswith("x-valid")}
    searched = 0
    for name in store.stored_names():
        table = load_table(name)
        check_benchmark(table)
        assert "split x-valid" in table.fidelity["valid"]
        assert "-test" in table.fidelity["test"]
        if table.columns["valid_seeds"].max() > 1:
            continue  # a mean stands in no file
        searched += 1
        assert set(table.valid.tolist()) <= valid_accuracies
        for arrays in (table.columns, table.curves):
            for key in filterfalse(is_report_only, arrays):
                assert not test_losses & set(arrays[key].ravel().tolist())
    assert searched


def test_union_of_validation_and_test_is_not_read(topology: Path) -> None:
    """Between the first and the last epoch of 200, CIFAR-100 has no validation in the file, only its union with test."""
    import_published(str(topology), progress=False)
    table = load_table("nats-tss/cifar100@200")
    assert {"train_loss", "train_accuracy", "cost"} == set(table.curves)
    assert {"valid", "valid_loss"} <= set(table.columns)


def test_a_seed_that_is_not_there_is_not_made_up(topology: Path) -> None:
    names = import_published(str(topology), seed=777, progress=False)
    assert "nats-tss/cifar10@12+seed777" in names
    assert "nats-tss/cifar100@12+seed777" not in names  # 12 epochs of CIFAR-100 have seed 111 only
    assert "valid_seeds" not in load_table(names[0]).columns
    with pytest.raises(HarnessError, match=r"no architecture in it has training seed 5; .* 111, 777, 888, 999"):
        import_published(str(topology), seed=5, progress=False)


def test_card_says_what_was_read(topology: Path) -> None:
    import_published(str(topology), progress=False)
    source = store.card_of("nats-tss/cifar10@12")["source"]
    assert source["file"] == topology.name
    assert source["bytes"] == sum(file.stat().st_size for file in topology.iterdir())
    assert len(source["file_sha256"]) == 64
    assert (source["licence"], source["adapter"]) == ("MIT", nats_bench.VERSION)
    assert source["training_seeds"] == {"valid": {"111": 3, "777": 3}, "test": {"777": 3, "888": 3, "999": 3}}
    assert source["units"]["latency"] == "seconds"


def whole_file(path: Path, target: Path) -> Path:
    """The same cells as the one file that the benchmark is published as, too."""
    cells = {i: pickle.loads(bz2.decompress((path / f"{i:06d}.pickle.pbz2").read_bytes())) for i in CELLS}
    meta = pickle.loads(bz2.decompress((path / "meta.pickle.pbz2").read_bytes()))
    whole = {
        "meta_archs": meta["meta_archs"],
        "total_archs": 15625,
        "arch2infos": cells,
        "evaluated_indexes": set(CELLS),
    }
    target.write_bytes(bz2.compress(pickle.dumps(whole, 4)))
    return target


def test_folder_archive_and_one_file_give_the_same(sample: tuple[Path, str], tmp_path: Path) -> None:
    path, kind = sample
    archive = tmp_path / f"{path.name}.tar"
    with tarfile.open(archive, "w") as target:
        target.add(path, arcname=path.name)
    one = whole_file(path, tmp_path / f"{path.name.removesuffix('-simple')}.pickle.pbz2")
    package = pytest.importorskip("nats_bench")
    assert len(package.create(str(one), kind, fast_mode=False, verbose=False).evaluated_indexes) == 3  # theirs opens it
    contents = []
    for source in (path, archive, one):
        names = import_published(str(source), replace=True, progress=False)
        tables = [load_table(name) for name in names]
        contents.append(
            [
                (t.name, {k: v.tolist() for k, v in t.columns.items()}, {k: v.tolist() for k, v in t.curves.items()})
                for t in tables
            ]
        )
    assert json.dumps(contents[0]) == json.dumps(contents[1]) == json.dumps(contents[2])


def test_a_killed_import_goes_on(topology: Path, monkeypatch: pytest.MonkeyPatch, own_store: Path) -> None:
    monkeypatch.setattr("harness.tabular.formats.blocks.ROWS", 1)
    read: list[int] = []
    real = nats_bench.load

    def load_two(stream: object) -> object:
        if len(read) == 2:
            raise KeyboardInterrupt
        read.append(1)
        return real(stream)

    monkeypatch.setattr(nats_bench, "load", load_two)
    with pytest.raises(KeyboardInterrupt):
        import_published(str(topology), progress=False)
    assert not list(store.stored_names())
    read.clear()
    names = import_published(str(topology), progress=False)
    assert len(read) == 1  # the third cell only
    assert len(load_table(names[0])) == 3
    assert not list(own_store.glob("**/.converting-*"))


def test_cells_in_any_order_give_rows_in_published_order(topology: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backwards = {i: read_pickle(topology / f"{i:06d}.pickle.pbz2") for i in reversed(CELLS)}
    monkeypatch.setattr(
        nats_bench, "_cells", lambda path, done: ((i, (path / f"{i:06d}.pickle.pbz2").open("rb")) for i in backwards)
    )
    names = import_published(str(topology), progress=False)
    table = load_table(names[0])
    assert [table.space.format(code) for code in table.codes.tolist()] == list(texts(topology).values())


@pytest.mark.parametrize("fault", ["cut", "not bz2", "another form", "empty folder", "escape"])
def test_bad_files_are_one_line(fault: str, topology: Path, tmp_path: Path) -> None:
    folder = tmp_path / topology.name
    shutil.copytree(topology, folder)
    folder.chmod(0o755)
    cell = folder / "000011.pickle.pbz2"
    body = cell.read_bytes()
    cell.chmod(0o644)
    path, message = folder, r"000011\.pickle\.pbz2: refused to read this pickle"
    if fault == "cut":
        cell.write_bytes(body[: len(body) // 2])
    elif fault == "not bz2":
        cell.write_bytes(b"<html>quota exceeded</html>")
    elif fault == "another form":
        cell.write_bytes(
            bz2.compress(pickle.dumps({"12": {"arch_str": "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"}}))
        )
        message = r"architecture 11 is not as published .*another version"
    elif fault == "empty folder":
        path = tmp_path / "empty"
        path.mkdir()
        message = "not recognised as a published benchmark .*NATS-tss-v1_0-3ffb9-simple"
    else:
        path = tmp_path / "NATS-tss-v1_0-3ffb9-simple.tar"
        with tarfile.open(path, "w") as archive:
            archive.add(cell, arcname="../../000011.pickle.pbz2")
        message = r"its part '\.\./\.\./000011"
    with pytest.raises(HarnessError, match=message) as refusal:
        import_published(str(path), progress=False)
    assert "\n" not in str(refusal.value)
    assert not list(store.stored_names())


def test_a_broken_download_is_told_from_its_name(topology: Path, tmp_path: Path) -> None:
    one = whole_file(topology, tmp_path / "NATS-tss-v1_0-3ffb9.pickle.pbz2")
    one.write_bytes(one.read_bytes()[:-100])
    with pytest.raises(
        HarnessError, match=r"promises an MD5 ending in 3ffb9, it has [0-9a-f]{32} in [0-9,]+ bytes: fetch it again"
    ):
        import_published(str(one), progress=False)


@pytest.mark.parametrize(
    ("method", "losses"),
    [("single-level", ["train_loss"]), ("darts-1st", ["valid_loss"]), ("milenas-1st", ["train_loss", "valid_loss"])],
)
def test_levels_run_on_the_real_cells(method: str, losses: list[str], topology: Path) -> None:
    """Each ends at the least of its own objective over the three cells."""
    import_published(str(topology), progress=False)
    table = load_table("nats-tss/cifar10@200")
    objective = np.sum([table.columns[name] for name in losses], axis=0)
    for on_tables in ("enumerate", "score"):
        problem = TabularProblem(table, Budget("evaluations", 60), ("train_loss", "valid_loss"))
        result = run_search(make_method(method, on_tables=on_tables), problem, Streams(table.name, 0))
        assert result.arch is not None
        row = table.rows[table.space.index(result.arch)]
        assert row in ([objective.argmin()] if on_tables == "enumerate" else range(3))
