"""Real published files, where a user keeps them; comparing what is made of them with the packages' answers."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.tabular.catalogue import load_table
from harness.tabular.formats.trainings import ACCURACY, DRIVES, LOSS, REPORTS, SECONDS, SEEDS, SPLITS, measured


def shared(name: str) -> Path:
    """Return the path of a data file kept beside the repository, or skip the test."""
    root = Path(os.environ.get("NAS_HARNESS_SHARED", Path(__file__).resolve().parents[4] / "shared"))
    path = root / "data" / name
    if not path.exists():
        pytest.skip(f"{name} is not under {root}; set NAS_HARNESS_SHARED to the folder that holds data/")
    return path


@pytest.fixture(autouse=True)
def own_store(own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty store and an empty data folder."""
    monkeypatch.setenv("NAS_HARNESS_DATA", str(tmp_path / "data"))
    return own_cache


@pytest.fixture
def shared_file() -> Callable[[str], Path]:
    return shared


@pytest.fixture
def topology() -> Path:
    return shared("nats_bench/NATS-tss-v1_0-3ffb9-simple")


@pytest.fixture
def size() -> Path:
    return shared("nats_bench/NATS-sss-v1_0-50262-simple")


@pytest.fixture
def accuracy_csv() -> Path:
    return shared("nasbench201/accuracy.csv.gz")


@pytest.fixture
def compare_everything() -> Callable[..., int]:
    return _compare_everything


@pytest.fixture
def compare_tables() -> Callable[..., None]:
    return _compare_tables


# A split's name in the answers of `get_more_info`.
ANSWERS = {"train": "train", "x-valid": "valid", "x-test": "test", "ori-test": "test"}


def answer(api: Any, index: int, dataset: str, recipe: str, seed: int | None, epoch: int) -> Mapping[str, float]:
    """The package's own; epochs are numbered from 1 here."""
    return api.get_more_info(index, dataset, iepoch=epoch - 1, hp=recipe, is_random=False if seed is None else seed)


def _compare_everything(
    api: Any, index: int, states: Mapping[str, Any], recipes: Mapping[str, int], every: int = 1
) -> int:
    """Every data set, split, epoch and seed of an architecture; returns how many values were compared."""
    compared = 0
    for (recipe, epochs), dataset, seed in itertools.product(recipes.items(), SPLITS, [None, *SEEDS]):
        state = states.get(recipe)
        there = state["dataset_seed"].get(dataset, []) if state else []
        for split in SPLITS[dataset]:
            ours = measured(state, dataset, split, epochs, seed)
            assert ours.shape == (3, epochs)
            if not there or seed not in (None, *there):
                assert np.isnan(ours).all()
                continue
            for epoch in {*range(1, epochs, every), epochs}:
                theirs = answer(api, index, dataset, recipe, seed, epoch)
                name = ANSWERS[split]
                if f"{name}-accuracy" not in theirs:
                    assert np.isnan(ours[[ACCURACY, LOSS], epoch - 1]).all()
                    continue
                found = ours[[ACCURACY, LOSS, SECONDS], epoch - 1].tolist()
                assert found == [theirs[f"{name}-{kind}"] for kind in ("accuracy", "loss", "all-time")]
                compared += 3
    return compared


def _compare_tables(
    api: Any, names: Iterable[str], texts: Mapping[int, str], recipes: Mapping[str, int], seed: int | None
) -> None:
    """Columns and curves of the benchmarks that were imported, against what the package answers."""
    *_, full = recipes
    for name in names:
        table = load_table(name)
        dataset, _, recipe = name.partition("/")[2].partition("+")[0].partition("@")
        driving, reporting = DRIVES[dataset], REPORTS[dataset][0]
        for index, text in texts.items():
            row = int(table.rows[table.space.index(table.space.parse(text))])
            if row < 0:
                continue
            last = answer(api, index, driving, recipe, seed, recipes[recipe])
            test = answer(api, index, reporting, full, seed, recipes[full])
            assert table.valid[row] == last["valid-accuracy"]
            assert table.test[row] == test["test-accuracy"]
            assert table.columns["test_loss"][row] == test["test-loss"]
            assert table.columns["train_loss"][row] == last["train-loss"]
            assert table.columns["valid_loss"][row] == last["valid-loss"]
            assert table.columns["cost"][row] == last["train-all-time"] + last["valid-per-time"]
            for key, curve in table.curves.items():
                if not key.startswith("test"):
                    assert curve.shape == (len(table), recipes[recipe])
                    assert curve[row, -1] == table.columns[key][row]
            for epoch in range(1, recipes[recipe] + 1, 29):
                now = answer(api, index, driving, recipe, seed, epoch)
                for column, key in (
                    ("train_loss", "train-loss"),
                    ("valid_loss", "valid-loss"),
                    ("valid", "valid-accuracy"),
                ):
                    if column in table.curves:
                        value = table.curves[column][row, epoch - 1]
                        assert value == now[key] if key in now else math.isnan(value)
            if seed is None:
                costs = api.get_cost_info(index, driving, hp=recipe)
                assert table.columns["params"][row] == costs["params"]
                assert table.columns["flops"][row] == costs["flops"]
                assert table.columns["latency"][row] == costs["latency"]
