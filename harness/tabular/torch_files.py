"""Opening the pickle inside a file that ``torch.save`` wrote, of either layout, without torch."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from harness.tabular.pickles import Refused, bounded, load

MAGIC = 0x1950A86A20F9469CFC6C  # first pickle of the layout before torch 1.6
PROTOCOL = 1001


@contextmanager
def open_torch(path: Path, limit: int) -> Iterator[io.BufferedReader]:
    """Yield a stream at the pickled object of a torch file; tensors, which follow it, are not read.

    Parameters
    ----------
    path
        The file.
    limit
        Bytes that may be read of it.

    Raises
    ------
    pickle.UnpicklingError
        If it is no torch file, or an archive that torch would not have written: packed, or with names that lead out of it.
    """
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive, bounded(archive.open(_pickle_of(archive)), limit) as stream:
            yield stream
        return
    with path.open("rb") as file, bounded(file, limit) as stream:
        if load(stream) != MAGIC or load(stream) != PROTOCOL:
            raise Refused("it is no file of torch")
        load(stream)  # byte order and sizes of the machine that wrote it
        yield stream


def is_torch(path: Path) -> bool:
    """Whether a file begins as torch writes its own."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("/data.pkl") for name in archive.namelist())
    with path.open("rb") as file:
        head = file.read(64)
    try:
        return bool(load(io.BytesIO(head)) == MAGIC)
    except Exception:  # whatever it is, it is not this
        return False


def _pickle_of(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    for info in archive.infolist():
        name = PurePosixPath(info.filename.replace("\\", "/"))
        if name.is_absolute() or ".." in name.parts:
            raise Refused(f"its part {info.filename!r} leads out of the archive")
        if info.compress_type != zipfile.ZIP_STORED:
            raise Refused(f"its part {info.filename!r} is packed, which torch never does")
    pickles = [info for info in archive.infolist() if info.filename.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise pickle.UnpicklingError(f"it has {len(pickles)} parts data.pkl instead of one")
    return pickles[0]
