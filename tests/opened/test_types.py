"""A user's script passes ``mypy --strict`` against the package's types."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import harness

SCRIPT = """
from dataclasses import dataclass
from pathlib import Path

import harness
from harness import Arch, AskTell, Evaluation, OpenedRun, Problem, Streams, Taxonomy, open_run, register_method


@register_method("walker")
@dataclass
class Walker(AskTell):
    restart: float = 0.1
    taxonomy = Taxonomy("any", "local search", "none", "none")

    def start(self, problem: Problem, streams: Streams) -> None:
        super().start(problem, streams)
        self.draw = streams.uniforms("sample")

    def ask(self) -> Arch:
        return self.problem.sample(self.draw)

    def tell(self, arch: Arch, evaluation: Evaluation) -> None:
        print(arch, evaluation.score)


run: OpenedRun = harness.run({"methods": [{"name": "walker"}]}, Path("out"), jobs=2, fresh=True)
best: float = open_run("out").scores(normalized=True)["walker"].max()
text: str = run.to_latex("relative_improvement", bold="best", bare=True)
names: list[str] = list(run.frames)
worst = run.frame("summary")["test_mean"].min()
figure = run.plot.forest(methods=["walker"], benchmarks="cora")
figure.savefig("forest.pdf")
ax = run.plot.anytime(figure.axes[0], panel="cora")
ax.set_title("mine")
print(run.records["test"], *run.answer, worst)
"""
WRONG = {
    "run.frames.sort()": "attr-defined",
    'run.to_latex("summary", bold="worst")': "arg-type",
    'harness.run({}, "out", job=2)': "call-arg",
    'run.plot.forest(panel="cora")': "call-overload",
}


@pytest.mark.slow
def test_a_users_script_is_typed(tmp_path: Path) -> None:
    pytest.importorskip("mypy", reason="needs the extra `test`")
    assert (Path(harness.__file__).parent / "py.typed").is_file()
    (tmp_path / "right.py").write_text(SCRIPT)
    (tmp_path / "wrong.py").write_text(SCRIPT + "\n".join(WRONG) + "\n")
    # An installed package is found where it is; a checkout has to be named.
    root = Path(harness.__file__).parents[1]
    environment = os.environ | ({"MYPYPATH": str(root)} if (root / "pyproject.toml").is_file() else {})
    # As of an installed package, what is wrong within it is not the user's affair.
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--no-color-output"]
    done = subprocess.run(
        [*command, "--cache-dir", str(tmp_path / "cache"), "right.py", "wrong.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    lines = [line for line in done.stdout.splitlines() if ": error:" in line]
    first = len(SCRIPT.splitlines()) + 1
    assert [(line.split(":")[:2], line.rpartition("[")[2].rstrip("]")) for line in lines] == [
        (["wrong.py", str(number)], code) for number, code in enumerate(WRONG.values(), start=first)
    ], done.stdout + done.stderr
