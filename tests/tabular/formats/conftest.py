"""Real published files, where a user keeps them, and a store of its own for every test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.tabular.catalogue import load_benchmark


def shared(name: str) -> Path:
    """Return the path of a data file kept beside the repository, or skip the test."""
    root = Path(os.environ.get("NAS_HARNESS_SHARED", Path(__file__).resolve().parents[4] / "shared"))
    path = root / "data" / name
    if not path.exists():
        pytest.skip(f"{name} is not under {root}; set NAS_HARNESS_SHARED to the folder that holds data/")
    return path


@pytest.fixture(autouse=True)
def own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("NAS_HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NAS_HARNESS_DATA", str(tmp_path / "data"))
    load_benchmark.cache_clear()
    yield tmp_path / "cache"
    load_benchmark.cache_clear()


@pytest.fixture
def topology() -> Path:
    return shared("nats_bench/NATS-tss-v1_0-3ffb9-simple")


@pytest.fixture
def size() -> Path:
    return shared("nats_bench/NATS-sss-v1_0-50262-simple")


@pytest.fixture
def accuracy_csv() -> Path:
    return shared("nasbench201/accuracy.csv.gz")
