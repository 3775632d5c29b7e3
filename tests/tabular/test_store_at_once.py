"""The store of converted tables under several processes at once."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.tabular import store
from harness.tabular.catalogue import load_table

SMALL = "nasbench-graph/proteins"  # the smallest packaged table


LOAD = """
import sys, time
from harness.tabular.catalogue import load_table
while time.time() < float(sys.argv[1]): pass
print(load_table("nasbench-graph/proteins").sha256)
"""


@pytest.mark.parametrize("damaged", [False, True])
def test_processes_that_convert_at_once(own_cache: Path, damaged: bool, cache: Path) -> None:
    expected = load_table(SMALL).sha256
    if damaged:
        (store.store_root() / SMALL / "column-test.npy").write_bytes(b"")
    else:
        shutil.rmtree(store.store_root())
    start = str(time.time() + 1.0)
    running = [
        subprocess.Popen([sys.executable, "-c", LOAD, start], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for process in running:
        out, err = process.communicate(timeout=120)
        assert (process.returncode, err, out.strip()) == (0, "", expected)
    assert list(store.stored_names()) == [SMALL]
    assert {path.name for path in store.store_root().iterdir()} <= {"nasbench-graph", ".lock"}


REPLACE = """
import sys
import numpy as np
from harness.spaces.base import CategoricalSpace
from harness.tabular import catalogue, store
from harness.tabular.table import Table
space = CategoricalSpace("s", {"a": ["0", "1"]})
for turn in range(80):
    store.save(Table(name="made/contested", dataset="d", space=space, rows=np.arange(2, dtype=np.int32),
        codes=space.codes(np.arange(2)), columns={"valid": np.array([1.0, 2.0]), "test": np.array([1.5, turn])}))
"""


def test_processes_that_replace_at_once(own_cache: Path) -> None:
    running = [subprocess.Popen([sys.executable, "-c", REPLACE], stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for process in running:
        assert process.communicate(timeout=120)[1] == ""
        assert process.returncode == 0
    assert load_table("made/contested").test[1] == 79
