"""The code of a search: which modules it is, that it is the same everywhere, and what changes its digest."""

from __future__ import annotations

import json
import linecache
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import harness
from harness.code import digest as digests
from harness.code.digest import Code, differing
from harness.code.places import is_library
from harness.methods.base import method_class, method_names
from harness.running.kept import search_code
from harness.running.tables import run_table_cells
from harness.suites.catalogue import load_benchmark
from harness.suites.reading import make_suite

ON_TABLES = {
    *("errors", "methods.base", "methods.evolution", "problem.base", "problem.budget", "problem.constraint"),
    *("methods.values", "problem.offer"),
    *("running.joining", "running.tables", "spaces.base", "streams"),
    *("tabular.curves", "tabular.feasible", "tabular.lockstep", "tabular.problem", "tabular.statics"),
    *("tabular.table", "taxonomy"),
}


def code(method: str, benchmark: str = "synthetic/ridge") -> Code:
    return search_code(method_class(method), load_benchmark(benchmark))


def test_what_a_search_on_a_table_is_computed_by() -> None:
    assert set(code("regularized-evolution").trees) == {f"harness.{name}" for name in ON_TABLES}
    on_graphs = set(code("nsga2", "nasbench-graph/cora").trees)
    assert {"harness.spaces.nasbench_graph", "harness.methods.nsga2", "harness.statistics.pareto"} <= on_graphs


def test_no_search_on_a_table_is_computed_by_a_report_a_command_or_a_network() -> None:
    for method in method_names():
        scores_networks = method_class(method).taxonomy.acceleration == "zero-cost proxy"  # of networks, too
        if method_class(method).__module__.startswith("harness.") and not scores_networks:
            rooms = {name.split(".")[1] for name in code(method).trees}
            assert not rooms & {"live", "reporting", "cli", "results", "regression", "recording", "suites", "training"}


def test_whatever_runs_in_a_search_on_a_table_is_in_its_code() -> None:
    """What is called is found by the interpreter, not by import statements."""
    methods = [
        *[{"name": "random"}, {"name": "local-search"}, {"name": "reinforce"}, {"name": "regularized-evolution"}],
        *[{"name": "nsga2", "minimize": ["cost"]}, {"name": "hyperband"}, {"name": "milenas-1st"}],
    ]
    for benchmark, budget in (("synthetic/ridge", {"epochs": 60}), ("digits201", {"evaluations": 20})):
        names = (
            ("hyperband", "nsga2")
            if benchmark == "synthetic/ridge"
            else ("random", "regularized-evolution", "milenas-1st")
        )
        document = {
            "seeds": "0:2",
            "benchmarks": [benchmark],
            "budgets": budget,
            "methods": [method for method in methods if method["name"] in names],
            "metrics": ["cost"] if benchmark == "synthetic/ridge" else ["train_loss", "valid_loss"],
        }
        for group in make_suite(document).groups():
            table, cls = load_benchmark(benchmark), method_class(group.method.name)
            called: set[str] = set()

            def note(frame: FrameType, event: str, argument: Any, called: set[str] = called) -> None:
                if event == "call":
                    called.add(str(frame.f_globals.get("__name__")))

            sys.setprofile(note)
            try:
                entries = run_table_cells(table, group, cls, [0, 1], dict.fromkeys(("suite",), ""), lockstep=False)
            finally:
                sys.setprofile(None)
            assert not any(entry.failed for entry in entries), entries[0].record["error"]
            ran = {name for name in called if name.startswith("harness.")}
            outside = {name for name in ran if is_library(name)}
            assert cls.__module__ in ran
            assert ran - outside <= set(search_code(cls, table).trees)
            assert outside <= {
                "harness.system.extras",  # asked for versions, which are in the cell's key
                "harness.system.plugins",  # asked for every module that is imported late
                "harness.system.provenance",
                "harness.suites.catalogue",
                "harness.suites.group",
                "harness.running.records",
                "harness.methods",
                "harness.tabular.store",  # maps arrays when they are first asked for, and checks their hashes
            }


