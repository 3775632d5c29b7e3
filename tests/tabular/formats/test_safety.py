"""Files that try to do more than hold numbers: each is refused by one line, and nothing of it runs."""

from __future__ import annotations

import bz2
import collections
import io
import os
import pickle
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.tabular import pickles
from harness.tabular.pickles import LARGEST_FILE, bounds, load_items, open_bounded, read_pickle, refusals
from harness.tabular.torch_files import MAGIC, PROTOCOL, is_torch, open_torch


class Calls:
    """Pickles as a call of `function`."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.parts = function, arguments

    def __reduce__(self) -> tuple[object, ...]:
        return self.parts


def global_of(module: str, name: str) -> bytes:
    return b"c" + module.encode() + b"\n" + name.encode() + b"\n"


CALL = b"(S'touch executed'\ntR"  # a call, with one argument, of what stands on the stack

# Name -> (the pickle, what the refusal must name)
CORPUS: dict[str, tuple[bytes, str]] = {
    "os.system": (pickle.dumps(Calls(os.system, "touch executed")), f"{os.system.__module__}.system"),
    "builtins.eval": (pickle.dumps(Calls(eval, "open('executed', 'w')")), "builtins.eval"),
    "builtins.exec, old name": (global_of("__builtin__", "exec") + CALL + b".", "__builtin__.exec"),
    "builtins.getattr": (pickle.dumps(Calls(getattr, "", "join")), "builtins.getattr"),
    "builtins.__import__": (pickle.dumps(Calls(__import__, "os")), "builtins.__import__"),
    "subprocess.Popen": (pickle.dumps(Calls(subprocess.Popen, ["touch", "executed"])), "subprocess.Popen"),
    "nested reduce": (
        pickle.dumps({"a": [Calls(collections.OrderedDict, [("b", Calls(os.system, "touch executed"))])]}),
        "system",
    ),
    "INST opcode": (b"(S'touch executed'\nios\nsystem\n.", "os.system"),
    "OBJ opcode": (b"(" + global_of("os", "system") + b"S'touch executed'\no.", "os.system"),
    "dotted name": (
        b"\x80\x04\x8c\x0bcollections\x8c\x1dOrderedDict.__init__.__self__\x93.",
        "collections.OrderedDict.__init__",
    ),
    "extension registry": (b"\x80\x02\x82\x01.", "extension"),
    "pickle in a pickle": (pickle.dumps(Calls(pickle.loads, b"N.")), "_pickle.loads"),
    "numpy.load": (b"\x80\x02" + global_of("numpy", "load") + b".", "numpy.load"),
    "numpy's own runner": (b"\x80\x02" + global_of("numpy.testing", "runstring") + b".", "numpy.testing.runstring"),
    "numpy array of objects": (pickle.dumps(np.array([{}], dtype=object)), "data type 'O8'"),
    "numpy record type": (pickle.dumps(np.zeros(1, dtype=[("a", "f8")])), "data type"),
    "numpy type with metadata": (pickle.dumps(np.dtype("f8", metadata={"a": 1})), "changes a data type"),
    "a large scalar of nothing": (pickle.dumps(Calls(np.dtype, "V99999999")), "data type"),
    "array larger than its bytes": (
        pickle.dumps(np.zeros(3)).replace(b"K\x03", b"K\x7f"),
        "array of shape",
    ),
    "torch storage": (b"\x80\x02U\x07storageQ.", "trained weights"),
    "torch rebuild with hooks": (
        b"\x80\x02" + global_of("torch._utils", "_rebuild_tensor_v2") + b"(NtR.",
        "torch._utils._rebuild_tensor_v2",
    ),
    "torch storage type": (b"\x80\x02" + global_of("torch", "FloatStorage") + b".", "torch.FloatStorage"),
    "torch load": (b"\x80\x02" + global_of("torch.serialization", "load") + b".", "torch.serialization.load"),
    "state for a function": (
        b"\x80\x02" + global_of("numpy.core.multiarray", "scalar") + b"N}X\x01\x00\x00\x00aK\x01s\x86b.",
        "change what it may only call",
    ),
    "state for a built-in type": (
        b"\x80\x02" + global_of("collections", "OrderedDict") + b"N}X\x01\x00\x00\x00aK\x01s\x86b.",
        "immutable type",
    ),
    "encode with another codec": (
        b"\x80\x02" + global_of("_codecs", "encode") + b"X\x01\x00\x00\x00aX\x05\x00\x00\x00rot13\x86R.",
        "encodes a text",
    ),
}


def framed_as_items(body: bytes) -> bytes:
    """A pickle of the published shape whose first cell is `body`."""
    inner = body.removeprefix(b"\x80\x02").removeprefix(b"\x80\x04").removesuffix(b".")
    return b"\x80\x04}(X\x05\x00\x00\x00cells}(K\x00" + inner + b"K\x01K\x01uu."


def refuse_items(path: Path) -> None:
    with refusals(path), open_bounded(path, LARGEST_FILE) as stream:
        load_items(stream, "cells", lambda key, value: None)


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "bz2"])
@pytest.mark.parametrize("name", CORPUS)
def test_malicious_pickles_are_refused_by_name_and_nothing_runs(
    name: str, packed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    body, named = CORPUS[name]
    path = tmp_path / "file.pickle"
    path.write_bytes(bz2.compress(body) if packed else body)
    with pytest.raises(HarnessError) as refusal:
        read_pickle(path)
    assert str(path) in str(refusal.value)
    assert named in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("name", CORPUS)
def test_malicious_pickles_are_refused_in_the_reader_of_items_too(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "file.pickle"
    path.write_bytes(framed_as_items(CORPUS[name][0]))
    with pytest.raises(HarnessError) as refusal:
        refuse_items(path)
    assert "\n" not in str(refusal.value)
    if "numpy" not in name and "state for" not in name:  # frames of these are not at the head
        assert CORPUS[name][1].split(".")[-1] in str(refusal.value)
    assert not (tmp_path / "executed").exists()


def test_corpus_does_run_when_it_is_not_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pickle.loads(CORPUS["os.system"][0])
    assert (tmp_path / "executed").exists()


@pytest.mark.parametrize("protocol", range(2, 6))
def test_plain_data_is_read_as_it_was_written(protocol: int, tmp_path: Path) -> None:
    value = {
        "numbers": [1, 2.5, -3, 2**70, True, None],
        "texts": ("a", "é" * 300, b"\x00\xff", b""),
        "ordered": collections.OrderedDict([(0, 1.0), (1, 2.0)]),
        "set": {1, 2, 3},
        ("cifar10", 777): np.float64(1.5),
        "integer": np.int64(-7),
        "single": np.float32(0.1),
    }
    path = tmp_path / "plain.pickle"
    path.write_bytes(pickle.dumps(value, protocol))
    read = read_pickle(path)
    assert read == value
    assert type(read["integer"]) is int
    assert type(read["ordered"]) is collections.OrderedDict


@pytest.mark.parametrize("protocol", range(2, 6))
@pytest.mark.parametrize("dtype", ["<f8", ">f8", "<f4", "i8", "?", "u1"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_are_read_as_they_were_written(protocol: int, dtype: str, order: str, tmp_path: Path) -> None:
    values = np.asarray((np.arange(6).reshape(2, 3) * 1.5).astype(dtype), order=order)  # type: ignore[call-overload]
    path = tmp_path / "array.pickle"
    path.write_bytes(pickle.dumps(values, protocol))
    np.testing.assert_array_equal(np.asarray(read_pickle(path)), values)


def test_old_and_new_module_names_of_numpy_are_the_same(tmp_path: Path) -> None:
    body = pickle.dumps({"a": np.float64(2.5)}, 2)
    assert b"numpy._core" in body
    for number, text in enumerate((body, body.replace(b"numpy._core", b"numpy.core"))):
        path = tmp_path / f"{number}.pickle"
        path.write_bytes(text)
        assert read_pickle(path) == {"a": 2.5}


def test_a_file_that_grows_when_unpacked_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.pickle.pbz2"
    path.write_bytes(bz2.compress(b"\x80\x04B\x00\x00\x00\x04" + bytes(2**26) + b"."))
    assert path.stat().st_size < 1000
    with pytest.raises(HarnessError, match=r"more than 1,000,000 bytes once decompressed"):
        read_pickle(path, limit=1_000_000)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded where the system says how much there is")
@pytest.mark.parametrize(
    "body",
    [
        b"\x80\x04r\xff\xff\xff\x7f.".replace(b"r", b"Nr"),  # an entry of the memo far away
        b"\x80\x04\x8e" + struct.pack("<Q", 2**40) + b"a.",  # bytes that are not there
    ],
    ids=["memo", "length"],
)
def test_a_few_bytes_cannot_ask_for_all_memory(body: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MEMORY", 2**28)
    path = tmp_path / "bomb.pickle"
    path.write_bytes(body)
    with pytest.raises(HarnessError, match="refused"):
        read_pickle(path)
    assert len(bytearray(2**29)) == 2**29  # the bound is lifted again


def test_a_cut_file_says_so(tmp_path: Path) -> None:
    path = tmp_path / "cut.pickle"
    for body in (b"", pickle.dumps(list(range(1000)))[:-50], bz2.compress(pickle.dumps([1.5] * 1000))[:-9]):
        path.write_bytes(body)
        with pytest.raises(HarnessError, match=r"cut\.pickle: refused to read this pickle: .*(cut short|truncated)"):
            read_pickle(path)


def test_items_come_one_at_a_time_and_equal_what_pickle_reads(tmp_path: Path) -> None:
    cells = {i: {"a": [float(i)] * 3, ("b", i % 7): {f"x@{j}": j * 0.5 for j in range(5)}} for i in range(2001)}
    whole = {"names": ["n"] * 4, "cells": cells, "after": {1, 2}}
    for protocol in (2, 4):
        path = tmp_path / "items.pickle"
        path.write_bytes(pickle.dumps(whole, protocol))
        seen: dict[int, object] = {}
        with open_bounded(path, LARGEST_FILE) as stream:
            rest = load_items(stream, "cells", seen.__setitem__)
        assert seen == cells
        assert list(seen)[:999] == list(range(999))  # as they come, the last of a batch in the end
        assert rest == {"names": whole["names"], "after": whole["after"]}


def test_items_of_the_whole_pickle_come_one_at_a_time_too(tmp_path: Path) -> None:
    cells = {i * 997: {"a": [[{1: 2.5}, 0.5]] * 3, "b": {0: 1, 1: {2: 3, 3: 4}}} for i in range(1500)}
    path = tmp_path / "items.pickle"
    path.write_bytes(pickle.dumps(cells))
    seen: dict[int, object] = {}
    counts: list[int] = []
    with open_bounded(path, LARGEST_FILE) as stream:
        assert load_items(stream, None, lambda key, value: (seen.update({key: value}), counts.append(len(seen)))) == {}
    assert seen == cells
    assert counts == list(range(1, 1501))


def test_items_that_share_containers_are_refused(tmp_path: Path) -> None:
    shared = [1.0, 2.0]
    path = tmp_path / "shared.pickle"
    path.write_bytes(pickle.dumps({"cells": {0: {"a": shared}, 1: {"a": shared}, 2: {}}}))
    with pytest.raises(HarnessError, match="share containers"):
        refuse_items(path)


def test_a_memo_out_of_order_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "memo.pickle"
    path.write_bytes(b"\x80\x04}(X\x05\x00\x00\x00cellsr\xff\xff\xff\x7f}uu.")
    with pytest.raises(HarnessError, match="out of order"):
        refuse_items(path)


def legacy(*objects: object) -> bytes:
    return b"".join(pickle.dumps(item, 2) for item in (MAGIC, PROTOCOL, {"little_endian": True}, *objects))


def archive(parts: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as target:
        for name, body in parts.items():
            target.writestr(name, body)
    return buffer.getvalue()


def read_torch(path: Path) -> object:
    with refusals(path), open_torch(path, LARGEST_FILE) as stream:
        return pickles.load(stream)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (archive({"a/data.pkl": b"N.", "../../etc/passwd": b""}), "leads out"),
        (archive({"a/data.pkl": b"N.", "/etc/passwd": b""}), "leads out"),
        (archive({"a/data.pkl": b"N.", "..\\..\\evil": b""}), "leads out"),
        (archive({"a/data.pkl": bytes(10**7)}, zipfile.ZIP_DEFLATED), "packed"),
        (archive({"a/data.pkl": CORPUS["os.system"][0]}), "system"),
        (archive({"a/data.pkl": b"N.", "b/data.pkl": b"N."}), "instead of one"),
        (legacy(Calls(os.system, "touch executed")), "system"),
        (pickle.dumps(MAGIC, 2) + CORPUS["os.system"][0], "system"),
        (pickle.dumps(12, 2), "no file of torch"),
    ],
)
def test_torch_files_that_are_none_are_refused(
    body: bytes, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "file.pth"
    path.write_bytes(body)
    with pytest.raises(HarnessError, match=named):
        read_torch(path)
    assert not (tmp_path / "executed").exists()


def test_both_layouts_of_torch_are_read_without_torch(tmp_path: Path) -> None:
    value = {"a": [1.5, np.float64(2)], "b": collections.OrderedDict()}
    path = tmp_path / "file.pth"
    for body in (legacy(value, []), archive({"archive/data.pkl": pickle.dumps(value, 2), "archive/version": b"3\n"})):
        path.write_bytes(body)
        assert is_torch(path)
        assert read_torch(path) == value
    path.write_bytes(pickle.dumps(value))
    assert not is_torch(path)


@pytest.mark.torch
@pytest.mark.parametrize("new", [False, True], ids=["legacy", "zip"])
def test_files_of_torch_itself_are_read_and_weights_are_not(new: bool, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    path = tmp_path / "file.pth"
    torch.save({"a": np.float64(0.5)}, path, _use_new_zipfile_serialization=new)
    assert is_torch(path)
    assert read_torch(path) == {"a": 0.5}
    torch.save({"a": torch.zeros(2)}, path, _use_new_zipfile_serialization=new)
    with pytest.raises(HarnessError, match=r"torch\._utils|torch\.FloatStorage"):
        read_torch(path)
