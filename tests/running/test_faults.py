"""A run that is killed, interrupted, crowded or out of disk goes on as if nothing had been."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness.errors import HarnessError, RunError
from harness.running.records import Entry, RunFolder, read_run
from harness.running.runner import run
from harness.system.files import write_whole

SUITE: dict[str, Any] = {
    "name": "small",
    "seeds": "0:10",
    "benchmarks": ["synthetic/ridge"],
    "budgets": {"evaluations": 8},
    "methods": [{"name": "random"}, {"name": "local-search"}, {"name": "regularized-evolution", "population": 3}],
}


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing happened to."""
    output = tmp_path_factory.mktemp("reference") / "run"
    run(SUITE, output, backend="sequential")
    return output


def go_on(output: Path) -> pd.DataFrame:
    return run(SUITE, output, backend="sequential")


class Killed(BaseException):
    """Stands for the end of the process: nothing may catch it."""


NEED_SPACE = [(os, "fsync"), (Path, "replace"), (Path, "mkdir")]
OPERATIONS = [*NEED_SPACE, (os, "ftruncate"), (Path, "unlink")]


def no_space() -> OSError:
    return OSError(28, os.strerror(28))


@contextmanager
def failing_at(number: int, error: Callable[[], BaseException], after: bool) -> Iterator[list[str]]:
    """The operation of this number on the disk fails, before or after it was done; so do all later ones."""
    done: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        for owner, name in OPERATIONS if error is Killed else NEED_SPACE:
            original = getattr(owner, name)

            def operation(*arguments: Any, _name: str = name, _original: Any = original, **named: Any) -> Any:
                done.append(_name)
                if len(done) > number and not (after and len(done) == number + 1):
                    raise error()
                result = _original(*arguments, **named)
                if len(done) > number:
                    raise error()
                return result

            patch.setattr(owner, name, operation)
        yield done


