"""Published pickles are read, and no other: nothing in them is ever executed."""

from __future__ import annotations

import builtins
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.tabular.pickles import read_pickle


class Call:
    """Pickles as a call of `function` with `arguments`."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self._call = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self._call


class State:
    """Pickles as an object whose state is set by what it was made of."""

    def __init__(self, made_by: Callable[..., Any], state: Any) -> None:
        self._reduced = (made_by, (), state)

    def __reduce__(self) -> Any:
        return self._reduced


def payloads(mark: str) -> dict[str, bytes]:
    """Pickles that would make the file `mark` if they were believed."""
    code = f"open({mark!r}, 'w').close()"
    return {
        "os.system": pickle.dumps(Call(os.system, f"touch {mark}")),
        "posix.system, protocol 0": pickle.dumps(Call(os.system, f"touch {mark}"), protocol=0),
        "subprocess.Popen": pickle.dumps(Call(subprocess.Popen, ["touch", mark])),
        "builtins.eval": pickle.dumps(Call(eval, code)),
        "builtins.exec": pickle.dumps(Call(exec, code)),
        "open": pickle.dumps(Call(open, mark, "w")),
        "nested": pickle.dumps({1: {"valid_perf": [0.5, (Call(exec, code),)]}}),
        "reduce in a reduce": pickle.dumps(Call(Call, Call(eval, code))),
        "getattr": pickle.dumps(Call(getattr, Call(__import__, "os"), "system")),
        "importlib": pickle.dumps(Call(__import__, "os")),
        "old name of builtins": b"c__builtin__\neval\n(V" + code.encode() + b"\ntR.",
        "INST opcode": b"(V" + code.encode() + b"\ni__builtin__\neval\n.",
        "OBJ opcode": b"(c__builtin__\neval\nV" + code.encode() + b"\no.",
        "dotted name behind an allowed one": _dotted("numpy", "dtype.__init__", code),
        "dotted name on the allow-list's module": _dotted("numpy", "testing.run_module_suite", code),
        "numpy.load of a pickle": pickle.dumps(Call(np.load, mark, None, True)),
        "numpy.memmap": pickle.dumps(Call(np.memmap, mark, "u1", "w+", 0, 8)),
        "numpy.fromfile": pickle.dumps(Call(np.fromfile, mark)),
        "object array": pickle.dumps(np.array([Call(exec, code)], dtype=object)),
        "extension code": b"\x80\x02\x82\x01.",
        "persistent id": b"Pabc\n.",
        "build on an allowed object": pickle.dumps(State(dict, None))[:-1] + b"c__builtin__\neval\nb.",
    }


def _dotted(module: str, name: str, argument: str) -> bytes:
    def text(value: str) -> bytes:
        return pickle.SHORT_BINUNICODE + bytes([len(value)]) + value.encode()

    return (
        b"\x80\x04"
        + text(module)
        + text(name)
        + pickle.STACK_GLOBAL
        + text(argument)
        + pickle.TUPLE1
        + pickle.REDUCE
        + b"."
    )


NAMES = sorted(payloads("mark"))


@pytest.mark.parametrize("name", NAMES)
def test_a_malicious_pickle_is_refused_and_not_executed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark, path = tmp_path / "executed", tmp_path / "table.bench"
    path.write_bytes(payloads(str(mark))[name])
    called: list[str] = []
    for owner, function in [(os, "system"), (builtins, "eval"), (builtins, "exec"), (builtins, "__import__")]:
        original = getattr(owner, function)

        def spy(*arguments: Any, _name: str = function, _original: Any = original, **named: Any) -> Any:
            if _name != "__import__" or arguments[:1] == ("os",):
                called.append(_name)
            return _original(*arguments, **named)

        monkeypatch.setattr(owner, function, spy)
    with pytest.raises(HarnessError, match="refused to read this pickle") as caught:
        read_pickle(path)
    monkeypatch.undo()
    assert not mark.exists()
    assert called == []
    assert "\n" not in str(caught.value)


def test_the_corpus_bites(tmp_path: Path) -> None:
    """Read by a plain unpickler the payloads do run: the test above means something."""
    for name in ("os.system", "builtins.exec", "nested", "old name of builtins", "INST opcode", "OBJ opcode"):
        mark = tmp_path / name.replace(" ", "-")
        script = f"import pickle; pickle.loads({payloads(str(mark))[name]!r})"
        subprocess.run([sys.executable, "-c", script], check=True, cwd=tmp_path)
        assert mark.exists(), name


@pytest.mark.parametrize(
    "content", [b"", b"not a pickle", b"\x80\x05", pickle.dumps({1: 2})[:-1], b"(" * 100_000 + b".", b"\x80\xff."]
)
def test_a_damaged_pickle_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "table.bench"
    path.write_bytes(content)
    with pytest.raises(HarnessError, match=r"table\.bench: refused to read this pickle: ."):
        read_pickle(path)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="no such file"):
        read_pickle(tmp_path / "table.bench")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_values_are_read(protocol: int, tmp_path: Path) -> None:
    value = {7: {"valid_perf": np.float64(0.5), "perf": 0.25, "names": ["a", ("b", None, True)], "n": np.int64(3)}}
    path = tmp_path / "table.bench"
    path.write_bytes(pickle.dumps(value, protocol=protocol))
    assert read_pickle(path) == value


def test_the_shared_types_of_numpy_cannot_be_altered(tmp_path: Path) -> None:
    """A pickle may set the state of a dtype; it must not reach the one that the whole process uses."""
    path = tmp_path / "table.bench"
    path.write_bytes(
        b"\x80\x02cnumpy\ndtype\n(X\x02\x00\x00\x00f8I00\nI00\ntR(I3\nX\x01\x00\x00\x00>NNNI64\nI64\nI0\ntb."
    )
    assert read_pickle(path).dtype == np.dtype(">f8")  # a stand-in, of its own
    assert (np.dtype("f8").itemsize, np.dtype("f8").byteorder) == (8, "=")
