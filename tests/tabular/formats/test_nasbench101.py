"""NAS-Bench-101: a small file in the published format, written here byte by byte."""

from __future__ import annotations

import base64
import json
import struct
from pathlib import Path

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.spaces.nasbench101 import NASBench101Space
from harness.tabular.catalogue import load_table
from harness.tabular.formats import nasbench101
from harness.tabular.formats.nasbench101 import crc32c, masked, records
from harness.tabular.importing import import_published
from harness.testing import check_benchmark

C3, C1, MP = "conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3"
# The example of the benchmark's own documentation, a chain, a cell of two vertices, and one of four.
CELLS = [
    ("0111010" "0000001" "0000001" "0000100" "0000001" "0000001" "0000000", f"input,{C1},{C3},{C3},{C3},{MP},output"),
    ("0100" "0010" "0001" "0000", f"input,{C3},{MP},output"),
    ("01" "00", "input,output"),
    ("0110" "0001" "0001" "0000", f"input,{C1},{C3},output"),
]  # fmt: skip
LENGTHS = (4, 12, 36, 108)


def bitwise_crc(data: bytes) -> int:
    """CRC-32C bit by bit, and masked: another way than the one that is tested."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def varint(value: int) -> bytes:
    out = b""
    while value >= 0x80:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def message(params: int, evaluations: list[dict[int, float]]) -> bytes:
    out = b""
    for evaluation in evaluations:
        body = b"".join(varint(field << 3 | 1) + struct.pack("<d", value) for field, value in evaluation.items())
        body += varint(6 << 3 | 2) + varint(4) + b"ckpt"
        out += varint(1 << 3 | 2) + varint(len(body)) + body
    return out + varint(2 << 3) + varint(params) + varint(3 << 3 | 1) + struct.pack("<d", 99.0)


def value(cell: int, epochs: int, training: int, field: int, final: bool = True) -> float:
    """A number that tells where it belongs."""
    return 0.01 * cell + 0.0001 * epochs + 0.001 * training + 0.1 * field + (0.05 if final else 0)


def record(cell: int, epochs: int, training: int) -> bytes:
    halves = [dict.fromkeys(range(1, 6), 0.0)] + [
        {f: value(cell, epochs, training, f, final) for f in range(1, 6)} for final in (False, True)
    ]
    adjacency, operations = CELLS[cell]
    metrics = base64.b64encode(message(1000 + cell, halves)).decode()
    return json.dumps([f"hash{cell}", epochs, adjacency, operations, metrics]).encode()


def framed(data: bytes) -> bytes:
    head = struct.pack("<Q", len(data))
    return head + struct.pack("<I", bitwise_crc(head)) + data + struct.pack("<I", bitwise_crc(data))


def published(lengths: tuple[int, ...] = LENGTHS, cells: int = len(CELLS)) -> bytes:
    """Every training but the third of cell 1 at 12 epochs; trainings in order, lengths and cells mixed."""
    return b"".join(
        framed(record(cell, epochs, training))
        for training in (1, 2, 3)
        for epochs in lengths
        for cell in range(cells)
        if (cell, epochs, training) != (1, 12, 3)
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "nasbench_full.tfrecord"
    file.write_bytes(published())
    return file


def test_checksums_are_those_of_the_standard() -> None:
    texts = [b"123456789", b"", b"a", bytes(32), b"\xff" * 32, bytes(range(32)), b"x" * 1000]
    found = crc32c(texts).tolist()
    assert found[:6] == [0xE3069283, 0, 0xC1D04330, 0x8A9136AA, 0x62A8AB43, 0x46DD794E]  # RFC 3720 and its like
    assert masked(crc32c(texts)).tolist() == [bitwise_crc(text) for text in texts]


def test_every_number_is_where_it_was(path: Path) -> None:
    assert import_published(str(path), progress=False) == [f"nasbench101/cifar10@{epochs}" for epochs in LENGTHS]
    space = NASBench101Space()
    for epochs in LENGTHS:
        table = load_table(f"nasbench101/cifar10@{epochs}")
        check_benchmark(table, sample=20)
        assert (len(table), table.unit) == (4, "fraction")
        for cell, (adjacency, operations) in enumerate(CELLS):
            row = table.rows[space.index(space.parse(f"{adjacency}|{operations}"))]
            there = [t for t in (1, 2, 3) if (cell, epochs, t) != (1, 12, 3)]
            for name, field, at in (
                ("valid", 4, epochs),
                ("train_accuracy", 3, epochs),
                ("cost", 2, epochs),
                ("test", 5, 108),
            ):
                trainings = (1, 2, 3) if at == 108 else there
                wanted = np.mean([value(cell, at, t, field) for t in trainings])
                assert table.columns[name][row] == pytest.approx(wanted, abs=1e-12), (name, cell)
            assert table.columns["valid_seeds"][row] == len(there)
            assert table.columns["params"][row] == 1000 + cell


def test_one_training_by_its_place(path: Path) -> None:
    import_published(str(path), seed=3, progress=False)
    table = load_table("nasbench101/cifar10@12+seed3")
    space = NASBench101Space()
    rows = [table.rows[space.index(space.parse("|".join(cell)))] for cell in CELLS]
    assert rows[1] == -1  # has no third training of 12 epochs
    assert len(table) == 3
    assert table.valid[rows[3]] == value(3, 12, 3, 4)
    assert table.test[rows[3]] == value(3, 108, 3, 5)
    with pytest.raises(HarnessError, match="numbered 1 to 3; there is no 777"):
        import_published(str(path), seed=777, progress=False)


def test_every_numbering_of_a_cell_has_its_row(path: Path) -> None:
    import_published(str(path), progress=False)
    table = load_table("nasbench101/cifar10@108")
    space = NASBench101Space()
    same = [  # cell 3 with its branches exchanged, with a dead end, and on seven vertices
        ("0110" "0001" "0001" "0000", f"input,{C3},{C1},output"),
        ("01100" "00011" "00001" "00000" "00000", f"input,{C3},{C1},{MP},output"),
        ("0010100" "0000000" "0000001" "0000000" "0000001" "0000000" "0000000", f"input,{MP},{C1},{MP},{C3},{MP},output"),
    ]  # fmt: skip
    own = table.rows[space.index(space.parse("|".join(CELLS[3])))]
    assert own >= 0
    for cell in same:
        assert table.rows[space.index(space.parse("|".join(cell)))] == own
    assert len(set(table.rows[table.rows >= 0].tolist())) == 4


@pytest.mark.parametrize("keep", [5, 11, 40, 500, 3000])
def test_a_cut_file_says_where(keep: int, path: Path) -> None:
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(HarnessError, match=r"cut short in record \d+, at byte|checksum of record \d+"):
        import_published(str(path), progress=False)


@pytest.mark.parametrize("batch", [1, 3, 20_000])
def test_a_flipped_bit_is_found_in_its_record(batch: int, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nasbench101, "BATCH", batch)
    sizes = np.cumsum([0, *(len(body) + 16 for body in records(path))])
    content = bytearray(path.read_bytes())
    content[sizes[6] + 60] ^= 4
    path.write_bytes(bytes(content))
    with pytest.raises(HarnessError, match="the checksum of record 7 does not hold; fetch nasbench_full"):
        import_published(str(path), progress=False)


@pytest.mark.parametrize(
    ("content", "message_"),
    [
        (b"", "there is no record"),
        (b"<html>" * 100, "claims .* bytes: damaged, or no TFRecord file"),
        (framed(b"[1, 2]"), "record 1 is not as published"),
        (framed(json.dumps(["h", 4, "0100", "input,output", "AAAA"]).encode()), "record 1 is not as published"),
        (published(lengths=(4,)), "no training of 108 epochs"),
        (framed(record(2, 108, 1).replace(b'"0100"', b'"0000"')), "the output cannot be reached"),
        (framed(record(2, 108, 1)) + framed(record(2, 108, 2).replace(b"input,", b" input,")), "cannot read"),
    ],
)  # fmt: skip
def test_another_file_is_one_line(content: bytes, message_: str, path: Path) -> None:
    path.write_bytes(content)
    with pytest.raises(HarnessError, match=message_) as refusal:
        import_published(str(path), progress=False)
    assert "\n" not in str(refusal.value)
