"""Every method and every benchmark states its four words, of closed lists."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import harness
from harness.errors import HarnessError
from harness.images.sources import FACTS
from harness.methods.base import method_class, method_names
from harness.reporting import build_report
from harness.spaces.base import CategoricalSpace
from harness.spaces.named import SPACES, make_space
from harness.spaces.registry import cell_space_names
from harness.suites.catalogue import load_benchmark
from harness.system import plugins
from harness.tabular.catalogue import packaged_names
from harness.tabular.table import Table
from harness.taxonomy import CATEGORIES, KINDS, Taxonomy
from harness.testing import check_benchmark, check_method


@pytest.mark.parametrize("name", method_names())
def test_every_method_has_four_words(name: str) -> None:
    taxonomy = method_class(name).taxonomy
    assert isinstance(taxonomy, Taxonomy)
    assert taxonomy.strategy != "any"
    assert list(taxonomy.as_json()) == list(CATEGORIES)


@pytest.mark.parametrize(
    "name", [*packaged_names(), *(f"live/{space}-{data}" for space in cell_space_names() for data in FACTS)]
)
def test_every_benchmark_has_four_words(name: str) -> None:
    taxonomy = load_benchmark(name).taxonomy
    assert taxonomy.space in KINDS
    assert taxonomy.strategy == "any"


@pytest.mark.parametrize("name", SPACES)
def test_every_space_states_its_kind(name: str) -> None:
    assert make_space(name).kind in KINDS


@pytest.mark.parametrize("category", CATEGORIES)
def test_words_outside_the_lists_are_refused(category: str) -> None:
    words: dict[str, Any] = {"space": "any", "strategy": "random", "acceleration": "none", "hardware_cost": "none"}
    with pytest.raises(HarnessError, match=f"taxonomy: unknown {category.replace('_', ' ')} 'magic'; .*valid: "):
        Taxonomy(**words | {category: "magic"})


def test_the_words_of_a_table_come_from_its_space_and_columns(make_table: Callable[..., Table]) -> None:
    assert make_table().taxonomy == Taxonomy("categorical", "any", "lookup", "lookup")
    assert (
        load_benchmark("synthetic/ridge").taxonomy.hardware_cost == "none"
    )  # simulated seconds are no cost on a device
    assert load_benchmark("nasbench-graph/cora").taxonomy == Taxonomy("cell", "any", "lookup", "lookup")


def test_a_space_without_a_kind_is_one_line(registries: None, make_table: Callable[..., Table]) -> None:
    class Odd(CategoricalSpace):
        kind: Any = property(lambda self: (_ for _ in ()).throw(AttributeError("kind")))

    table = make_table(name="odd/one")
    object.__setattr__(table, "space", Odd("odd", table.space.variables))  # type: ignore[attr-defined]
    harness.register_benchmark("odd/one")(lambda: table)
    with pytest.raises(HarnessError, match="space Odd states no kind; add one of cell, "):
        harness.load_benchmark("odd/one")


def test_they_are_columns_of_lists_and_reports(tmp_path: Path, cli: Callable[..., Any]) -> None:
    lines = cli("ls", "methods").out.splitlines()
    assert re.split("  +", lines[0]) == ["name", "strategy", "acceleration"]
    assert len(lines) == 1 + len(method_names())
    assert "MISSING" not in "".join(lines)
    rows = {row["name"]: row for row in json.loads(cli("ls", "benchmarks", "--json").out)}
    assert [rows["nasbench-graph/cora"][category] for category in CATEGORIES] == ["cell", "any", "lookup", "lookup"]
    suite = {
        "seeds": "0:2",
        "benchmarks": ["nasbench-graph/cora"],
        "budgets": {"evaluations": 3},
        "methods": [{"name": "reinforce"}],
    }
    harness.run(suite, tmp_path, backend="sequential")
    tables = build_report(tmp_path).folder / "tables"
    assert "any,reinforcement learning,none,none" in (tables / "methods.csv").read_text()
    assert "cell,any,lookup,lookup" in (tables / "data.csv").read_text()


def test_the_examples_of_the_readme_work(tmp_path: Path, registries: None, monkeypatch: pytest.MonkeyPatch) -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    method, benchmark = re.findall(r"```python\n(.*?)```", readme, re.S)
    rows = [
        f"{width},{depth},{50 + width * 3 + depth},{49 + width * 2 + depth * 2}"
        for width in range(5)
        for depth in range(5)
    ]
    (tmp_path / "results.csv").write_text("width,depth,valid,test\n" + "\n".join(rows) + "\n")
    for name, text in {"hill.py": method, "bench.py": benchmark}.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    plugins.load(["hill.py", "bench.py"])
    check_method("hill-climber")
    check_benchmark(harness.load_benchmark("mine/width-depth"))
    assert max(len(text.splitlines()) for text in (method, benchmark)) <= 35
