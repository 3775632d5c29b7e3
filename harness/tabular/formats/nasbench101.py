"""NAS-Bench-101 (Ying et al., ICML 2019): ``nasbench_full.tfrecord`` and ``nasbench_only108.tfrecord``, without TensorFlow.

A file has, for each of 423,624 cells, up to four training lengths (4, 12, 36 and 108 epochs) and three trainings of each, with
accuracies (fractions) on 10,000 images each of CIFAR-10's training images, of a validation set held out of them, and of the
test set. A benchmark ``nasbench101/cifar10@EPOCHS`` is *driven* by the validation accuracy at the end of so many epochs and
*reported* by the test accuracy at the end of 108. ``cost`` is the training time. There are no losses.

Where the package ``nasbench`` differs: a query answers with one of the three trainings at random, here it is their mean, or
one of them by its place in the file (1, 2 or 3, as training seed); its figures halfway through a training are not read.
"""

from __future__ import annotations

import base64
import json
import struct
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError
from harness.spaces.nasbench101 import NASBench101Space, first_of_class
from harness.tabular.formats import Job
from harness.tabular.table import Table

VERSION = "nasbench101 1"
WANTED = "nasbench_full.tfrecord or nasbench_only108.tfrecord"
FULL = 108
TRAININGS = 3
LARGEST_RECORD = 2**16  # bytes; a record of the published files has some 400
BATCH = 20_000  # records whose checksums are computed together
TRAIN, VALID, TEST, SECONDS = range(4)
METRICS = {3: TRAIN, 4: VALID, 5: TEST, 2: SECONDS}  # field of an evaluation -> what it is
FINAL = 2  # of the evaluations at the start, halfway and at the end
CITATION = "Ying, Klein, Real, Christiansen, Murphy, Hutter: NAS-Bench-101, ICML 2019"


def recognises(path: Path) -> bool:
    """Whether a file has the ending of one."""
    return path.suffix.lower() == ".tfrecord"


def convert(job: Job) -> Iterator[Table]:
    """Convert into ``nasbench101/cifar10@EPOCHS``."""
    return tables(job, VERSION, _trainings(job.path))


def _trainings(path: Path) -> Iterator[Training]:
    for number, record in enumerate(records(path), start=1):
        try:
            _, epochs, adjacency, operations, metrics = json.loads(record)
            trainable, final = _metrics(base64.b64decode(metrics, validate=True))
        except (ValueError, TypeError, IndexError, struct.error) as error:
            raise HarnessError(f"{path}: record {number} is not as published ({error})") from error
        yield Training(f"{adjacency}|{operations}", int(epochs), trainable, final)


class Training(NamedTuple):
    """One training of a cell: its text, epochs, number of parameters, and in the order of `METRICS` what its end measured."""

    cell: str
    epochs: int
    params: float
    final: list[float]