@pytest.mark.torch
def test_what_a_live_search_is_computed_by() -> None:
    found = code("milenas-1st", "live/darts-digits")
    assert {
        "harness.supernets.loop",
        "harness.training.train",
        "harness.training.operations",
        "harness.running.live",
    } <= set(found.trees)
    assert {"harness.spaces.darts", "harness.methods.levels"} <= set(found.trees)
    assert not {name for name in found.trees if name.startswith(("harness.reporting", "harness.running.pilot"))}
    assert {"torch", "numpy", "sklearn"} <= found.packages


PRINT = """
import json, sys
{before}
from harness.suites.catalogue import load_benchmark
from harness.running.kept import search_code
from harness.methods.base import method_class
names = ("random", "regularized-evolution", "local-search")
print(json.dumps([search_code(method_class(name), load_benchmark("synthetic/ridge")).digest for name in names]))
"""


def printed(before: str = "", path: Path | None = None) -> list[str]:
    """Digests in a process of its own, of a copy of the harness if there is one."""
    environment = {"PATH": "", "NAS_HARNESS_CACHE": str(digests._TEXTS._path.parent)}
    environment["PYTHONPATH"] = str(path or Path(harness.__file__).parents[1])
    command = [sys.executable, "-c", PRINT.format(before=before)]
    done = subprocess.run(command, cwd=path, env=environment, capture_output=True, text=True, check=True)
    found: list[str] = json.loads(done.stdout)
    return found


def test_it_is_the_same_in_every_process() -> None:
    here = [code(name).digest for name in ("random", "regularized-evolution", "local-search")]
    assert len(set(here)) == 3
    assert printed() == here
    assert printed("import harness.reporting.build, harness.statistics, harness.running.pilot, harness.testing") == here


def test_what_changes_it(tmp_path: Path) -> None:
    shutil.copytree(
        Path(harness.__file__).parent, tmp_path / "harness", ignore=shutil.ignore_patterns("__pycache__", "_data")
    )
    shutil.copytree(Path(__file__).parents[2] / "benchmarks", tmp_path / "benchmarks")  # which an install carries
    before = printed(path=tmp_path)
    assert before == printed()  # wherever it lies

    def edited(text: str, *names: str) -> list[bool]:
        kept = {tmp_path / "harness" / name: (tmp_path / "harness" / name).read_text() for name in names}
        for file, content in kept.items():
            file.write_text(content + text)
        found = [new == old for new, old in zip(printed(path=tmp_path), before, strict=True)]
        for file, content in kept.items():
            file.write_text(content)
        return found

    assert edited("\n# a comment\n", "methods/evolution.py", "tabular/table.py") == [True, True, True]
    assert edited("\nX = 1\n", "methods/evolution.py") == [True, False, True]
    assert edited("\nX = 1\n", "tabular/table.py") == [False, False, False]
    others = (
        "reporting/build.py",
        "statistics/__init__.py",
        "cli/running.py",
        "supernets/loop.py",
        "methods/__init__.py",
    )
    assert edited("\nX = 1\n", *others) == [True, True, True]


def test_a_file_of_the_harness_that_was_edited_under_a_running_process_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(
        Path(harness.__file__).parent, tmp_path / "harness", ignore=shutil.ignore_patterns("__pycache__", "_data")
    )
    late = "import harness.methods.evolution as e, os; os.utime(e.__file__)"
    with pytest.raises(subprocess.CalledProcessError) as raised:
        printed(late, tmp_path)
    assert "evolution.py was edited after this process had imported it; start this process again" in raised.value.stderr
    long_ago = late.replace("os.utime(e.__file__)", "os.utime(e.__file__, (4e9, 4e9))")  # the clock of another machine
    assert printed(long_ago, tmp_path) == printed()


# A user's own code


