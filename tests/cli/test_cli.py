"""The command line as a process: what it imports, what it prints, how it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.tabular import store

HEAVY = ("pandas", "torch", "scipy", "matplotlib", "pyarrow", "joblib", "sklearn", "nas_bench_graph", "distributed")


def imported(code: str, cwd: Path) -> set[str]:
    """Which of the heavy packages a fresh process has imported after running `code`."""
    script = f"import sys\n{code}\nprint('\\n', *(name for name in {HEAVY!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], cwd=cwd, capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    "code",
    [
        "import harness",
        "import harness; dir(harness); harness.HarnessError",
        "from harness.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass",
        "from harness.cli import main\ntry: main(['run', '--help'])\nexcept SystemExit: pass",
        "from harness.cli import main\ntry: main(['--version'])\nexcept SystemExit: pass",
        "from harness.cli import main\ntry: main(['rnu'])\nexcept SystemExit: pass",
    ],
)
def test_light_commands_import_nothing_heavy(code: str, tmp_path: Path) -> None:
    assert imported(code, tmp_path) == set()


@pytest.mark.slow
def test_a_tabular_run_imports_no_torch(tmp_path: Path) -> None:
    code = (
        "from harness.cli import main\n"
        "assert main(['run', '--benchmark', 'nasbench-graph/proteins', '--method', 'local-search', '--seeds', '0:2',"
        " '--budget', '5', '--backend', 'sequential', '-o', 'run']) == 0"
    )
    found = imported(code, tmp_path)
    assert "pandas" in found  # so the list means something
    assert not found & {"torch", "sklearn", "distributed"}


def test_every_public_name_is_there() -> None:
    import harness

    for name in harness.__all__:
        assert getattr(harness, name) is not None
    assert set(harness.__all__) <= set(dir(harness))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = harness.nothing


def test_help_names_every_command(cli: Callable[..., Any]) -> None:
    text = cli("--help").out
    for verb in ("run", "plan", "status", "report", "ls", "import", "doctor"):
        assert f"\n    {verb} " in text
        assert cli(verb, "--help").code == 0


@pytest.mark.parametrize("what", ["benchmarks", "methods", "suites"])
def test_ls(what: str, cli: Callable[..., Any]) -> None:
    expected = {"benchmarks": "nasbench-graph/cora", "methods": "regularized-evolution", "suites": "quickstart"}[what]
    outcome = cli("ls", what)
    assert (outcome.code, outcome.err) == (0, "")
    assert any(line.startswith(expected) for line in outcome.out.splitlines())
    rows = json.loads(cli("ls", what, "--json").out)
    assert [row["name"] for row in rows] == sorted(row["name"] for row in rows)
    assert expected in [row["name"] for row in rows]


def test_ls_with_a_damaged_table(cli: Callable[..., Any], own_cache: Path) -> None:
    """One bad table hides no other."""
    card = store.store_root() / "mine" / "bad" / "card.json"
    card.parent.mkdir(parents=True)
    for content in ("{", "[]", "{}", '{"space": {"name": "x"}}'):
        card.write_text(content)
        outcome = cli("ls", "benchmarks")
        assert outcome.code == 0, outcome.err
        assert "nasbench-graph/cora" in outcome.out
        assert any(line.startswith("mine/bad") and "damaged" in line for line in outcome.out.splitlines())


def test_doctor(cli: Callable[..., Any]) -> None:
    outcome = cli("doctor")
    assert outcome.code == 0, outcome.out
    outcome = cli("doctor", "--benchmark", "nasbench-graph/proteins", "--json")
    assert outcome.code == 0, outcome.out
    assert {finding["verdict"] for finding in json.loads(outcome.out)} <= {"good", "note"}


def test_doctor_finds_a_table_whose_test_is_its_validation(
    cli: Callable[..., Any], own_cache: Path, make_table: Callable[..., Any]
) -> None:
    from dataclasses import replace

    from harness.tabular.catalogue import save_benchmark

    table = make_table()
    save_benchmark(replace(table, columns={**table.columns, "test": table.valid}))
    outcome = cli("doctor", "--benchmark", "made/up")
    assert outcome.code == 1
    assert "a search would see the test" in outcome.out


def test_a_closed_pipe_is_no_error(tmp_path: Path) -> None:
    command = f"{sys.executable} -m harness.cli ls methods --json | head -c 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_two_comparisons_without_a_folder(
    tmp_path: Path, cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    first = ["run", "--benchmark", "synthetic/ridge", "--budget", "5", "-q", "--no-report", "-j", "1", "--json"]
    climber, evolution = ["--method", "local-search"], ["--method", "regularized-evolution,population=4"]

    def summary(*more: str) -> dict[str, Any]:
        outcome = cli(*first, *more)
        assert outcome.code == 0, outcome.err
        return json.loads(outcome.out)

    assert summary(*climber, "--seeds", "0:3")["output"] == "reports/spot"
    assert summary(*climber, "--seeds", "0:3")["kept"] == 6  # the same again goes on
    assert summary(*climber, "--seeds", "0:5")["kept"] == 6  # so do more seeds, and another method beside it
    both = summary(*climber, *evolution, "--seeds", "0:5")
    assert (both["kept"], both["run"]) == (10, 5)
    before = (tmp_path / "reports" / "spot" / "records.parquet").read_bytes()
    for other in (
        [*climber],
        [*climber, *evolution, "--budget", "6"],
        ["--method", "regularized-evolution,population=5"],
    ):
        for verb in ("run", "plan"):
            line = [verb, *first[1:5], *other, "--seeds", "0:5"]
            outcome = cli(*line)
            assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
            assert "reports/spot: holds another comparison: " in outcome.err
            assert "with -o" in outcome.err
    assert (tmp_path / "reports" / "spot" / "records.parquet").read_bytes() == before
    assert summary(*climber, "--seeds", "0:3", "-o", "mine")["run"] == 6
    assert summary(*climber, "--seeds", "0:3", "-o", "reports/spot")["kept"] == 6  # whoever names it may change it


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "ascii"])
@pytest.mark.parametrize("verb", ["--help", "ls published", "ls methods", "run --help", "import-results --help"])
def test_any_output_holds_any_letter(verb: str, encoding: str, tmp_path: Path) -> None:
    code = f"from harness.cli import main; raise SystemExit(main({verb.split()!r}))"
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    if verb == "ls published":  # λ is in none of them, ± in two
        text = done.stdout.decode(encoding)
        assert r"\u03bb" in text
        assert (r"\xb1" in text, "±" in text) == (encoding == "ascii", encoding != "ascii")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this needs a file that is full")
def test_standard_output_is_full(tmp_path: Path) -> None:
    code = "from harness.cli import main; raise SystemExit(main(['ls', 'methods']))"
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert (done.returncode, done.stderr) == (1, "nas-harness: error: standard output: No space left on device\n")