def tables(job: Job, version: str, trainings: Iterable[Training]) -> Iterator[Table]:
    """Make the benchmarks of trainings, those of a cell in the order of the file.

    Parameters
    ----------
    job
        The file, and what is wanted of it.
    version
        Of what read it.
    trainings
        All that it has.
    """
    job.refuse(valid=job.valid, test=job.test)
    if job.seed not in (None, *range(1, TRAININGS + 1)):
        raise HarnessError(f"{job.path}: its trainings are numbered 1 to {TRAININGS}; there is no {job.seed}")
    space = NASBench101Space()
    texts: dict[str, int] = {}  # row of a cell
    params = array("d")
    cells, lengths, values = array("i"), array("i"), array("d")
    for training in trainings:
        row = texts.setdefault(training.cell, len(texts))
        if row == len(params):
            params.append(training.params)
            job.advance()
        cells.append(row)
        lengths.append(training.epochs)
        values.extend(training.final)
    if not texts:
        raise HarnessError(f"{job.path}: there is no record in it")
    codes = np.array([space.parse(text) for text in texts], dtype=np.int16)
    rows = _rows(job, space, codes)
    found = _Trainings(cells, lengths, values, len(texts), job.seed)
    if FULL not in found.epochs:
        raise HarnessError(f"{job.path}: it has no training of {FULL} epochs, which are reported; wanted {WANTED}")
    test, test_count = found.mean(FULL)
    for epochs in found.epochs:
        mean, count = found.mean(epochs)
        keep = np.isfinite(mean[:, VALID]) & np.isfinite(test[:, TEST])
        if not keep.any():
            continue
        row_of = np.append(np.where(keep, np.cumsum(keep) - 1, -1), -1).astype(np.int32)
        columns = {
            "valid": mean[:, VALID],
            "test": test[:, TEST],
            "cost": mean[:, SECONDS],
            "train_accuracy": mean[:, TRAIN],
            "params": np.array(params),
        }
        if job.seed is None:
            columns |= {"valid_seeds": count.astype(np.float64), "test_seeds": test_count.astype(np.float64)}
        names = np.array(list(texts), dtype=object)[keep]
        job.check_complete({name: column[keep] for name, column in columns.items()}, names)
        trained = "mean over trainings" if job.seed is None else f"training {job.seed} of the file"
        yield Table(
            name=f"nasbench101/cifar10@{epochs}" + ("" if job.seed is None else f"+seed{job.seed}"),
            dataset="cifar10",
            space=space,
            rows=row_of[rows],
            codes=codes[keep],
            columns={name: column[keep] for name, column in columns.items()},
            unit="fraction",
            fidelity={
                "valid": f"CIFAR-10, validation set, {epochs} epochs, {trained}",
                "test": f"CIFAR-10, test set, {FULL} epochs, {trained}",
            },
            source={
                **job.source,
                "citation": CITATION,
                "licence": "Apache-2.0",
                "adapter": version,
                "units": {"cost": "seconds", "params": "count"},
                "rows_left_out": int((~keep).sum()),
            },
        )


