"""A limit on the size of files (`ulimit -f`), or a full disk, wherever a file is written: one line, and no half file.

The limit is set in a process of its own, in which the real writers meet it; the system's signal SIGXFSZ is Python's to ignore.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("resource", reason="the system has no such limits")

LIMITED = """
import os, resource, sys
from pathlib import Path
import numpy as np
from harness.errors import HarnessError, RunError
folder = Path(sys.argv[1])
os.environ["NAS_HARNESS_CACHE"] = str(folder / "cache")

def limited(size, write):
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        write()
    except RunError as error:
        return str(error)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    raise SystemExit("it was written")

def files():
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
"""
CHECKPOINT = """
import torch
from harness.training import checkpoints
path = folder / "cell.pt"
checkpoints.save(path, {"seed": "1"}, {"weights": torch.zeros(8)})
before = path.read_bytes()
for size in (1, 1000, 40_000):
    message = limited(size, lambda: checkpoints.save(path, {"seed": "1"}, {"weights": torch.ones(100_000)}))
    assert message == f"{path}: File too large; what was there before is intact", message
    assert path.read_bytes() == before and files() == ["cell.pt"]
assert checkpoints.load(path, {"seed": "1"}, "search", "cpu")["weights"].tolist() == [0.0] * 8
"""
STORE = """
from harness.tabular import store
from harness import load_benchmark
from dataclasses import replace
table = replace(load_benchmark("synthetic/ridge"), name="made/up")
for size in (100, 3000):
    message = limited(size, lambda: store.save(table))
    assert message == f"cannot write table made/up to {store.store_root() / 'made' / 'up'}: File too large", message
    assert not [name for name in files() if name.endswith(".npy")], files()
store.save(table)
again = store.load("made/up", table.space)
assert again.sha256 == table.sha256 and np.array_equal(again.valid, table.valid)
"""
BLOCKS = """
from harness.tabular.formats.blocks import Blocks
def fill():
    with Blocks("key") as blocks:
        for index in range(3):
            blocks.add(index, {"curve": np.arange(9000.0)})
        blocks.flush()
message = limited(5000, fill)
assert "File too large; make room" in message, message
assert files() == [], files()
"""
FIGURE = """
from matplotlib.figure import Figure
from harness.system.files import write_whole
from harness.running.records import write_parquet
from harness.reporting.images import save_figure
import pandas as pd
frame = pd.DataFrame({"a": np.random.default_rng(0).random(5000)})
for name, write in {
    "figure.svg": lambda path: save_figure(path, Figure),
    "figure.png": lambda path: save_figure(path, Figure),
    "frame.parquet": lambda path: write_parquet(path, frame, {"a": ("float64", "text")}),
    "frame.csv": lambda path: write_whole(path, frame.to_csv().encode()),
}.items():
    message = limited(100, lambda: write(folder / name))
    assert message == f"{folder / name}: File too large; what was there before is intact", message
assert files() == [], files()
"""


@pytest.mark.parametrize(
    "writer",
    [
        pytest.param(CHECKPOINT, id="torch", marks=pytest.mark.torch),
        pytest.param(STORE, id="the store of tables"),
        pytest.param(BLOCKS, id="a half-done import"),
        pytest.param(FIGURE, id="figures, Parquet and CSV"),
    ],
)
def test_every_writer(writer: str, tmp_path: Path) -> None:
    line = [sys.executable, "-c", LIMITED + writer, str(tmp_path)]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""


LIVE = """
name = "small"
seeds = "0:1"
benchmarks = ["live/darts-digits"]
[budgets]
epochs = 1
[search]
channels = 2
cells = 3
batch_size = 160
[evaluation]
channels = 4
cells = 3
epochs = 1
batch_size = 64
[[methods]]
name = "darts-1st"
"""


@pytest.mark.slow
@pytest.mark.torch
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_live_run(jobs: str, tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text(LIVE)
    command = f"ulimit -f 20; exec {sys.executable} -m harness.cli run small.toml -o out -q --no-report -j {jobs}"
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert done.stderr.endswith(".pt: File too large; what was there before is intact\n")
    assert not list((tmp_path / "out").rglob("*.pt*"))
    again = command.removeprefix("ulimit -f 20; ")
    assert subprocess.run(["bash", "-c", again], cwd=tmp_path, capture_output=True).returncode == 0


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    from harness.errors import RunError
    from harness.system.files import write_whole

    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=r"what was there before is intact$"):
        write_whole(tmp_path / "file" / "inside.csv", b"1")
