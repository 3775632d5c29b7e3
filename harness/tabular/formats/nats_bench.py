"""NATS-Bench (Dong, Liu, Musial, Gabrys, TPAMI 2021): its topology space (tss) and its size space (sss).

Read are the folder ``NATS-[ts]ss-v1_0-?????-simple`` of one ``*.pickle.pbz2`` an architecture, the same folder as a tar
archive (nothing is unpacked to disk), or the one file ``NATS-[ts]ss-v1_0-?????.pickle.pbz2``. Which split drives, which is
reported, and where the package ``nats_bench`` differs stands in `harness.tabular.formats.trainings`.
"""

from __future__ import annotations

import bz2
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from harness.errors import HarnessError
from harness.spaces.digits import nats_size_space
from harness.spaces.nasbench201 import NASBench201Space
from harness.tabular.formats import Job
from harness.tabular.formats.trainings import Add, Family, tables
from harness.tabular.pickles import (
    LARGEST_STREAM,
    bounded,
    load,
    load_items,
    open_bounded,
    refusals,
)
from harness.tabular.table import Table

VERSION = "nats_bench 1"
SUFFIX = ".pickle.pbz2"
LARGEST_CELL = 2**26  # bytes of one architecture once decompressed: some 200 times what it has
CITATION = "Dong, Liu, Musial, Gabrys: NATS-Bench, IEEE TPAMI 2021"
TOPOLOGY = Family("nats-tss", NASBench201Space(), {"12": 12, "200": 200}, CITATION, "MIT")
SIZE = Family("nats-sss", nats_size_space(), {"01": 1, "12": 12, "90": 90}, CITATION, "MIT")
WANTED = (
    "NATS-tss-v1_0-3ffb9-simple or NATS-sss-v1_0-50262-simple, as a folder or .tar, or the .pickle.pbz2 of that name"
)


def recognises(path: Path) -> bool:
    """Whether a path looks like one of these: by the names inside a folder, or the name of a file."""
    if path.is_dir():
        return any(_index(member.name) is not None for member in path.iterdir())
    return path.name.startswith("NATS-") and path.name.endswith((SUFFIX, ".tar"))


def convert(job: Job) -> Iterator[Table]:
    """Convert into ``nats-tss/DATASET@RECIPE`` or ``nats-sss/DATASET@RECIPE``."""
    path = job.path

    def read(add: Add, done: set[int]) -> None:
        if path.is_file() and path.name.endswith(SUFFIX):
            with refusals(path), open_bounded(path, LARGEST_STREAM) as whole:
                load_items(whole, "arch2infos", add)
            return
        for index, stream in _cells(path, done):
            with refusals(path / f"{index:06d}{SUFFIX}"), bounded(bz2.BZ2File(stream), LARGEST_CELL) as cell:
                add(index, load(cell))

    return tables(job, VERSION, _family, read)


def _family(text: str) -> Family:
    return TOPOLOGY if text.startswith("|") else SIZE


def _cells(path: Path, done: set[int]) -> Iterator[tuple[int, IO[bytes]]]:
    """Compressed pickles of the architectures that are not done yet."""
    if path.is_dir():
        for file in sorted(path.iterdir()):
            index = _index(file.name)
            if index is not None and index not in done:
                with file.open("rb") as stream:
                    yield index, stream
        return
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                name = PurePosixPath(member.name)
                if name.is_absolute() or ".." in name.parts or not (member.isfile() or member.isdir()):
                    raise HarnessError(f"{path}: its part {member.name!r} is no plain file in the archive")
                index = _index(name.name)
                if index is not None and index not in done:
                    inside = archive.extractfile(member)
                    assert inside is not None  # it is a plain file
                    yield index, inside
    except (tarfile.TarError, EOFError, OSError) as error:
        raise HarnessError(f"{path}: cannot be read as a tar archive: {error}; fetch {WANTED} again") from error


def _index(name: str) -> int | None:
    found = re.fullmatch(rf"(\d{{6}}){re.escape(SUFFIX)}", name)
    return int(found[1]) if found else None
