"""A folder of inputs, and that a command is refused with one line while all stays as it was."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.running.runner import run
from harness.tabular import store

SUITE = """
name = "small"
seeds = "0:2"
benchmarks = ["synthetic/ridge"]
[budgets]
evaluations = 5
[[methods]]
name = "random"
[[methods]]
name = "regularized-evolution"
population = 3
"""


FINE = {
    "seeds": "0:2",
    "benchmarks": ["synthetic/ridge"],
    "budgets": {"evaluations": 5},
    "methods": [{"name": "random"}],
}


PLUGIN = """
from dataclasses import dataclass
from harness import AskTell, OwnLoop, Taxonomy, register_benchmark, register_method
WORDS = Taxonomy("any", "random", "none", "none")
"""


ASK_TELL = "(AskTell):\n    taxonomy = WORDS\n    def ask(self): pass\n    def tell(self): pass"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registries: None) -> Path:
    """A working directory with the files that the commands name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NAS_HARNESS_DATA", str(tmp_path / "data"))
    files = {
        "suite.toml": SUITE,
        "raises.py": "raise ValueError('first line\\nsecond line')",
        "exits.py": "import sys\nsys.exit(0)",
        "syntax.py": "def (",
        "takes.py": PLUGIN + f"@register_method('random')\n@dataclass\nclass Mine{ASK_TELL}",
        "benchmark.py": PLUGIN + "@register_benchmark('nasbench-graph/cora')\ndef load(): pass",
        "plain.py": PLUGIN + f"@register_method('plain')\nclass Plain{ASK_TELL}",
        "wordless.py": PLUGIN
        + f"@register_method('mine')\n@dataclass\nclass Mine{ASK_TELL}".replace("taxonomy", "other"),
        "misworded.py": PLUGIN + "Taxonomy('any', 'evolutoin', 'none', 'none')",
        "toothless.py": PLUGIN + "@register_method('mine')\n@dataclass\nclass Mine(OwnLoop):\n    taxonomy = WORDS",
        "baseless.py": PLUGIN + "@register_method('mine')\n@dataclass\nclass Mine:\n    taxonomy = WORDS",
        "wanting.py": PLUGIN + f"@register_method('mine')\n@dataclass\nclass Mine{ASK_TELL}\n    size: int",
        "broken.py": PLUGIN
        + "@register_benchmark('broken/table')\ndef load(): raise RuntimeError('no\\nnetwork')\n"
        + "@register_benchmark('broken/none')\ndef nothing(): pass\n"
        + "from harness import load_benchmark\n"
        + "@register_benchmark('broken/name')\ndef other(): return load_benchmark('synthetic/ridge')\n",
        "garbage/suite.resolved.json": "{",
        "list/suite.resolved.json": "[]",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "folder.toml").mkdir()
    return tmp_path


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run."""
    output = tmp_path_factory.mktemp("finished") / "out"
    run(FINE, output, backend="sequential")
    return output


@pytest.fixture
def refused(
    folder: Path, finished: Path, cli: Callable[..., Any], snapshot: Callable[[Path], Any]
) -> Callable[[str, str], None]:
    """Assert that a command is refused with one line, and that neither files nor stored tables have changed."""

    def check(command: str, message: str) -> None:
        output = folder / "out"
        for there in (False, True):
            if there:
                shutil.copytree(finished, output)
            before, stored = snapshot(folder), snapshot(store.store_root())
            outcome = cli(*command.replace("OUT", "out").split())
            assert outcome.code == 2, outcome
            assert outcome.out == ""
            assert outcome.err.count("\n") == 1, outcome.err
            assert outcome.err.startswith("nas-harness"), outcome.err
            assert "error: " in outcome.err
            assert message in outcome.err
            assert "Traceback" not in outcome.err
            after = snapshot(folder)
            assert after == before
            assert snapshot(store.store_root()) == stored

    return check
