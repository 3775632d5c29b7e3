"""What a run was made with: versions of all that it imports, and the commit of the harness's own source."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

import harness
from harness.running.records import read_run
from harness.running.runner import run
from harness.system import provenance

ROOT = Path(harness.__file__).parents[1]


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=someone", "-c", "user.email=someone@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", "-C", folder, *who, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def committed(folder: Path) -> str:
    """Make a repository of a folder."""
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "everything")
    return git(folder, "rev-parse", "HEAD")


def stated(source: Path, where: Path, *, running: bool = False) -> tuple[str, str]:
    """Commit and whether there are changes, of a harness that lies in a folder and is used in another."""
    code = "import json; from harness.system.provenance import git_state; print(json.dumps(git_state()))"
    if running:
        code = (
            "import json, harness; from harness.running.records import read_run\n"
            "suite = {'seeds': '0:2', 'benchmarks': ['synthetic/ridge'], 'budgets': {'evaluations': 2}}\n"
            "suite |= {'methods': [{'name': 'random'}]}\n"
            "records = harness.run(suite, 'out', backend='sequential').records\n"
            "print(json.dumps([records['git_commit'][1], records['git_dirty'][1]]))"
        )
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(source), "NAS_HARNESS_CACHE": str(where / "cache")}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=where, env=environment, capture_output=True, text=True, check=True
    )
    commit, dirty = json.loads(done.stdout)
    return commit, dirty


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the package in a repository of its own."""
    shutil.copytree(
        ROOT / "harness", tmp_path / "checkout" / "harness", ignore=shutil.ignore_patterns("__pycache__", "_data")
    )
    committed(tmp_path / "checkout")
    return tmp_path / "checkout"


def test_the_commit_is_that_of_the_harness_wherever_it_is_used(checkout: Path, tmp_path: Path) -> None:
    here = git(checkout, "rev-parse", "HEAD")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "paper.tex").touch()
    theirs = committed(elsewhere)
    (elsewhere / "paper.tex").write_text("changed")
    assert theirs != here
    assert stated(checkout, elsewhere) == (here, "no")


def test_asking_writes_nothing_into_the_repository(checkout: Path, tmp_path: Path) -> None:
    """A plain `git status` writes the index anew where times of files have changed, under a lock that a kill would leave."""
    index = checkout / ".git" / "index"
    os.utime(checkout / "harness" / "errors.py", (1e9, 1e9))
    before = index.read_bytes()
    assert stated(checkout, tmp_path)[1] == "no"
    assert index.read_bytes() == before
    git(checkout, "status")
    assert index.read_bytes() != before


def test_a_run_makes_no_checkout_dirty(checkout: Path) -> None:
    """Neither its folder nor the cache, of the first run and of one that goes on."""
    here = git(checkout, "rev-parse", "HEAD")
    for _ in range(2):
        assert stated(checkout, checkout, running=True) == (here, "no")
    assert {"?? cache/", "?? out/"} <= set(git(checkout, "status", "--porcelain").splitlines())
    (checkout / "harness" / "new_method.py").touch()
    assert stated(checkout, checkout) == (here, "yes")
    (checkout / "harness" / "new_method.py").unlink()
    (checkout / "harness" / "errors.py").open("a").write("\n")
    assert stated(checkout, checkout) == (here, "yes")


def test_names_of_files_may_be_any_bytes(checkout: Path, tmp_path: Path) -> None:
    """git shows them as they are where it is told to."""
    git(checkout, "config", "core.quotePath", "false")
    try:
        open(os.fsencode(checkout / "harness") + b"/b\xfc.py", "w").close()
    except OSError:
        pytest.skip("this file system takes no such name")
    assert stated(checkout, tmp_path) == (git(checkout, "rev-parse", "HEAD"), "yes")


def test_an_installed_harness_has_no_commit(checkout: Path, tmp_path: Path) -> None:
    """Not even in an environment that lies in the repository of somebody's project."""
    project = tmp_path / "project"
    project.mkdir()
    (project / ".gitignore").write_text("environment/\n")
    committed(project)
    shutil.copytree(checkout / "harness", project / "environment" / "harness")
    assert stated(project / "environment", project) == ("", "")
    shutil.rmtree(checkout / ".git")
    assert stated(checkout, tmp_path) == ("", "")


PLUGIN = """
from dataclasses import dataclass
from harness import OwnLoop, SearchResult, Taxonomy, register_method

@register_method("fits")
@dataclass
class Fits(OwnLoop):
    taxonomy = Taxonomy("any", "any", "none", "none")

    def search(self, problem, streams):
        from sklearn.tree import DecisionTreeRegressor
        return SearchResult(tuple(int(x) for x in problem.architectures[0]))
"""


def test_versions_of_all_that_is_imported(tmp_path: Path, registries: None, capsys: Any) -> None:
    pytest.importorskip("sklearn")
    (tmp_path / "plugin.py").write_text(PLUGIN)
    suite: dict[str, Any] = {
        "seeds": "0:1",
        "benchmarks": ["synthetic/ridge"],
        "budgets": {"evaluations": 1},
        "methods": [{"name": "random"}],
    }

    def packages(name: str, **more: Any) -> dict[str, str]:
        run(suite, tmp_path / name, plugin=[tmp_path / "plugin.py"], **more)
        found: dict[str, str] = json.loads((tmp_path / name / "environment.json").read_text())["packages"]
        return found

    plain = packages("plain")
    assert plain["numpy"] == version("numpy")
    assert "scikit-learn" not in plain
    suite["methods"].append({"name": "fits"})
    fitted = packages("alone", backend="sequential")
    assert fitted == packages("workers", jobs=2)  # whoever imports it
    assert fitted["scikit-learn"] == version("scikit-learn")
    assert fitted["threadpoolctl"] == version("threadpoolctl")  # which scikit-learn requires
    assert plain.items() <= fitted.items()
    assert "pytest" not in fitted
    environments = [set(read_run(tmp_path / name)[0]["environment"]) for name in ("alone", "workers", "plain")]
    assert environments[0] == environments[1] != environments[2]


def test_names_of_modules_and_of_distributions() -> None:
    found = provenance.environment(["_pytest", "no_such_module"])["packages"]
    assert {name: found[name] for name in ("pytest", "pluggy")} == {
        name: version(name) for name in ("pytest", "pluggy")
    }
    assert "nas-harness" not in found
    assert list(found) == sorted(found)