METHOD = """
from dataclasses import dataclass
from harness import OwnLoop, SearchResult, Taxonomy, register_method
{imports}

@register_method("of-a-user")
@dataclass
class OfAUser(OwnLoop):
    version = "1"
    taxonomy = Taxonomy("any", "any", "none", "none")

    def search(self, problem, streams):
        return SearchResult(tuple(int(x) for x in problem.architectures[{place}]))
"""


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch, registries: None) -> Callable[..., Code]:
    """Run a cell of a notebook, as IPython does, and return the code of the method that it defines."""
    counter = iter(range(100))
    module = type(sys)("made_up_session")
    monkeypatch.setitem(sys.modules, module.__name__, module)

    def run(cell: str = METHOD.format(imports="", place=0), source: bool = True, **names: Any) -> Code:
        vars(module).update(names)
        name = f"<ipython-input-{next(counter)}-made-up>"
        if source:
            linecache.cache[name] = (len(cell), None, cell.splitlines(keepends=True), name)
        exec(compile(cell, name, "exec"), vars(module))
        return search_code(vars(module)["OfAUser"], load_benchmark("synthetic/ridge"))

    return run


def test_a_class_of_a_notebook_counts_with_its_source(session: Callable[..., Code]) -> None:
    first = session()
    assert first.digest
    assert session("\n# a comment\nseeds = 3" + METHOD.format(imports="", place=0)).digest == first.digest
    assert session(METHOD.format(imports="", place=7)).digest != first.digest
    assert session(source=False).digest == ""
    assert "harness.problem.base" in first.trees


def test_it_counts_with_what_it_names_there(session: Callable[..., Code]) -> None:
    cell = METHOD.format(imports="", place="PLACE")
    assert session(cell, PLACE=0).digest == session(cell, PLACE=0).digest != session(cell, PLACE=7).digest
    assert session(cell, PLACE=object()).digest == ""
    cell = METHOD.format(imports="def place(): return {}", place="place()")
    assert session(cell.replace("{}", "0")).digest == session(cell.replace("{}", "0")).digest
    assert session(cell.replace("{}", "0")).digest != session(cell.replace("{}", "7")).digest
    assert "numpy" in session(METHOD.format(imports="import numpy as np", place="np.int64(0)")).packages


def test_a_package_of_ones_own_counts_with_what_lies_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registries: None
) -> None:
    package = tmp_path / "site-packages" / "made_up_package"  # an installed one: what else is there does not count
    (package / "inner").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "inner" / "__init__.py").write_text("SHIFT = 0\n")
    (package / "inner" / "places.py").write_text("from .. import more\nfrom made_up_other import x\nPLACE = 0\n")
    (package / "more.py").write_text("")
    (package / "methods.py").write_text(METHOD.format(imports="from .inner.places import PLACE", place="PLACE"))
    (package.parent / "made_up_other.py").write_text("x = 1\n")
    monkeypatch.syspath_prepend(package.parent)
    import made_up_package.methods as found  # type: ignore[import-not-found]

    known = search_code(found.OfAUser, load_benchmark("synthetic/ridge"))
    own = {name for name in known.trees if name.startswith("made_up")}
    assert own == {f"made_up_package{rest}" for rest in ("", ".inner", ".inner.places", ".more", ".methods")}
    assert "made_up_other" in known.packages
    assert differing(known) == []
    # An edit does not reach what is imported already; a process that imports it now has other code.
    (package / "inner" / "places.py").write_text("PLACE = 7\n")
    assert search_code(found.OfAUser, load_benchmark("synthetic/ridge")).digest == known.digest
    for name in [name for name in sys.modules if name.startswith("made_up")]:
        monkeypatch.delitem(sys.modules, name)
    from harness.methods import base

    base._forget({found.__name__})
    import made_up_package.methods as again

    assert search_code(again.OfAUser, load_benchmark("synthetic/ridge")).digest != known.digest
    assert differing(known) == ["made_up_package.inner.places"]
