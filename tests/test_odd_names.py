"""Files and folders whose names are not UTF-8 (old Latin-1 folders), wherever a name reaches a file."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness.errors import printable

ODD = os.fsdecode(b"od\xfcd")
RUN = "run --benchmark synthetic/ridge --method local-search --seeds 0:6 --budget 5 -q -j 1"
PLUGIN = '''
from dataclasses import dataclass

from harness import OwnLoop, SearchResult, Taxonomy, register_method


@register_method("odd-first")
@dataclass
class First(OwnLoop):
    """The first architecture, but fails at seed 1."""

    taxonomy = Taxonomy("any", "any", "none", "none")

    def search(self, problem, streams):
        assert streams.cell_seed != 1, __file__
        arch = tuple(int(x) for x in problem.architectures[0])
        problem.evaluate(arch)
        return SearchResult(arch)
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with an odd name."""
    path = tmp_path / ODD
    try:
        path.mkdir()
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    monkeypatch.chdir(path)
    return path


def test_printable() -> None:
    assert printable("α ü \n") == "α ü \n"
    assert printable(ODD) == r"od\udcfcd"


def test_a_plugin_and_a_run(folder: Path) -> None:
    (folder / f"{ODD}.py").write_text(PLUGIN)
    run = f"run --benchmark synthetic/ridge --method odd-first --seeds 0:60 --budget 1 -q --plugin {ODD}.py -o {ODD}.out -j 2"
    line = [sys.executable, "-m", "harness.cli", *run.split()]
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.returncode == 1  # of seed 1
    assert done.stderr.splitlines() == [done.stderr.strip()]
    assert rf"AssertionError: {folder.parent}/od\udcfcd/od\udcfcd.py" in done.stderr
    assert r"report: od\udcfcd.out" in done.stdout
    assert (folder / f"{ODD}.out" / "report" / "index.html").is_file()


def test_the_gate_and_reports(folder: Path, cli: Callable[..., Any]) -> None:
    run = RUN.split()
    baseline = f"{ODD}.json"
    assert cli(*run, "-o", ODD).code == 0
    assert cli(*run, "-o", ODD).code == 0  # what is kept is read
    assert cli("report", ODD, "-o", f"{ODD}.report").code == 0
    assert cli("baseline", ODD, "-o", baseline).code == 0
    assert cli("check", ODD, "--against", baseline, "--junit", f"{ODD}.xml").code == 0
    assert cli("compare", ODD, ODD, "--csv", f"{ODD}.csv").code == 0


def test_scores_from_elsewhere(folder: Path, cli: Callable[..., Any]) -> None:
    scores = "".join(
        f"{method},a,{seed},{50 + seed + len(method)}\n" for method in ("random", "x") for seed in range(3)
    )
    (folder / f"{ODD}.csv").write_text(f"method,dataset,seed,score\n{scores}")
    outcome = cli("import-results", f"{ODD}.csv", "--baseline", "random")
    assert outcome.code == 0, outcome.err
    assert r"od\udcfcd.csv" in (folder / "reports" / ODD / "index.html").read_text(encoding="utf-8")


def test_a_table_of_ones_own(folder: Path, cli: Callable[..., Any], own_cache: Path) -> None:
    rows = "".join(f"{o},{50 + place + place % 7},{50 + place}\n" for place, o in enumerate(_cells()))
    (folder / f"{ODD}.csv").write_text(f"arch,v,t\n{rows}")
    columns = ["--space", "nasbench201", "--arch", "arch", "--valid", "v", "--test", "t", "--name", "my/odd"]
    assert cli("import", f"{ODD}.csv", *columns).code == 0
    with (folder / f"{ODD}.parquet").open("wb") as stream:
        pd.read_csv(folder / f"{ODD}.csv").to_parquet(stream)
    again = cli("import", f"{ODD}.parquet", *columns, "--replace")
    assert again.code == 0, again.err
    outcome = cli(*RUN.replace("synthetic/ridge", "my/odd").split(), "-o", "out")
    assert outcome.code == 0, outcome.err


def _cells() -> list[str]:
    import numpy as np

    from harness.spaces.named import make_space

    space = make_space("nasbench201")
    return [space.format(arch) for arch in space.codes(np.arange(40))]


@pytest.mark.torch
def test_a_checkpoint(folder: Path) -> None:
    torch = pytest.importorskip("torch")
    from harness.training import checkpoints

    path = folder / f"{ODD}.pt"
    checkpoints.save(path, {"a": "1"}, {"weights": torch.arange(3)})
    assert checkpoints.load(path, {"a": "1"}, "search", "cpu")["weights"].tolist() == [0, 1, 2]
