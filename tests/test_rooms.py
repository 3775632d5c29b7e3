"""The rooms of the package: what may import what."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import harness

# From the top down: a room imports from itself and from those below it only.
ROOMS = (
    *("cli", "testing"),
    "opened",
    *("analysis", "results", "claims", "reporting", "regression"),
    *("running", "suites", "recording"),
    *("methods", "live", "supernets", "training", "images", "tabular", "problem"),
    *("spaces", "code", "statistics", "system"),
    *("levels", "taxonomy", "streams", "errors"),
)
PACKAGE = Path(harness.__file__).parent
LINES = 400  # of a file, at most


def modules() -> dict[str, Path]:
    """All modules by name; a package by its own."""
    found = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        if "_data" not in file.parts:
            parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def statements(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Import statements wherever they stand, but for those that only name types."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        else:
            yield from statements(child)


def imported(file: Path, known: Mapping[str, Path]) -> set[str]:
    """Modules of the package that a file imports; the package's own door apart."""
    found = set()
    for statement in statements(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(statement, ast.Import):
            names = {alias.name for alias in statement.names}
        else:
            assert statement.level == 0, f"{file}: a relative import"
            home = statement.module or ""
            names = {f"{home}.{alias.name}" if f"{home}.{alias.name}" in known else home for alias in statement.names}
        found |= {name for name in names if name.startswith("harness.")}
    return found


@pytest.fixture(scope="module")
def graph() -> dict[str, set[str]]:
    known = modules()
    return {name: imported(file, known) for name, file in known.items() if name != "harness"}


def room(module: str) -> str:
    return module.split(".")[1]


def test_every_room_is_in_the_table(graph: dict[str, set[str]]) -> None:
    assert {room(name) for name in graph} == set(ROOMS)


def test_no_import_runs_upwards(graph: dict[str, set[str]]) -> None:
    upwards = [
        f"{name} imports {target}"
        for name, targets in graph.items()
        for target in sorted(targets)
        if ROOMS.index(room(target)) < ROOMS.index(room(name))
    ]
    assert upwards == []


def test_there_is_no_circle(graph: dict[str, set[str]]) -> None:
    left = dict(graph)
    while free := [name for name, targets in left.items() if not targets & left.keys() - {name}]:
        for name in free:
            del left[name]
    assert sorted(left) == []


def test_files_are_read_in_a_sitting() -> None:
    lines = {name: len(file.read_text(encoding="utf-8").splitlines()) for name, file in modules().items()}
    assert {name: count for name, count in lines.items() if count > LINES} == {}


def test_the_room_of_what_is_handed_out_needs_no_torch(graph: dict[str, set[str]]) -> None:
    for name, file in modules().items():
        if name.startswith(("harness.problem", "harness.spaces", "harness.suites", "harness.methods")):
            top = ast.parse(file.read_text(encoding="utf-8")).body
            assert not [n for n in top if isinstance(n, ast.Import | ast.ImportFrom) and "torch" in ast.unparse(n)]
