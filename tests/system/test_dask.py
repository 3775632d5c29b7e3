"""The Dask back end against a real scheduler with two worker processes, with one, and with none."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.errors import RunError
from harness.running.runner import run

distributed = pytest.importorskip("distributed")
pytestmark = [pytest.mark.slow, pytest.mark.cluster]

PLUGIN = '''
import time
from dataclasses import dataclass

from harness import AskTell, Taxonomy, register_method


@register_method("slow-on-a-cluster")
@dataclass
class Slow(AskTell):
    """Random search that takes its time."""

    taxonomy = Taxonomy("any", "random", "none", "none")

    def start(self, problem, streams):
        super().start(problem, streams)
        self.draw = streams.uniforms("sample")
        time.sleep(0.02)

    def ask(self):
        return self.problem.sample(self.draw)

    def tell(self, arch, evaluation):
        pass
'''
SUITE: dict[str, Any] = {
    "name": "cluster",
    "seeds": "0:200",
    "benchmarks": ["synthetic/ridge", "nasbench-graph/proteins"],
    "budgets": {"evaluations": 20},
    "methods": [{"name": "slow-on-a-cluster"}, {"name": "regularized-evolution"}],
}


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Any]:
    """A scheduler and two workers, each in a process of its own."""
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        local_directory=str(tmp_path / "dask"),
    ) as found:
        yield found


@pytest.fixture
def plugin(tmp_path: Path, registries: None) -> Path:
    path = tmp_path / "plugin.py"
    path.write_text(PLUGIN)
    return path


def test_a_worker_is_killed_during_the_run(
    cluster: Any, plugin: Path, tmp_path: Path, same_results: Callable[..., None]
) -> None:
    run(SUITE, tmp_path / "one machine", jobs=2, plugin=[plugin])
    with distributed.Client(cluster) as client:
        workers = client.run(os.getpid)
    assert len(set(workers.values())) == 2
    killed: list[int] = []

    def kill_one() -> None:
        journal = tmp_path / "cluster" / "journal.jsonl"
        while not journal.exists():
            time.sleep(0.02)
        killed.append(next(iter(workers.values())))
        os.kill(killed[0], signal.SIGKILL)

    killer = threading.Thread(target=kill_one, daemon=True)
    killer.start()
    run(SUITE, tmp_path / "cluster", backend="dask", scheduler=cluster.scheduler_address, plugin=[plugin])
    killer.join(timeout=1)
    assert killed
    same_results(tmp_path / "cluster", tmp_path / "one machine")


def test_a_failure_stays_in_its_cell(cluster: Any, tmp_path: Path, registries: None) -> None:
    path = tmp_path / "failing.py"
    path.write_text(
        PLUGIN.replace("slow-on-a-cluster", "failing-on-a-cluster").replace(
            "time.sleep(0.02)", "assert streams.cell_seed != 3, 'not that one'"
        )
    )
    suite = SUITE | {"seeds": "0:6", "methods": [{"name": "failing-on-a-cluster"}]}
    records = run(suite, tmp_path / "run", backend="dask", scheduler=cluster.scheduler_address, plugin=[path])
    failed = records[records["status"] == "failed"]
    assert failed["seed"].tolist() == [3, 3]
    assert failed["error"].str.contains("not that one").all()
    assert len(records) == 12


def test_no_scheduler_there(tmp_path: Path, cli: Callable[..., Any]) -> None:
    command = ["run", "--benchmark", "synthetic/ridge", "--method", "random", "--backend", "dask", "--scheduler"]
    outcome = cli(*command, "tcp://127.0.0.1:9", "-o", tmp_path / "run")
    assert outcome.code == 2
    assert outcome.err.splitlines()[-1].startswith("nas-harness: error: no Dask scheduler answers at tcp://127.0.0.1:9")
    assert not (tmp_path / "run").exists()


WHERE = '''
import os
from dataclasses import dataclass

from harness import OwnLoop, SearchResult, Taxonomy, register_method


@register_method("where")
@dataclass
class Where(OwnLoop):
    """Notes the process in which it runs."""

    folder: str
    taxonomy = Taxonomy("any", "any", "none", "none")

    def search(self, problem, streams):
        open(os.path.join(self.folder, str(os.getpid())), "a").close()
        arch = tuple(int(x) for x in problem.architectures[0])
        problem.evaluate(arch)
        return SearchResult(arch)
'''


def test_one_core_that_comes_late(tmp_path: Path, registries: None, capfd: pytest.CaptureFixture[str]) -> None:
    plugin, folder = tmp_path / "where.py", tmp_path / "processes"
    plugin.write_text(WHERE)
    folder.mkdir()
    suite = SUITE | {"seeds": "0:60", "methods": [{"name": "where", "folder": str(folder)}]}
    options: dict[str, Any] = {"n_workers": 0, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with distributed.LocalCluster(**options, local_directory=str(tmp_path / "dask")) as cluster:
        comes = threading.Timer(2, cluster.scale, [1])
        comes.start()
        address = cluster.scheduler_address
        records = run(suite, tmp_path / "run", backend="dask", scheduler=address, plugin=[plugin], progress=True)
        with distributed.Client(cluster) as client:
            (worker,) = client.run(os.getpid).values()
    assert (records["status"] == "ok").all()
    assert [path.name for path in folder.iterdir()] == [str(worker)]
    assert f"no worker at {address}, waiting: 0 of 300 s" in capfd.readouterr().err


def test_no_worker_comes(tmp_path: Path, cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAS_HARNESS_DASK_WAIT", "0.5")
    with distributed.LocalCluster(n_workers=0, processes=True, dashboard_address=None) as cluster:
        address = cluster.scheduler_address
        command = [
            "run",
            "--benchmark",
            "synthetic/ridge",
            "--method",
            "random",
            "--backend",
            "dask",
            "--scheduler",
            address,
        ]
        outcome = cli(*command, "-o", tmp_path / "run", "-q")
    assert outcome.code == 2
    (line,) = outcome.err.splitlines()
    assert line.startswith(f"nas-harness: error: no worker came to the Dask scheduler at {address} in 0.5 s; ")
    assert "NAS_HARNESS_DASK_WAIT=SECONDS" in line


def test_every_worker_dies_on_one_task(cluster: Any, tmp_path: Path, registries: None) -> None:
    path = tmp_path / "fatal.py"
    path.write_text(PLUGIN.replace("time.sleep(0.02)", "__import__('os')._exit(3)"))
    suite = SUITE | {"seeds": "0:1", "methods": [{"name": "slow-on-a-cluster"}]}
    with pytest.raises(RunError, match=r"all those workers died while running it.*run again to go on"):
        run(suite, tmp_path / "run", backend="dask", scheduler=cluster.scheduler_address, plugin=[path])


def test_workers_that_live_on_run_an_edited_plug_in(cluster: Any, plugin: Path, tmp_path: Path) -> None:
    suite = SUITE | {"seeds": "0:4", "benchmarks": ["synthetic/ridge"], "methods": [{"name": "slow-on-a-cluster"}]}
    (tmp_path / "draws.py").write_text("def draw(problem, uniforms): return problem.sample(uniforms)\n")
    plugin.write_text(
        "from draws import draw\n" + PLUGIN.replace("self.problem.sample(self.draw)", "draw(self.problem, self.draw)")
    )
    found = [run(suite, tmp_path / "run", backend="dask", scheduler=cluster.scheduler_address, plugin=[plugin])]
    (tmp_path / "draws.py").write_text("def draw(problem, uniforms): return tuple(problem.architectures[0])\n")
    found.append(run(suite, tmp_path / "run", backend="dask", scheduler=cluster.scheduler_address, plugin=[plugin]))
    assert (found[1]["status"] == "ok").all()
    assert found[0]["cell"].tolist() == found[1]["cell"].tolist()
    assert found[0]["code_digest"].tolist() != found[1]["code_digest"].tolist()
    assert found[1]["arch"].nunique() == 1 < found[0]["arch"].nunique()
