"""What is shipped: built from the source archive, installed bare, run outside the checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Run a command without this checkout on its path; fail with what it wrote."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))}
    clean |= {"PIP_CONSTRAINT": str(ROOT / "constraints.txt"), "PIP_DISABLE_PIP_VERSION_CHECK": "1"} | environment
    done = subprocess.run([str(part) for part in command], cwd=cwd, env=clean, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def python_of(environment: Path) -> Path:
    return environment / ("Scripts" if os.name == "nt" else "bin") / "python"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Source archive, and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("built")
    venv.create(folder / "venv", with_pip=True)
    run(python_of(folder / "venv"), "-m", "pip", "install", "-q", "build", cwd=folder)
    run(python_of(folder / "venv"), "-m", "build", "--outdir", folder, ROOT, cwd=folder)
    (archive,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return archive, wheel


def test_contents(built: tuple[Path, Path]) -> None:
    archive, wheel = built
    with tarfile.open(archive) as content:
        sources = {name.partition("/")[2] for name in content.getnames()}
    with zipfile.ZipFile(wheel) as content:
        files = set(content.namelist())
    assert {"pyproject.toml", "README.md", "CHANGELOG.md", "constraints.txt", "tox.ini", "tests/conftest.py"} <= sources
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "harness").rglob("*.py")}
    assert modules <= sources
    assert modules <= files
    suites = {path.name for path in (ROOT / "benchmarks" / "suites").glob("*.toml")}
    assert {f"harness/_data/suites/{name}" for name in suites} <= files
    rest = {name for name in files if not name.startswith("harness/")}
    assert all(".dist-info/" in name for name in rest)
    assert any(name.endswith("entry_points.txt") for name in rest)
    assert not any("__pycache__" in name or name.endswith(".pyc") for name in files | sources)
    templates = {path.relative_to(ROOT).as_posix() for path in (ROOT / "harness").rglob("*") if path.is_file()}
    assert {name for name in templates if "__pycache__" not in name} <= files


def interpreter(version: str) -> str:
    """A Python of this version that works, or skip."""
    if version == "{}.{}".format(*sys.version_info):
        return sys.executable
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for candidate in (shutil.which(f"python{version}"), *sorted(pyenv.glob(f"{version}.*/bin/python"))):
        if candidate and not subprocess.run([candidate, "-c", "import venv"], capture_output=True).returncode:
            return str(candidate)
    pytest.skip(f"Python {version} is not installed")


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_the_wheel_runs_where_nothing_else_is(version: str, built: tuple[Path, Path], tmp_path: Path) -> None:
    python, environment, here = interpreter(version), tmp_path / "venv", tmp_path / "empty"
    here.mkdir()
    run(python, "-m", "venv", environment, cwd=here)
    run(python_of(environment), "-m", "pip", "install", "-q", "--no-compile", built[1], cwd=here)
    command = python_of(environment).with_name("nas-harness")
    installed = json.loads(run(python_of(environment), "-m", "pip", "list", "--format", "json", cwd=here))
    names = {package["name"].lower() for package in installed}
    assert "nas-harness" in names
    assert not names & {"torch", "scikit-learn", "distributed", "pytest", "hypothesis"}
    home = {"HOME": str(tmp_path / "home"), "NAS_HARNESS_CACHE": str(tmp_path / "cache")}
    # The whole suite once; elsewhere one table of it.
    whole = python == sys.executable
    part = [] if whole else ["--set", 'benchmarks=["nasbench-graph/proteins"]']
    summary = json.loads(run(command, "run", "quickstart", "--seeds", "0:2", "--json", *part, cwd=here, **home))
    cells = 2 * (4 * 10 + 3 if whole else 4)  # levels are run on one table of the ten
    assert (summary["cells"], summary["run"], summary["failed"]) == (cells, cells, 0)
    report = here / "reports" / "quickstart" / "report"
    assert "<html" in (report / "index.html").read_text(encoding="utf-8").lower()
    assert (report / "tables" / "relative_improvement.csv").is_file()
    assert {path.name for path in here.iterdir()} == {"reports"}
    assert not (tmp_path / "home" / ".cache" / "nas-harness").exists()
    part = [*part, "--no-report"]
    again = json.loads(run(command, "run", "quickstart", "--seeds", "0:2", "--json", *part, cwd=here, **home))
    assert (again["run"], again["kept"]) == (0, cells)
    assert "nas-harness " in run(command, "--version", cwd=here)
