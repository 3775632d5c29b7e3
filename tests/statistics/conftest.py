"""Real tables for the checks. Those that are not in a published package are read where a user keeps them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import nas_bench_graph
import numpy as np
import pandas as pd
import pytest


def shared(name: str) -> Path:
    """Return the path of a data file kept beside the repository, or skip the test."""
    root = Path(os.environ.get("NAS_HARNESS_SHARED", Path(__file__).resolve().parents[3] / "shared"))
    path = root / "data" / name
    if not path.exists():
        pytest.skip(f"{name} is not under {root}; set NAS_HARNESS_SHARED to the folder that holds data/")
    return path


def graph_table(name: str) -> pd.DataFrame:
    rows = nas_bench_graph.light_read(name).values()
    return pd.DataFrame({"valid": [r["valid_perf"] for r in rows], "test": [r["perf"] for r in rows]}, dtype=float)


@pytest.fixture(scope="session")
def cora() -> pd.DataFrame:
    return graph_table("cora")


@pytest.fixture(scope="session")
def proteins() -> pd.DataFrame:
    return graph_table("proteins")


@pytest.fixture(scope="session")
def darts_space() -> tuple[list[str], np.ndarray]:
    """Genotypes of 214 random cells and their test accuracy after each of 600 epochs."""
    architectures = json.loads(shared("darts_space/random_architectures_cifar10.json").read_text())
    curves = np.load(shared("darts_space/random_architectures_cifar10.npz"))["test_accuracy"]
    return [architecture["genotype"] for architecture in architectures], curves


@pytest.fixture(scope="session")
def nasbench201() -> pd.DataFrame:
    return pd.read_csv(shared("nasbench201/accuracy.csv.gz"))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20240501)
