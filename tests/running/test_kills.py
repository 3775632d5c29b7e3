"""Real processes, real kills, a real disk: what is finished is kept, and the same command goes on."""

from __future__ import annotations

import json
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.running.folder import RunFolder
from harness.running.records import Entry, read_run

KILLS = 8


def entries(output: Path) -> dict[str, Entry]:
    return RunFolder(output).entries()


def command(output: Path, seeds: str, jobs: int = 2) -> list[str]:
    line = [sys.executable, "-m", "harness.cli", "run", "--benchmark", "synthetic/ridge", "--benchmark"]
    line += ["nasbench-graph/proteins", "--method", "slow", "--method", "regularized-evolution", "--plugin", "slow.py"]
    return [*line, "--seeds", seeds, "--budget", "20", "-j", str(jobs), "--no-report", "-q", "-o", str(output)]


def started(arguments: list[str], folder: Path) -> subprocess.Popen[str]:
    """A command in a session of its own, so that all its processes can be killed together."""
    return subprocess.Popen(
        arguments,
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=(folder / "stderr").open("w"),  # no pipe: it would stay open for as long as a worker lives
        text=True,
        start_new_session=True,
        # A shell in the background has its children ignore SIGINT; a user at a terminal has not.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def ended(process: subprocess.Popen[str], folder: Path, timeout: float = 120) -> tuple[int, str]:
    """Exit code of a command and what it wrote to standard error."""
    code = process.wait(timeout=timeout)
    return code, (folder / "stderr").read_text()


def gone(session: int, killed: float = math.inf, timeout: float = 20) -> bool:
    """Whether all processes of a session come to their end, see `alive`."""
    deadline = time.monotonic() + timeout
    while alive(session, killed) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not alive(session, killed)


def alive(session: int, killed: float = math.inf) -> list[int]:
    """Processes of a session that are alive; those that began after it was killed are another's, which has its number now."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        began = int(fields[19]) / os.sysconf("SC_CLK_TCK")  # since the machine was started
        if int(fields[3]) == session and fields[0] != "Z" and began <= killed:
            found.append(int(stat.parent.name))
    return found


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds its processes in /proc")


@pytest.mark.slow
@needs_proc
def test_killed_again_and_again_at_random_moments(
    tmp_path: Path, slow_plugin: Callable[..., Path], same_results: Callable[..., None]
) -> None:
    slow_plugin()
    seeds = "0:600"
    assert ended(started(command(tmp_path / "uninterrupted", seeds), tmp_path), tmp_path) == (0, "")
    chance = random.Random(20)
    kills, done, sessions, output = 0, [], [], tmp_path / "killed"
    while kills < KILLS:
        process = started(command(output, seeds), tmp_path)
        if kills % 4:  # mostly while cells come in or at the end, sometimes while it starts
            journal = output / "journal.jsonl"
            before = journal.stat().st_size if journal.exists() else 0
            while process.poll() is None and not (journal.exists() and journal.stat().st_size > before):
                time.sleep(0.01)
        try:
            code = process.wait(timeout=chance.uniform(0.0, 0.6))
        except subprocess.TimeoutExpired:
            if chance.random() < 0.5:
                os.killpg(process.pid, signal.SIGKILL)
            else:  # the parent alone: its workers must neither write any more nor stay
                os.kill(process.pid, signal.SIGKILL)
            process.wait()
            sessions.append((process.pid, time.clock_gettime(time.CLOCK_BOOTTIME)))
            kills += 1
            done.append(len(entries(output)) if output.exists() else 0)
        else:  # it came to its end before it was killed: once more from the beginning
            assert code == 0
            same_results(output, tmp_path / "uninterrupted")
            shutil.rmtree(output)
    assert all(gone(session, killed) for session, killed in sessions)
    assert sum(0 < number < 2400 for number in done) >= 3  # it was killed in the midst of its work
    assert ended(started(command(output, seeds), tmp_path), tmp_path) == (0, "")
    same_results(output, tmp_path / "uninterrupted")
    assert read_run(output)[0]["cell"].is_unique
    assert not (output / "journal.jsonl").exists()


def journalled(process: subprocess.Popen[str], output: Path) -> None:
    """Wait until a run has finished its first cells."""
    deadline = time.monotonic() + 60
    journal = output / "journal.jsonl"
    while not journal.exists() or not journal.read_bytes().endswith(b"\n"):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.slow
@needs_proc
def test_workers_end_with_a_killed_run(tmp_path: Path, slow_plugin: Callable[..., Path]) -> None:
    slow_plugin()
    process = started(command(tmp_path / "run", "0:4000"), tmp_path)
    journalled(process, tmp_path / "run")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert alive(process.pid)
    assert gone(process.pid)


@pytest.mark.slow
@needs_proc
@pytest.mark.parametrize("whom", ["parent", "group"])
def test_an_interrupted_run(whom: str, tmp_path: Path, slow_plugin: Callable[..., Path]) -> None:
    slow_plugin()
    process = started(command(tmp_path / "run", "0:4000"), tmp_path)
    journalled(process, tmp_path / "run")
    if whom == "group":  # as a terminal does it
        os.killpg(process.pid, signal.SIGINT)
    else:
        os.kill(process.pid, signal.SIGINT)
    code, errors = ended(process, tmp_path)
    assert code == 130, errors
    assert "nas-harness: interrupted; finished cells are kept, the same command goes on" in errors
    assert "Traceback" not in errors
    assert gone(process.pid)
    kept = len(entries(tmp_path / "run"))
    assert 0 < kept < 16_000
    status = subprocess.run(
        [sys.executable, "-m", "harness.cli", "status", "run", "--json"], cwd=tmp_path, capture_output=True, check=True
    )
    assert json.loads(status.stdout)["done"] == kept


@pytest.mark.slow
@needs_proc
def test_a_killed_worker(tmp_path: Path, slow_plugin: Callable[..., Path], same_results: Callable[..., None]) -> None:
    """What the kernel does when memory runs out: one line, exit code 1, and the same command goes on."""
    slow_plugin()
    process = started(command(tmp_path / "run", "0:600"), tmp_path)
    journalled(process, tmp_path / "run")
    workers = [pid for pid in alive(process.pid) if b"popen_loky_posix" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert workers
    os.kill(workers[0], signal.SIGKILL)
    code, errors = ended(process, tmp_path)
    assert code == 1, errors
    last = errors.splitlines()[-1]
    assert (
        "a worker process was killed (SIGKILL, as the system does when memory runs out); what is finished is kept"
        in last
    )
    assert "Traceback" not in errors
    assert ended(started(command(tmp_path / "run", "0:600"), tmp_path), tmp_path)[0] == 0
    assert ended(started(command(tmp_path / "whole", "0:600", jobs=1), tmp_path), tmp_path)[0] == 0
    same_results(tmp_path / "run", tmp_path / "whole")


@pytest.mark.slow
def test_a_disk_that_is_really_full(
    tmp_path: Path, slow_plugin: Callable[..., Path], same_results: Callable[..., None]
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(disk)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this needs the permission to mount a small disk")
    slow_plugin()
    line = command(disk / "run", "0:150", jobs=1)
    try:
        full = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True)
        assert full.returncode == 1, full.stderr
        assert "No space left on device; what is finished is kept, run again to go on" in full.stderr.splitlines()[-1]
        assert "Traceback" not in full.stderr
        kept = entries(disk / "run")
        assert 0 < len(kept) < 900
        again = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True)
        assert again.returncode == 1, again.stderr
        assert entries(disk / "run").keys() >= kept.keys()
        subprocess.run(["mount", "-o", "remount,size=40m", str(disk)], check=True)
        done = subprocess.run([*line, "--json"], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["kept"] >= len(kept)
        whole = subprocess.run(command(tmp_path / "whole", "0:150", jobs=1), cwd=tmp_path, capture_output=True)
        assert whole.returncode == 0
        same_results(disk / "run", tmp_path / "whole")
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)