class _Trainings:
    """Records in the order of the file, grouped by cell and length."""

    def __init__(self, cells: Any, lengths: Any, values: Any, n_cells: int, seed: int | None) -> None:
        self._cells, self._lengths = np.array(cells), np.array(lengths)
        self._values = np.array(values).reshape(-1, len(METRICS))
        self._n_cells, self._seed = n_cells, seed
        self.epochs: list[int] = np.unique(self._lengths).tolist()

    def mean(self, epochs: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Mean over trainings, or the wanted one, (n_cells, 4), NaN without; and the number of trainings, (n_cells,)."""
        mine = np.flatnonzero(self._lengths == epochs)
        mine = mine[np.argsort(self._cells[mine], kind="stable")]
        cells = self._cells[mine]
        count = np.bincount(cells, minlength=self._n_cells)
        place = np.arange(len(mine)) - np.repeat(np.cumsum(count) - count, count)  # 0, 1, 2 among its cell's
        if self._seed is not None:
            mine, cells = mine[place == self._seed - 1], cells[place == self._seed - 1]
            count = np.bincount(cells, minlength=self._n_cells)
        total = np.zeros((self._n_cells, len(METRICS)))
        np.add.at(total, cells, self._values[mine])
        with np.errstate(invalid="ignore"):
            return np.where(count[:, None] > 0, total / count[:, None], np.nan), count


def _rows(job: Job, space: NASBench101Space, codes: NDArray[np.int16]) -> NDArray[np.int32]:
    """Row of every encoding: that of the cell that is the same computation."""
    classes = first_of_class()
    own = classes[space.indices(codes)]
    if len(np.unique(own)) < len(own):
        raise HarnessError(f"{job.path}: it lists the same computation under two cells; is this another file?")
    row_of_class = np.full(space.size, -1, dtype=np.int32)
    row_of_class[own] = np.arange(len(own))
    return row_of_class[classes]


def records(path: Path) -> Iterator[bytes]:
    """Records of a TFRecord file, every checksum verified.

    Raises
    ------
    HarnessError
        If the file is cut, or a checksum does not hold; the message says at which record.
    """
    batch: list[bytes] = []  # length and body of every record
    sums: list[int] = []
    number = 0
    with path.open("rb") as stream:
        while head := stream.read(12):
            number += 1
            batch += [head[:8], _body(path, stream, head, number)]
            sums += [struct.unpack("<I", head[8:])[0], struct.unpack("<I", stream.read(4).ljust(4, b"\0"))[0]]
            if len(batch) >= 2 * BATCH:
                yield from _verified(path, batch, sums, number)
                batch, sums = [], []
    yield from _verified(path, batch, sums, number)


def _body(path: Path, stream: IO[bytes], head: bytes, number: int) -> bytes:
    length = struct.unpack("<Q", head[:8])[0] if len(head) == 12 else 0
    if length > LARGEST_RECORD:
        raise HarnessError(
            f"{path}: record {number} claims {length:,} bytes: damaged, or no TFRecord file; fetch it again"
        )
    body = stream.read(length)
    if len(head) < 12 or len(body) < length:
        raise HarnessError(
            f"{path}: it is cut short in record {number}, at byte {stream.tell():,}; fetch {WANTED} again"
        )
    return body


def _verified(path: Path, batch: list[bytes], sums: list[int], last: int) -> Iterator[bytes]:
    wrong = np.flatnonzero(masked(crc32c(batch)) != np.array(sums, dtype=np.uint32))
    if wrong.size:
        number = last - len(batch) // 2 + wrong[0] // 2 + 1
        raise HarnessError(f"{path}: the checksum of record {number} does not hold; fetch {WANTED} again")
    yield from batch[1::2]


def crc32c(texts: list[bytes]) -> NDArray[np.uint32]:
    """(n,) CRC-32C (Castagnoli) of many byte strings at once."""
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    order = np.argsort(-lengths, kind="stable")
    columns = np.zeros((int(lengths.max(initial=0)), len(texts)), dtype=np.uint8)  # position x string, longest first
    for place, index in enumerate(order.tolist()):
        columns[: lengths[index], place] = np.frombuffer(texts[index], dtype=np.uint8)
    found = np.full(len(texts), 0xFFFFFFFF, dtype=np.uint32)
    alive = np.searchsorted(-lengths[order], -np.arange(len(columns)), side="left")
    for column, count in zip(columns, alive.tolist(), strict=True):
        now = found[:count]
        now[:] = _TABLE[(now ^ column[:count]) & 0xFF] ^ (now >> 8)
    result = np.empty_like(found)
    result[order] = ~found
    return result


def masked(sums: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Checksums as TFRecord files have them: turned by 15 bits, plus a constant."""
    return (((sums >> 15) | (sums << 17)) + np.uint32(0xA282EAD8)).astype(np.uint32)


def _table() -> NDArray[np.uint32]:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = ((table >> 1) ^ np.uint32(0x82F63B78) * (table & 1)).astype(np.uint32)
    return table


_TABLE = _table()


def _metrics(message: bytes) -> tuple[int, list[float]]:
    """Number of parameters, and what the last evaluation measured, of a ``ModelMetrics`` message."""
    evaluations, params = [], 0
    for field, value in _fields(message):
        if field == 1:
            evaluations.append(value)
        elif field == 2:
            params = value
    final = [float("nan")] * len(METRICS)
    for field, value in _fields(evaluations[FINAL]):
        if field in METRICS:
            final[METRICS[field]] = value
    return params, final


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """Fields of a protocol buffer: varints as int, 64 bits as a double, bytes as bytes."""
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        kind = tag & 7
        if kind == 0:
            value, place = _varint(message, place)
            yield tag >> 3, value
        elif kind == 1:
            yield tag >> 3, struct.unpack_from("<d", message, place)[0]
            place += 8
        elif kind == 2:
            length, place = _varint(message, place)
            if length > len(message) - place:
                raise ValueError("a field is cut short")
            yield tag >> 3, message[place : place + length]
            place += length
        else:
            raise ValueError(f"a field of wire type {kind}")


def _varint(message: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place
