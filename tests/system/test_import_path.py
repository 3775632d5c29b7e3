"""Files of the user's that are called like a standard module: nothing of the harness imports them, nor do its workers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.system.import_path import (
    forget_safe_environment,
    library_first,
    library_first_here,
    safe_environment,
    safe_starts,
)

NAMES = ("calendar", "code", "platform", "queue", "random", "signal", "statistics", "tempfile", "tomllib")
PLUGIN = '''
import os
import random
import statistics
import subprocess
import sys
from dataclasses import dataclass

import utils
from harness import OwnLoop, SearchResult, Taxonomy, register_method


@register_method("first")
@dataclass
class First(OwnLoop):
    """The first architecture, where its imports are what a script's would be, and so are those of what it starts."""

    taxonomy = Taxonomy("any", "any", "none", "none")

    def search(self, problem, streams):
        assert random.Random(0) and statistics.fmean([1.0]) == 1.0
        started = [sys.executable, "-c", "import own; print(own.VALUE)"]
        assert subprocess.run(started, capture_output=True, text=True).stdout.strip() == "7"
        arch = tuple(int(x) for x in problem.architectures[utils.VALUE])
        problem.evaluate(arch)
        return SearchResult(arch)
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working directory full of such names; beside it a plug-in and its helper."""
    path = tmp_path / "here"
    path.mkdir()
    for name in NAMES:
        (path / f"{name}.py").write_text(f"print('the file {name}.py of the user')\n")
    (path / "own.py").write_text("VALUE = 7\n")
    beside = tmp_path / "plugins"
    beside.mkdir()
    (beside / "utils.py").write_text("VALUE = 5\n")
    (beside / "plugin.py").write_text(PLUGIN)
    return path


def _python(folder: Path, *arguments: str | Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONSAFEPATH"}
    done = subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "of the user" not in done.stdout + done.stderr
    assert "Warning" not in done.stderr


def test_the_library_comes_first_and_the_rest_stays_in_order() -> None:
    assert library_first(["", "/b", *sys.path, "/a"])[-1] == "/a"
    ordered = library_first(["", "/b", "/a", os.path.dirname(os.__file__), "/c"])
    assert ordered == [os.path.dirname(os.__file__), "", "/b", "/a", "/c"]


def test_the_path_is_as_before_but_for_what_was_added(monkeypatch: pytest.MonkeyPatch) -> None:
    before = ["", "/b", *(entry for entry in sys.path if entry)]
    monkeypatch.setattr(sys, "path", list(before))
    with library_first_here():
        assert sys.path == library_first(before) != before
        sys.path.insert(0, "/added")
    assert sys.path == ["/added", *before]


def test_the_environment_is_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    with safe_starts():
        assert os.environ["PYTHONSAFEPATH"]
        forget_safe_environment()
        assert "PYTHONSAFEPATH" not in os.environ
        os.environ |= safe_environment()
    assert "PYTHONSAFEPATH" not in os.environ
    monkeypatch.setenv("PYTHONSAFEPATH", "1")  # the user's own wish stays
    with safe_starts():
        forget_safe_environment()
        assert os.environ["PYTHONSAFEPATH"] == safe_environment()["PYTHONSAFEPATH"] == "1"
    assert os.environ["PYTHONSAFEPATH"] == "1"


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_the_command_line(folder: Path, jobs: str) -> None:
    run = (
        "run --plugin ../plugins/plugin.py --benchmark synthetic/ridge --method first --seeds 0:60 --budget 1 -o out -q"
    )
    _python(folder, "-m", "harness.cli", *run.split(), "-j", jobs)
    assert (folder / "out" / "records.parquet").exists()


def test_a_notebook_looks_in_its_folder_first(folder: Path, tmp_path: Path) -> None:
    cell = tmp_path / "cell.py"  # like a kernel: the interpreter is up when the folder comes in front
    cell.write_text(
        "import sys, harness.running.runner\nfrom harness import run\nsys.path.insert(0, '')\n"
        "suite = {'name': 'n', 'seeds': '0:60', 'benchmarks': ['synthetic/ridge'], 'budgets': {'evaluations': 1},"
        " 'methods': [{'name': 'first'}]}\n"
        "if __name__ == '__main__':\n"
        "    assert (run(suite, 'out', jobs=2, plugin=['../plugins/plugin.py']).records['status'] == 'ok').all()\n"
        "    assert sys.path[0] == ''\n"
    )
    _python(folder, cell)


def test_a_progress_bar(folder: Path, tmp_path: Path) -> None:
    script = tmp_path / "bar.py"
    script.write_text(
        "import harness.system.progress\nharness.system.progress.on_a_terminal = lambda: True\n"
        "with harness.system.progress.counting('n', 2, show=True) as advance:\n    advance()\n"
    )
    _python(folder, script)
