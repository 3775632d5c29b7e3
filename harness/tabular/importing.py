"""``nas-harness import FILE``: finding a file, telling what it is, and putting its benchmarks into the store."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from types import ModuleType
from typing import Any

from harness.errors import HarnessError
from harness.spaces.named import make_space
from harness.system import folders
from harness.system.progress import counting
from harness.tabular import catalogue, store
from harness.tabular.formats import (
    Job,
    analog,
    describe_source,
    hw_nas_bench,
    macro,
    nasbench101,
    nasbench201,
    nasbench_graph_full,
    nasbenchapi,
    nats_bench,
    recorded,
    suite_zero,
)
from harness.tabular.frame import table_from_frame
from harness.tabular.reading import read_frame
from harness.tabular.scores import SUFFIX, file_beside, keep_beside
from harness.tabular.table import TEST, VALID, Table
from harness.tabular.usual import usual_score

FORMATS: tuple[ModuleType, ...] = (
    nats_bench,
    macro,
    analog,
    nasbench_graph_full,
    hw_nas_bench,
    suite_zero,
    nasbench101,
    nasbench201,
    nasbenchapi,
    recorded,
)

# Where files of such names are published, for whoever has not fetched one yet.
HOMES = {
    r"NAS-Bench-201-v": "https://github.com/D-X-Y/NAS-Bench-201",
    r"NATS-[ts]ss-v": "https://github.com/D-X-Y/NATS-Bench",
    r"nasbench_(full|only108)": "https://github.com/google-research/nasbench",
    r"\w+\d\.bench$": "https://github.com/THUMNLab/NAS-Bench-Graph",
    r"nas-bench-macro": "https://github.com/xiusu/NAS-Bench-Macro",
    r"HW-NAS-Bench": "https://github.com/GATECH-EIC/HW-NAS-Bench",
    r"zc_nasbench": "https://github.com/automl/NASLib (branch zerocost)",
}


def import_published(
    file: str,
    *,
    seed: int | None = None,
    valid: str | None = None,
    test: str | None = None,
    replace: bool = False,
    progress: bool = True,
) -> list[str]:
    """Convert a published file and keep its benchmarks; a killed import goes on where it was.

    Parameters
    ----------
    file
        Path of the file or folder, looked for in the working directory and then in ``$NAS_HARNESS_DATA``, or
        ``analog-nasbench``, whose data are in an installed package.
    seed
        One training seed instead of the mean over those that are there.
    valid, test
        Which of its columns drive and are reported, for a file that has no validation score.
    replace
        Whether benchmarks of the same names with other content may be replaced.
    progress
        Whether to show any.

    Returns
    -------
    list of str
        Names of the benchmarks.

    Raises
    ------
    HarnessError
        If the file is not found or not recognised, is damaged, or asks for more than plain data.
    """
    path = analog.published_file() if file == analog.PACKAGE else _find(file)
    names = []
    with counting(path.name, show=progress, unit="architectures") as advance:
        try:
            module = _format_of(path)
            source = describe_source(path)
        except OSError as error:
            raise HarnessError(f"{path}: cannot be read: {error.strerror}") from error
        beside = file_beside(path) if module is recorded else None
        job = Job(path, source, advance, seed, valid, test)
        try:
            for table in module.convert(job):
                _keep(table, replace)
                if beside is not None:
                    keep_beside(beside, table.name)
                names.append(table.name)
        except HarnessError as error:
            raise HarnessError(f"{error}{_damage(path)}") from error
    return names


def import_file(
    file: str,
    name: str | None = None,
    space: str | None = None,
    *,
    replace: bool = False,
    licence: str = "not stated",
    **columns: Any,
) -> Table:
    """Make a benchmark of a CSV, JSON-lines or Parquet file and put it into the store, so that it is known by name.

    Parameters
    ----------
    file
        Path, looked for in the working directory and then in the folder ``$NAS_HARNESS_DATA``.
    name
        Name of the benchmark; None takes the file's, without what stands behind its first point.
    space
        Space that the architectures' texts belong to; None makes one of the values of the columns in ``arch``.
    replace
        Whether a benchmark of the same name with other content may be replaced.
    licence
        For the table's card.
    **columns
        As in `table_from_frame`; the columns of the scores are told from usual names if left out.

    Raises
    ------
    HarnessError
        As `table_from_frame`, or if the name is taken.
    """
    if name is not None:
        catalogue.check_name(name)
    path = _find(file)
    if name is None:
        name = path.name.partition(".")[0]
        catalogue.check_name(name)
    arch = columns["arch"]
    frame = read_frame(path, [arch] if isinstance(arch, str) else arch)
    for role, key in (("validation", VALID), ("test", TEST)):
        if columns.get(key) is None:
            columns[key] = usual_score(frame.columns, role, f"--{key}", str(path))
    source = describe_source(path) | {"licence": licence}
    known = None if space is None else make_space(space)
    table = table_from_frame(frame, name, known, source=source, where=str(path), **columns)
    if not replace and store.is_stored(name) and store.card_of(name).get("sha256") != table.sha256:
        raise HarnessError(f"benchmark {name!r} exists with other content; choose another name, or pass --replace")
    catalogue.save_benchmark(table)
    return table


def _find(file: str) -> Path:
    try:
        return folders.find(file)
    except HarnessError as error:
        for name, home in HOMES.items():
            if re.match(name, Path(file).name):
                raise HarnessError(f"{error}; it is published at {home}") from error
        raise


def _format_of(path: Path) -> ModuleType:
    for module in FORMATS:
        if module.recognises(path):
            return module
    if path.name.endswith(SUFFIX):
        table = path.name.removesuffix(SUFFIX)
        raise HarnessError(f"{path}: scores go with their table; import {table}.parquet, and they are kept beside it")
    known = "; ".join(module.WANTED for module in FORMATS)
    raise HarnessError(
        f"{path}: not recognised as a published benchmark ({known}); for a table of your own, "
        "state --arch, and --space where it is the text of one"
    )


def _keep(table: Table, replace: bool) -> None:
    if not replace and store.is_stored(table.name) and store.card_of(table.name).get("sha256") != table.sha256:
        raise HarnessError(f"benchmark {table.name!r} exists with other content; pass --replace")
    catalogue.save_benchmark(table)


def _damage(path: Path) -> str:
    """Whether a file that could not be read has the MD5 whose end stands in its name."""
    promised = re.search(r"-([0-9a-f]{5,6})\.(?:pth|pickle\.pbz2)$", path.name)
    if not promised or not path.is_file():
        return ""
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "md5").hexdigest()
    if found.endswith(promised[1]):
        return ""
    return (
        f" (its name promises an MD5 ending in {promised[1]}, it has {found} in {path.stat().st_size:,} bytes: "
        "fetch it again)"
    )
