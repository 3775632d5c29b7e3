"""A finished run is run again: the same, differs, or cannot."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import harness
from harness.errors import HarnessError
from harness.running.folder import RunFolder
from harness.running.manifest import read_manifest
from harness.running.repeat import repeat
from harness.running.runner import run
from harness.system import plugins

PLUGIN = """
from dataclasses import dataclass
from harness import OwnLoop, SearchResult, Taxonomy, register_method
from beside import PLACE

@register_method("picks")
@dataclass
class Picks(OwnLoop):
    version = "1"
    taxonomy = Taxonomy("any", "random", "none", "none")

    def search(self, problem, streams):
        arch = problem.architectures[PLACE + streams.cell_seed]
        problem.evaluate(arch)
        return SearchResult(arch)
"""
SUITE: dict[str, Any] = {
    "name": "small",
    "seeds": "0:4",
    "benchmarks": ["synthetic/ridge"],
    "budgets": {"evaluations": 5},
    "methods": [{"name": "random"}, {"name": "picks"}],
}


def edit(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change what stands in a run's environment.json."""
    file = folder / "environment.json"
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


@pytest.fixture
def out(tmp_path: Path, registries: None) -> Path:
    """A finished run with a plug-in and a module beside it."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "plugin.py").write_text(PLUGIN)
    (tmp_path / "mine" / "beside.py").write_text("PLACE = 0")
    run(SUITE, tmp_path / "out", backend="sequential", plugin=[tmp_path / "mine" / "plugin.py"])
    return tmp_path / "out"


def test_the_same_cells_have_the_same_results(out: Path, same_results: Callable[[Path, Path], None]) -> None:
    found = repeat(out)
    assert (found.is_same, found.n_cells, found.n_differing, found.notes) == (True, 8, 0, ())
    assert found.output == out.with_name("out-repeat")
    same_results(out, found.output)


def test_some_seeds(out: Path) -> None:
    assert repeat(out, seeds="1:3").n_cells == 4
    with pytest.raises(HarnessError, match=r"--seeds: \S+ has no seed 4; it has 4 from 0 to 3"):
        repeat(out, out.with_name("other"), seeds="3:8")


def test_a_changed_plug_in_differs_and_is_named(out: Path) -> None:
    (out.parent / "mine" / "beside.py").write_text("PLACE = 1")
    found = repeat(out)
    assert (found.is_same, found.n_cells, found.n_differing) == (False, 8, 4)
    assert found.notes == ("other code: beside",)
    assert found.first.startswith("picks on synthetic/ridge, seed 0: arch x0=0,x1=0,x2=0,x3=0,x4=0 there, ")
    assert found.as_json()["verdict"] == "differs"


def test_a_plug_in_of_another_version_is_compared_all_the_same(out: Path) -> None:
    (out.parent / "mine" / "plugin.py").write_text(PLUGIN.replace('"1"', '"2"'))
    found = repeat(out)
    assert (found.is_same, found.notes) == (True, ("other code: plugin",))


def test_copies_stand_for_plug_ins_that_are_gone(out: Path) -> None:
    (out.parent / "mine").rename(out.parent / "elsewhere")
    assert repeat(out).is_same
    assert any(path.startswith(str(out)) for path in plugins.loaded())
    (out / "plug-ins" / "0" / "beside.py").write_text("PLACE = 1")
    with pytest.raises(
        HarnessError, match=r"beside\.py was edited after the run; name the plug-in to run with --plugin"
    ):
        repeat(out, out.with_name("again"))
    (out / "plug-ins" / "0" / "beside.py").unlink()
    with pytest.raises(
        HarnessError, match=r"beside\.py: No such file or directory, and the plug-in is not where it lay"
    ):
        repeat(out, out.with_name("again"))
    assert repeat(out, out.with_name("again"), plugin=[out.parent / "elsewhere" / "plugin.py"]).is_same


def test_another_version_of_a_package_is_said(out: Path) -> None:
    here = read_manifest(out).environment["packages"]["numpy"]
    edit(out, lambda content: content["packages"].update(numpy="0.1"))
    found = repeat(out)
    assert found.is_same
    assert found.notes == (f"other versions: numpy 0.1 there, {here} here",)


def test_what_is_missing_is_said(out: Path, tmp_path: Path) -> None:
    with pytest.raises(
        HarnessError, match=r"^cannot repeat \S+none: \S+ no environment\.json here; wanted the output folder"
    ):
        repeat(tmp_path / "none")
    with pytest.raises(HarnessError, match="out: holds a run already; remove it, or choose another folder with -o"):
        repeat(out, out)
    resolved = json.loads((out / "suite.resolved.json").read_text())
    resolved["data_sha256"]["synthetic/ridge"] = "0" * 64
    (out / "suite.resolved.json").write_text(json.dumps(resolved))
    with pytest.raises(
        HarnessError, match=r"benchmark synthetic/ridge has other data here: SHA-256 \w{12}\.\.\., wanted 000"
    ):
        repeat(out)
    text = json.dumps(resolved).replace("synthetic/ridge", "mine/gone")
    (out / "suite.resolved.json").write_text(text)
    with pytest.raises(HarnessError, match="the data of benchmark mine/gone is missing here: unknown benchmark"):
        repeat(out)
    edit(out, lambda content: content.pop("manifest"))
    with pytest.raises(
        HarnessError,
        match=r"has no manifest .* run its suite again, with nas-harness run \S+out -o NEW",
    ):
        repeat(out)


def test_what_failed_is_left_out(tmp_path: Path, registries: None) -> None:
    (tmp_path / "plugin.py").write_text(PLUGIN.replace("from beside import PLACE", "PLACE = 10**6"))
    run(SUITE, tmp_path / "out", backend="sequential", plugin=[tmp_path / "plugin.py"])
    found = repeat(tmp_path / "out")
    assert (found.is_same, found.n_cells) == (True, 4)
    assert found.notes == ("4 cells failed there, or are missing, and were left out",)


def test_a_killed_repetition_goes_on(out: Path, cells_run: list[tuple[str, int]]) -> None:
    """Up to the moment at which its journal is compacted."""

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunFolder, "compact", killed)
        with pytest.raises(KeyboardInterrupt):
            repeat(out)
    assert len(cells_run) == 8
    assert repeat(out).is_same
    assert len(cells_run) == 8


def test_a_run_is_run_again_by_its_folder(
    out: Path, cli: Callable[..., Any], same_results: Callable[..., None]
) -> None:
    (out.parent / "mine").rename(out.parent / "elsewhere")
    quiet = ("-j", "1", "--no-report", "-q")
    for number, name in enumerate((out, out / "suite.resolved.json")):
        again = out.with_name(f"again {number}")
        assert cli("run", name, "-o", again, *quiet).code == 0
        same_results(out, again)
    assert "0 run, 8 kept" in cli("run", out, *quiet).out
    assert cli("run", out, "--seeds", "0:6", "-o", out.with_name("more"), *quiet).out.startswith("small: 12 cells")
    refused = cli("run", out, "--set", "budgets.evaluations=3", *quiet)
    assert (refused.code, "suite.resolved.json is resolved" in refused.err) == (2, True)


def test_every_sitting_is_in_the_manifest(out: Path, cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    first = read_manifest(out)
    assert first.plugins == {str(out.parent / "mine" / "plugin.py"): "plug-ins/0/plugin.py"}
    assert {Path(copy).name for copy in first.copies} == {"plugin.py", "beside.py"}
    assert {"plugin", "beside", "harness.running.tables"} <= first.code.keys()
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setattr(sys, "orig_argv", ["second"])
    records = run(SUITE | {"seeds": "0:6"}, out, backend="sequential")
    second = read_manifest(out)
    assert [list(one) for one in second.commands] == [list(first.commands[0]), ["second"]]
    assert set(records["environment"]) == second.environments.keys() == {first.head, second.head}
    assert second.earlier[first.head] == first.environment


@pytest.mark.slow
def test_in_a_second_checkout_path(out: Path, tmp_path: Path, cli: Callable[..., Any]) -> None:
    checkout = tmp_path / "second" / "checkout"
    shutil.copytree(Path(harness.__file__).parent, checkout / "harness", ignore=shutil.ignore_patterns("__pycache__"))
    moved = shutil.move(out, tmp_path / "second" / "kept")
    shutil.rmtree(tmp_path / "mine")
    command = [sys.executable, "-m", "harness.cli", "repeat", moved, "-j", "2", "-q", "--json"]
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["notes"] == []
    (checkout / "harness" / "methods" / "random_search.py").open("a").write("\nOTHER = 1\n")
    done = subprocess.run([*command, "-o", "new"], cwd=checkout, env=environment, capture_output=True, text=True)
    assert (done.returncode, json.loads(done.stdout)["notes"]) == (0, ["other code: harness.methods.random_search"])
