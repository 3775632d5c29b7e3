"""A run that is killed, interrupted, crowded or out of disk goes on as if nothing had been."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness.errors import HarnessError, RunError
from harness.running.folder import RunFolder
from harness.running.records import Entry
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
from harness.running.folder import RunFolder
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
