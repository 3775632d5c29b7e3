"""Plug-in files: what they may import, and where what they print goes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import plugins
from harness.errors import HarnessError
from harness.tabular.catalogue import load_benchmark

CHATTY = """
from dataclasses import dataclass

from harness import AskTell, Taxonomy, register_method

print("loading")


@register_method("chatty")
@dataclass
class Chatty(AskTell):
    taxonomy = Taxonomy("any", "random", "none", "none")

    def start(self, problem, streams):
        super().start(problem, streams)
        self.draw = streams.uniforms("sample")

    def ask(self):
        print("asking")
        return self.problem.sample(self.draw)

    def tell(self, arch, evaluation):
        print("told")
"""


@pytest.fixture
def chatty(tmp_path: Path) -> Path:
    path = tmp_path / "chatty.py"
    path.write_text(CHATTY)
    return path


@pytest.mark.parametrize("workers", [("-j", "2"), ("-j", "1"), ("-j", "2", "--backend", "threading")])
def test_results_are_all_that_stands_on_standard_output(chatty: Path, tmp_path: Path, workers: tuple[str, ...]) -> None:
    command = [
        sys.executable,
        "-m",
        "harness.cli",
        "run",
        "--plugin",
        str(chatty),
        "--method",
        "chatty",
        "--json",
        "-q",
    ]
    command += [
        "--benchmark",
        "synthetic/ridge",
        "--seeds",
        "0:4",
        "--budget",
        "3",
        "-o",
        str(tmp_path / "out"),
        *workers,
    ]
    done = subprocess.run([*command, "--no-report"], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["cells"] == 8
    assert "loading" in done.stderr
    assert "asking" in done.stderr


def test_lists_are_json_whatever_a_plug_in_prints(chatty: Path, registries: None, cli: Callable[..., Any]) -> None:
    done = cli("ls", "methods", "--plugin", chatty, "--json")
    assert "chatty" in [row["name"] for row in json.loads(done.out)]
    assert "loading" in done.err


def test_a_file_imports_what_lies_beside_it(tmp_path: Path, registries: None) -> None:
    (tmp_path / "neighbour_of_a_plugin.py").write_text("NAME = 'from-beside'\n")
    (tmp_path / "main.py").write_text(
        "from neighbour_of_a_plugin import NAME\nfrom harness import load_benchmark, register_benchmark\n"
        "@register_benchmark(NAME)\ndef load(): return load_benchmark('synthetic/ridge')\n"
    )
    before = sys.path[:]
    plugins.load([tmp_path / "main.py"])
    assert sys.path == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["main.py", "neighbour_of_a_plugin.py"]
    with pytest.raises(HarnessError, match="benchmark 'from-beside': its loader load returned a table called"):
        load_benchmark("from-beside")
    (tmp_path / "lost.py").write_text("import no_such_neighbour\n")
    with pytest.raises(HarnessError, match="ModuleNotFoundError: No module named 'no_such_neighbour'"):
        plugins.load([tmp_path / "lost.py"])
    assert sys.path == before


def test_a_loader_that_exits_ends_nothing(tmp_path: Path, registries: None, cli: Callable[..., Any]) -> None:
    (tmp_path / "exits.py").write_text(
        "import sys\nfrom harness import register_benchmark\n"
        "@register_benchmark('exits/early')\ndef load(): sys.exit('no network')\n"
    )
    done = cli("doctor", "--benchmark", "exits/early", "--plugin", tmp_path / "exits.py")
    assert done.code == 2
    assert "benchmark 'exits/early': its loader load raised SystemExit: no network" in done.err
    assert done.err.count("\n") == 1
