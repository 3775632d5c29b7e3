"""Plug-in files: what they may import, and where what they print goes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness.errors import HarnessError
from harness.methods.base import method_class
from harness.running.kept import search_code
from harness.running.runner import run
from harness.suites.reading import spot_suite
from harness.system import plugins
from harness.tabular.catalogue import load_table, register_benchmark
from harness.tabular.frame import table_from_frame

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
        load_table("from-beside")
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


PICKS = """
from dataclasses import dataclass
from harness import OwnLoop, SearchResult, Taxonomy, register_method
{imports}

@register_method({name!r})
@dataclass
class Picks(OwnLoop):
    taxonomy = Taxonomy("any", "any", "none", "none")

    def search(self, problem, streams):
        arch = tuple(int(x) for x in problem.architectures[{place}])
        problem.evaluate(arch)
        return SearchResult(arch)
"""


def picked(folder: Path, *names: str) -> list[str]:
    """What the methods of these names recommend."""
    suite = {
        "seeds": "0:1",
        "benchmarks": ["synthetic/ridge"],
        "budgets": {"evaluations": 1},
        "methods": [{"name": name} for name in names],
    }
    records = run(suite, folder, backend="sequential")
    assert (records["status"] == "ok").all(), records["error"].tolist()
    return records["arch"].tolist()


def row(place: int) -> str:
    table = load_table("synthetic/ridge")
    return table.space.format(table.codes[place])


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_helpers_of_one_name_are_each_plug_ins_own(order: str, tmp_path: Path, registries: None) -> None:
    for folder, place in (("a", 3), ("b", 5)):
        (tmp_path / folder / "parts").mkdir(parents=True)
        (tmp_path / folder / "parts" / "__init__.py").write_text("from parts.inner import SHIFT\n")
        (tmp_path / folder / "parts" / "inner.py").write_text(f"SHIFT = {place}\n")
        (tmp_path / folder / "utils.py").write_text("import parts.inner\nPLACE = parts.inner.SHIFT\n")
        (tmp_path / folder / "method.py").write_text(
            PICKS.format(name=f"picks-{folder}", imports="import utils", place="self.place()")
            # At any time, not only while the file is loaded.
            + "\n    def place(self):\n        from parts import SHIFT\n        import parts as p\n"
            "        assert SHIFT == p.inner.SHIFT == utils.PLACE\n        return SHIFT\n"
        )
    before = {name for name in sys.modules if name.partition(".")[0] in ("utils", "parts")}
    plugins.load(tmp_path / folder / "method.py" for folder in order)
    assert picked(tmp_path / "run", "picks-a", "picks-b") == [row(3), row(5)]
    assert {name for name in sys.modules if name.partition(".")[0] in ("utils", "parts")} == before


def test_plug_ins_of_one_folder_share_what_lies_there(tmp_path: Path, registries: None) -> None:
    (tmp_path / "first.py").write_text(PICKS.format(name="picks-first", imports="", place=2))
    (tmp_path / "second.py").write_text(
        PICKS.format(name="picks-second", imports="import first", place=4).replace("(OwnLoop)", "(first.Picks)")
    )
    plugins.load([tmp_path / "second.py", tmp_path / "first.py"])  # nothing is registered twice
    assert picked(tmp_path / "run", "picks-first", "picks-second") == [row(2), row(4)]


def test_a_file_beside_stands_for_no_module_of_python_or_of_the_harness(tmp_path: Path, registries: None) -> None:
    for name in ("random", "queue", "harness"):
        (tmp_path / f"{name}.py").write_text("raise AssertionError('not this one')\n")
    (tmp_path / "numpy").mkdir()  # a mere folder
    (tmp_path / "method.v2.py").write_text(
        PICKS.format(
            name="picks", imports="import random, queue, numpy\nrandom.random, queue.Queue, numpy.array", place=1
        )
    )
    plugins.load([tmp_path / "method.v2.py"])
    assert picked(tmp_path / "run", "picks") == [row(1)]


@pytest.mark.parametrize("edited", ["method.py", "utils.py"])
def test_an_edited_plug_in_runs_its_new_code_in_the_same_process(edited: str, tmp_path: Path, registries: None) -> None:
    path = tmp_path / "method.py"
    path.write_text(PICKS.format(name="picks", imports="from utils import PLACE", place="PLACE + 0"))
    (tmp_path / "utils.py").write_text("PLACE = 0\n")
    plugins.load([path])
    assert picked(tmp_path / "run", "picks") == [row(0)]
    for old, new, place in (("PLACE + 0", "PLACE + 7", 7), ("PLACE = 0", "PLACE = 9", 9)):
        file = tmp_path / edited
        if old in file.read_text():
            file.write_text(file.read_text().replace(old, new))  # of the same size
            assert picked(tmp_path / "run", "picks") == [row(place)]
    path.write_text(PICKS.format(name="renamed", imports="", place=3))
    assert picked(tmp_path / "run", "renamed") == [row(3)]
    with pytest.raises(HarnessError, match="unknown method 'picks'"):
        picked(tmp_path / "run", "picks")
    path.write_text("1 / 0")
    with pytest.raises(HarnessError, match="ZeroDivisionError"):
        plugins.load([path])
    path.write_text(PICKS.format(name="mended", imports="", place=4))
    plugins.load([path])
    assert picked(tmp_path / "run", "mended") == [row(4)]


def test_a_suite_that_was_made_before_an_edit_is_refused(tmp_path: Path, registries: None) -> None:
    path = tmp_path / "method.py"
    path.write_text(PICKS.format(name="picks", imports="", place=0))
    plugins.load([path])
    suite = spot_suite(["synthetic/ridge"], ["picks"], 1, "0:1")
    path.write_text(PICKS.format(name="picks", imports="", place=1))
    with pytest.raises(
        HarnessError, match=r"method picks is of version .* it was edited since; make the suite, or run it"
    ):
        run(suite, tmp_path / "run", backend="sequential")


def test_a_loader_that_is_registered_anew_is_called_anew(registries: None) -> None:
    def register(size: int) -> int:
        @register_benchmark("made/anew")
        def load() -> Any:
            frame = pd.DataFrame({"a": range(size), "valid": range(size), "test": range(size)})
            return table_from_frame(frame, "made/anew", arch=["a"])

        return len(load_table("made/anew"))

    assert [register(3), register(5)] == [3, 5]


def test_where_a_plug_in_lies_is_no_part_of_its_code(tmp_path: Path, registries: None) -> None:
    codes = []
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "method.py").write_text(PICKS.format(name="picks", imports="import utils", place=0))
        (tmp_path / folder / "utils.py").write_text("PLACE = 0\n")
        plugins.load([tmp_path / folder / "method.py"])
        codes.append(search_code(method_class("picks"), load_table("synthetic/ridge")))
        plugins._forget(plugins._package((tmp_path / folder).resolve()))
    assert codes[0].digest == codes[1].digest != ""
    assert codes[0].trees.keys() != codes[1].trees.keys()
    shown = {plugins.shown(name) for name in codes[0].trees if plugins.is_plugin(name)}
    assert shown == {"method", "utils"}