@pytest.mark.parametrize("after", [False, True])
def test_killed_at_every_write(
    after: bool, reference: Path, tmp_path: Path, same_results: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.running import runner

    monkeypatch.setattr(runner, "CHUNK", 5)
    monkeypatch.setattr(runner, "CHUNK_LOCKSTEP", 5)
    for number in range(1000):
        output = tmp_path / str(number)
        with failing_at(number, Killed, after) as done:
            try:
                go_on(output)
            except Killed:
                pass
            else:
                break
        go_on(output)
        same_results(output, reference)
    assert len(done) == number > 6 + 4  # a write for each task, the two JSON files, and the two Parquet files


@pytest.mark.parametrize("number", [0, 2, 4, 6, 8])
def test_killed_while_a_grown_suite_is_compacted(
    number: int, reference: Path, tmp_path: Path, same_results: Callable[..., None]
) -> None:
    """Older records are there already: each keeps its own trace."""
    output = tmp_path / "run"
    run(SUITE | {"seeds": "0:3"}, output, backend="sequential")
    compact = RunFolder.compact

    def killed(*arguments: Any) -> None:
        with failing_at(number, Killed, True):
            compact(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunFolder, "compact", killed)
        with suppress(Killed):
            go_on(output)
    go_on(output)
    same_results(output, reference)


def test_a_full_disk_at_every_write(reference: Path, tmp_path: Path, same_results: Callable[..., None]) -> None:
    kept = []
    for number in range(1000):
        output = tmp_path / str(number)
        with failing_at(number, no_space, False) as done:
            try:
                go_on(output)
            except HarnessError as error:
                message = str(error)
            else:
                break
        assert "No space left on device" in message, done
        assert "\n" not in message
        entries = RunFolder(output).entries()
        kept.append(len(entries))
        assert go_on(output)["status"].eq("ok").all()
        same_results(output, reference)
    assert max(kept) == 30


def test_a_full_disk_ends_with_exit_code_1(tmp_path: Path, cli: Callable[..., Any]) -> None:
    command = ["run", "--benchmark", "synthetic/ridge", "--method", "random", "--seeds", "0:4", "--no-report", "-q"]
    command += ["--backend", "sequential", "-o", tmp_path / "run"]
    with failing_at(3, no_space, False):
        outcome = cli(*command)
    assert outcome.code == 1
    assert outcome.err.count("\n") == 1
    assert "No space left on device" in outcome.err
    assert cli(*command).code == 0


def entries(output: Path) -> dict[str, Entry]:
    return RunFolder(output).entries()


@pytest.fixture
def journal(reference: Path, tmp_path: Path) -> Path:
    """The journal of a run that was killed just before its end."""
    output = tmp_path / "killed"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunFolder, "compact", lambda *arguments: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            go_on(output)
    assert len(entries(output)) == 30
    return output / "journal.jsonl"


def test_a_journal_cut_short_anywhere(journal: Path, reference: Path, same_results: Callable[..., None]) -> None:
    content = journal.read_bytes()
    whole = entries(journal.parent)
    starts = [0, *(place + 1 for place, byte in enumerate(content) if byte == 10)]
    random_places = random.Random(1).sample(range(len(content)), 40)
    for length in [0, 1, 15, 16, 17, *starts[1:4], starts[1] - 1, len(content) - 1, *random_places]:
        journal.write_bytes(content[:length])
        found = entries(journal.parent)
        assert len(found) == sum(start <= length for start in starts[1:])
        assert all(whole[key] == entry for key, entry in found.items())
    # What is appended behind a broken tail is not lost with it.
    journal.write_bytes(content[: starts[7] + 20])
    with RunFolder(journal.parent) as folder:
        folder.append([whole[key] for key in list(whole)[-3:]])
    assert len(entries(journal.parent)) == 10
    go_on(journal.parent)
    same_results(journal.parent, reference)


@pytest.mark.parametrize(
    "garbage",
    [b"\x00" * 500, b"\xff\xfe\n\xfd", b"{}\n", b"\n\n\n", b"0123456789abcdef {}\n", b"[1, 2]\n", b"a b c"],
)
def test_garbage_in_the_journal(
    garbage: bytes, journal: Path, reference: Path, same_results: Callable[..., None]
) -> None:
    lines = journal.read_bytes().splitlines(keepends=True)
    spoilt = bytearray(lines[20])
    spoilt[len(spoilt) // 2] ^= 1
    journal.write_bytes(b"".join(lines[:7]) + garbage + b"".join(lines[7:20]) + spoilt + b"".join(lines[21:]))
    assert 28 <= len(entries(journal.parent)) <= 29
    go_on(journal.parent)
    same_results(journal.parent, reference)


def test_cells_twice_in_the_journal(journal: Path, reference: Path, same_results: Callable[..., None]) -> None:
    journal.write_bytes(journal.read_bytes() * 2)
    go_on(journal.parent)
    same_results(journal.parent, reference)


def test_a_later_failure_hides_no_success(tmp_path: Path) -> None:
    fine = Entry({"cell": "a", "status": "ok"}, [])
    failed = Entry({"cell": "a", "status": "failed"}, [])
    for order, expected in [([fine, failed], fine), ([failed, fine], fine), ([failed, failed], failed)]:
        folder = RunFolder(tmp_path)
        folder.append(order)
        assert folder.entries() == {"a": expected}
        (tmp_path / "journal.jsonl").unlink()


def test_an_append_that_fails_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (Entry({"cell": name, "status": "ok"}, []) for name in "ab")
    with RunFolder(tmp_path) as folder:
        folder.append([first])
        before = (tmp_path / "journal.jsonl").read_bytes()

        def full(*_: Any) -> None:
            raise no_space()

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(RunError, match="No space left on device; what is finished is kept"):
            folder.append([second])
        assert (tmp_path / "journal.jsonl").read_bytes() == before
        monkeypatch.undo()
        folder.append([second])
        assert set(folder.entries()) == {"a", "b"}


def test_a_whole_file_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_whole(path, b"old")
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(5, "Input/output error")))
    with pytest.raises(RunError, match="Input/output error; what was there before is intact"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


HOLD = """
import sys, time
from pathlib import Path
from harness.running.records import RunFolder
with RunFolder(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_run_into_the_folder_is_refused(
    tmp_path: Path, cli: Callable[..., Any], snapshot: Callable[[Path], Any]
) -> None:
    output = tmp_path / "run"
    command = ["run", "--benchmark", "synthetic/ridge", "--method", "random", "--seeds", "0:2", "--no-report"]
    command += ["--backend", "sequential", "-o", output]
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(output)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        before = snapshot(output)
        outcome = cli(*command)
        assert outcome.code == 2
        assert outcome.err.count("\n") == 1
        assert "another run is writing into this folder" in outcome.err
        assert snapshot(output) == before
    finally:
        holder.kill()  # and its hold ends with it
        holder.communicate()
    assert cli(*command).code == 0


# What follows needs time: real processes, real kills, a real disk.

SLOW_PLUGIN = '''
import time
from dataclasses import dataclass

from harness import AskTell, Taxonomy, register_method


@register_method("slow")
@dataclass
class Slow(AskTell):
    """Random search that takes its time."""

    taxonomy = Taxonomy("any", "random", "none", "none")

    def start(self, problem, streams):
        super().start(problem, streams)
        self.draw = streams.uniforms("sample")
        time.sleep(0.004)

    def ask(self):
        return self.problem.sample(self.draw)

    def tell(self, arch, evaluation):
        pass
'''
KILLS = 8


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


def gone(session: int, timeout: float = 20) -> bool:
    """Whether all processes of a session come to their end."""
    deadline = time.monotonic() + timeout
    while alive(session) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not alive(session)


def alive(session: int) -> list[int]:
    """Processes of a session that are alive."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds its processes in /proc")


@pytest.mark.slow
@needs_proc
def test_killed_again_and_again_at_random_moments(tmp_path: Path, same_results: Callable[..., None]) -> None:
    (tmp_path / "slow.py").write_text(SLOW_PLUGIN)
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
            sessions.append(process.pid)
            kills += 1
            done.append(len(entries(output)) if output.exists() else 0)
        else:  # it came to its end before it was killed: once more from the beginning
            assert code == 0
            same_results(output, tmp_path / "uninterrupted")
            shutil.rmtree(output)
    assert all(gone(session) for session in sessions)
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
def test_workers_end_with_a_killed_run(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SLOW_PLUGIN)
    process = started(command(tmp_path / "run", "0:4000"), tmp_path)
    journalled(process, tmp_path / "run")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert alive(process.pid)
    assert gone(process.pid)


@pytest.mark.slow
@needs_proc
@pytest.mark.parametrize("whom", ["parent", "group"])
def test_an_interrupted_run(whom: str, tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SLOW_PLUGIN)
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
def test_a_killed_worker(tmp_path: Path, same_results: Callable[..., None]) -> None:
    """What the kernel does when memory runs out: one line, exit code 1, and the same command goes on."""
    (tmp_path / "slow.py").write_text(SLOW_PLUGIN)
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
def test_a_disk_that_is_really_full(tmp_path: Path, same_results: Callable[..., None]) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(disk)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this needs the permission to mount a small disk")
    (tmp_path / "slow.py").write_text(SLOW_PLUGIN)
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
