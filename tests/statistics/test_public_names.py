from __future__ import annotations

import ast
import inspect
import subprocess
import sys

import pytest

import harness.statistics as statistics


def test_every_public_name_is_listed_once_and_found():
    tree = ast.parse(inspect.getsource(statistics))
    imported = {
        alias.name: node.module.rsplit(".", 1)[1]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("harness.statistics.")
        for alias in node.names
    }
    homes = {name: module for module, names in statistics._MODULES.items() for name in names}
    assert imported == homes
    assert sorted(homes) == sorted(statistics.__all__) == dir(statistics)
    for name in statistics.__all__:
        assert getattr(statistics, name).__module__ == f"harness.statistics.{homes[name]}"
        assert getattr(statistics, name).__doc__


def test_unknown_names_are_refused():
    with pytest.raises(AttributeError, match="has no attribute 'oracle'"):
        _ = statistics.oracle


@pytest.mark.parametrize("module", ["harness.statistics", "harness.statistics.law"])
def test_import_is_light(module):
    program = f"import sys, {module}; print(sorted({{'scipy', 'pandas', 'matplotlib', 'torch'}} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"
