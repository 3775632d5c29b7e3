"""A failure stays in its cell, and plug-ins reach the workers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness.running.columns import TIME_COLUMNS
from harness.running.records import read_run
from harness.running.runner import run

from .conftest import SMALL

PLUGIN = '''
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness import AskTell, OwnLoop, SearchResult, Taxonomy, register_benchmark, register_method, table_from_frame


@register_method("moody")
@dataclass
class Moody(AskTell):
    """Fails in the seeds that the file `mood` lists."""

    how: str = "raise"
    taxonomy = Taxonomy("any", "random", "none", "none")

    def start(self, problem, streams):
        super().start(problem, streams)
        self.draw = streams.uniforms("sample")
        self.angry = str(streams.cell_seed) in Path(__file__).with_name("mood").read_text().split()

    def ask(self):
        arch = self.problem.sample(self.draw)
        if not self.angry:
            return arch
        if self.how == "raise":
            raise RuntimeError("in a bad \\udcff mood\\nand more")
        if self.how == "exit":
            sys.exit(0)
        if self.how == "recursion":
            return self.ask()
        return {"garbage": "garbage", "number": 3, "outside": (9,) * 5, "short": (0,), "nothing": None}[self.how]

    def tell(self, arch, evaluation):
        if self.angry and self.how == "greedy":
            while True:
                self.problem.evaluate(arch)


@register_method("moody-loop")
@dataclass
class MoodyLoop(OwnLoop):
    how: str = "nothing"
    taxonomy = Taxonomy("any", "random", "none", "none")

    def search(self, problem, streams):
        draw = streams.uniforms("sample")
        arch = problem.sample(draw)
        problem.evaluate(arch)
        if str(streams.cell_seed) not in Path(__file__).with_name("mood").read_text().split():
            return SearchResult(arch)
        if self.how == "endless":
            while True:
                problem.evaluate(problem.sample(draw))
        return {
            "nothing": None, "text": "best", "outside": SearchResult((9,) * 5), "word": SearchResult("best"),
            "short": SearchResult((0,)), "test": SearchResult(problem.test) if hasattr(problem, "test") else 1,
        }[self.how]


@register_method("moody-lockstep")
@dataclass
class MoodyLockstep(Moody):
    def lockstep(self, problem, benchmark, seeds):
        if self.how == "idle":
            return
        raise MemoryError("too many at once")


@register_benchmark("plugged/in")
def plugged():
    import pandas as pd

    n = np.arange(30)
    return table_from_frame(
        pd.DataFrame({"a": n // 6, "b": n % 6, "valid": 50 + n * 7 % 30, "test": 49.5 + n * 11 % 30}),
        "plugged/in", arch=["a", "b"],
    )
'''


@pytest.fixture
def mood(tmp_path: Path, registries: None) -> Path:
    """The file that says which seeds fail, beside the plug-in file ``plugin.py``."""
    (tmp_path / "plugin.py").write_text(PLUGIN)
    path = tmp_path / "mood"
    path.write_text("1 3")
    return path


HOWS = [("moody", how) for how in ("raise", "exit", "recursion", "garbage", "number", "outside", "short", "greedy")]


HOWS += [("moody", "nothing"), ("moody-lockstep", "raise")]


HOWS += [("moody-loop", how) for how in ("nothing", "text", "outside", "word", "short", "test")]


def test_a_loop_without_an_end_ends_with_its_budget(mood: Path, tmp_path: Path) -> None:
    suite = SMALL | {"methods": [{"name": "random"}, {"name": "moody-loop", "how": "endless"}]}
    records = run(suite, tmp_path / "run", backend="sequential", plugin=[tmp_path / "plugin.py"])
    assert (records["status"] == "ok").all()
    endless = records[(records["method"] == "moody-loop") & records["seed"].isin([1, 3])]
    random = records[(records["method"] == "random") & records["seed"].isin([1, 3])]
    assert (endless["n_evaluations"] == endless["budget"]).all()
    assert endless["arch"].tolist() == random["arch"].tolist()  # the best of the same draws


@pytest.mark.parametrize(("method", "how"), HOWS)
def test_a_failure_stays_in_its_cell(
    method: str, how: str, mood: Path, tmp_path: Path, cells_run: list[tuple[str, int]]
) -> None:
    suite = SMALL | {"methods": [{"name": "random"}, {"name": method, "how": how}]}

    def go() -> pd.DataFrame:
        cells_run.clear()
        records = run(suite, tmp_path / "run", backend="sequential", plugin=[tmp_path / "plugin.py"])
        pd.testing.assert_frame_equal(read_run(tmp_path / "run")[0], records, check_dtype=False)
        return records

    for turn in range(2):
        records = go()
        failed = records[records["status"] == "failed"]
        assert failed["seed"].tolist() == [1, 3]
        assert set(failed["label"]) == {method}
        assert failed["error"].str.startswith("Traceback").all()
        assert failed[["valid", "test", "test_best"]].isna().all(axis=None)
        assert (failed["arch"] == "").all()
        fine = records[records["status"] == "ok"]
        assert len(fine) == 6
        assert (fine["error"] == "").all()
        assert fine["test"].notna().all()
        if turn:  # failed cells are tried again, and they only
            assert sorted(cells_run) == [(method, 1), (method, 3)]
    mood.write_text("")
    assert (go()["status"] == "ok").all()
    assert sorted(cells_run) == [(method, 1), (method, 3)]
    go()
    assert cells_run == []


def test_lockstep_that_does_nothing(mood: Path, tmp_path: Path) -> None:
    """A lockstep form that evaluates nothing is not believed: the searches are run one by one."""
    mood.write_text("")
    suite = SMALL | {"methods": [{"name": "moody-lockstep", "how": "idle"}, {"name": "random"}]}
    records = run(suite, tmp_path / "run", backend="sequential", plugin=[tmp_path / "plugin.py"])
    both = [part["arch"].tolist() for _, part in records.groupby("label")]
    assert both[0] == both[1]


def test_failures_end_with_exit_code_1(mood: Path, tmp_path: Path, cli: Callable[..., Any]) -> None:
    command = ["run", "--benchmark", "synthetic/ridge", "--method", "moody", "--seeds", "0:4", "--budget", "7"]
    command += ["--plugin", tmp_path / "plugin.py", "-o", tmp_path / "run", "--backend", "sequential", "--no-report"]
    outcome = cli(*command)
    assert outcome.code == 1
    lines = [line for line in outcome.err.splitlines() if "failed" in line]
    assert len(lines) == 2
    assert lines[0].startswith("nas-harness: failed: synthetic/ridge moody seed 1: ")
    assert "Traceback" not in outcome.err
    assert "2 failed" in outcome.out
    verbose = cli(*command, "-v")
    assert verbose.code == 1
    assert "Traceback" in verbose.err
    status = cli("status", tmp_path / "run", "--json")
    assert json.loads(status.out) == {"suite": "spot", "cells": 8, "done": 6, "failed": 2, "missing": 0}
    mood.write_text("")
    assert cli(*command).code == 0


@pytest.mark.parametrize("jobs", [1, 2])
def test_plugins_reach_the_workers(jobs: int, mood: Path, tmp_path: Path, same_results: Callable[..., None]) -> None:
    mood.write_text("2")
    suite = SMALL | {
        "benchmarks": ["plugged/in", "synthetic/ridge"],
        "methods": [{"name": "moody"}, {"name": "moody-lockstep"}, {"name": "moody-loop"}],
    }
    plugin = [tmp_path / "plugin.py"]
    run(suite, tmp_path / "alone", backend="sequential", plugin=plugin)
    records = run(suite, tmp_path / "workers", jobs=jobs, plugin=plugin)
    assert (records["status"] == "failed").sum() == 6
    assert (records["status"] == "ok").sum() == 18

    def comparable(folder: str) -> pd.DataFrame:  # tracebacks name lines of the worker's own frames
        return read_run(tmp_path / folder)[0].drop(columns=list(TIME_COLUMNS))

    pd.testing.assert_frame_equal(comparable("alone"), comparable("workers"))


def test_a_changed_plugin_is_run_again(mood: Path, tmp_path: Path) -> None:
    mood.write_text("")
    command = [sys.executable, "-m", "harness.cli", "run", "--benchmark", "synthetic/ridge", "--method", "moody"]
    command += ["--seeds", "0:3", "--budget", "5", "--plugin", "plugin.py", "-o", "run", "--backend", "sequential"]

    def cells() -> tuple[int, int]:
        done = subprocess.run(
            [*command, "--no-report", "--json"], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        summary = json.loads(done.stdout)
        return summary["run"], summary["kept"]

    assert cells() == (6, 0)
    assert cells() == (0, 6)
    (tmp_path / "plugin.py").write_text(PLUGIN + "\n# another version\n")
    assert cells() == (3, 3)
