"""Tables that this project recorded: one Parquet file with the training curves of every architecture and training seed.

A row is an architecture, in the order of its encoding's index. Columns, S being a training seed:

==================================== ========================================================================
column                               what
==================================== ========================================================================
``arch``                             text of one encoding
``weight``                           number of encodings of the same computation
``params``, ``flops``                weights; floating point operations of one image
``latency_ms``                       milliseconds of a forward pass, alone on one thread
``train_seconds``                    processor seconds of one training without its evaluations
``{train,valid,test}_loss_S``        (epochs,) mean loss over the whole split after every epoch, evaluation mode
``{train,valid,test}_correct_S``     (epochs,) images of the split that were classified rightly
==================================== ========================================================================

The footer says what was recorded and how, and holds a SHA-256 of all columns: a file that was edited is refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError, reason_of
from harness.spaces.base import Space
from harness.spaces.named import make_space, table_space_names
from harness.spaces.registry import cell_space
from harness.system.files import write_whole
from harness.tabular.formats import Job
from harness.tabular.reading import is_parquet
from harness.tabular.table import Table, digest_of

VERSION = "1"
WANTED = "a table recorded by nas-harness (NAME.parquet)"
FOOTER = b"nas_harness_recording"
SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class Recording:
    """What a file holds.

    Attributes
    ----------
    about
        ``spec`` (space, data, recipe, seeds, ...), ``sizes`` (images of every split), ``latency`` (how it was measured),
        ``environment`` (where it was recorded).
    columns
        Arrays by name, see above: (rows,) or (rows, epochs).
    """

    about: Mapping[str, Any]
    columns: Mapping[str, NDArray[Any]]

    @property
    def spec(self) -> Mapping[str, Any]:
        """What was recorded."""
        return self.about["spec"]

    @property
    def seeds(self) -> list[int]:
        """Training seeds."""
        return list(self.spec["seeds"])

    def loss(self, split: str) -> NDArray[np.float64]:
        """(rows, seeds, epochs) losses on a split."""
        return np.stack([self.columns[f"{split}_loss_{seed}"] for seed in self.seeds], axis=1).astype(np.float64)

    def accuracy(self, split: str) -> NDArray[np.float64]:
        """(rows, seeds, epochs) accuracies on a split, percent."""
        correct = np.stack([self.columns[f"{split}_correct_{seed}"] for seed in self.seeds], axis=1)
        return 100.0 * correct / self.about["sizes"][split]


def digest(about: Mapping[str, Any], columns: Mapping[str, NDArray[Any]]) -> str:
    """SHA-256 of a recording's content: what was recorded and all columns."""
    parts = [f"{name} {digest_of(_bytes(values))}" for name, values in sorted(columns.items())]
    return hashlib.sha256("\n".join([json.dumps(about, sort_keys=True), *parts]).encode()).hexdigest()


def read(path: Path, key: bytes = FOOTER) -> Recording:
    """Read a recorded table, or what else was written with a footer of this key.

    Raises
    ------
    HarnessError
        If the file is none, is damaged, was edited, or has fewer rows than its footer says.
    """
    import pyarrow.parquet as pq

    try:
        with path.open("rb") as stream:  # Arrow opens no file whose name is not UTF-8
            found = pq.read_table(stream)
        footer = (found.schema.metadata or {}).get(key)
        if footer is None:
            raise ValueError("it has no footer of a recording; was it written anew by another program?")
        footer = json.loads(footer)
        if footer["version"] != VERSION:
            raise ValueError(f"it is of version {footer['version']}, this release reads {VERSION}")
        columns = {name: _array(found.column(name)) for name in found.column_names}
        if found.num_rows != footer["rows"]:
            raise ValueError(f"it has {found.num_rows:,} rows, its footer says {footer['rows']:,}")
        if digest(footer["about"], columns) != footer["sha256"]:
            raise ValueError("its content is not what its footer says; it was edited")
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = reason_of(error)
        raise HarnessError(f"{path}: not a whole recorded table: {reason}") from error
    return Recording(footer["about"], columns)


def write(path: Path, recording: Recording, key: bytes = FOOTER) -> None:
    """Write a recorded table, or what else has a footer of this key, whole or not at all."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays = {name: _column(values) for name, values in recording.columns.items()}
    footer = {
        "version": VERSION,
        "about": recording.about,
        "rows": len(recording.columns["arch"]),
        "sha256": digest(recording.about, recording.columns),
    }
    table = pa.table(arrays).replace_schema_metadata({key: json.dumps(footer, sort_keys=True).encode()})
    sink = pa.BufferOutputStream()
    losses = [f"{name}.list.element" for name in arrays if "_loss_" in name]
    pq.write_table(
        table,
        sink,
        compression="zstd",
        compression_level=15,
        use_dictionary=[name for name in arrays if name in ("weight", "params", "flops")],
        use_byte_stream_split=losses,  # the bytes of like magnitude side by side: a third smaller
    )
    write_whole(path, sink.getvalue().to_pybytes())


def recognises(path: Path) -> bool:
    """Whether a file is a recorded table."""
    if not path.is_file() or not is_parquet(path):
        return False
    import pyarrow.parquet as pq

    try:
        with path.open("rb") as stream:
            return FOOTER in (pq.read_metadata(stream).metadata or {})
    except (OSError, ValueError):
        return False


def convert(job: Job) -> Iterator[Table]:
    """The benchmark of a recorded table."""
    job.refuse(valid=job.valid, test=job.test)
    recording = read(job.path)
    if job.seed is not None and job.seed not in recording.seeds:
        seeds = ", ".join(map(str, recording.seeds))
        raise HarnessError(f"{job.path}: it has no training seed {job.seed}; its seeds are {seeds}")
    for _ in range(len(recording.columns["arch"])):
        job.advance()
    yield table_of(recording, job.source, job.seed)


def is_searchable(recording: Recording) -> bool:
    """Whether the recording makes a benchmark: its space can be a table's."""
    return recording.spec["space"] in table_space_names()


def table_of(recording: Recording, source: Mapping[str, Any], seed: int | None = None) -> Table:
    """The benchmark of a recording: driven by validation and reported by test accuracy after the last epoch.

    Scores, losses and their curves are means over the training seeds, or those of one. ``<split>_seed<S>`` are the single
    seeds' last accuracies.

    Parameters
    ----------
    recording
        What was recorded.
    source
        What the table's card says of the file.
    seed
        A training seed; None takes the mean of all.
    """
    spec, columns = recording.spec, recording.columns
    if not is_searchable(recording):
        cell_space(spec["space"])  # unless it is unknown
        raise HarnessError(
            f"table {spec['name']}: space {spec['space']} has too many encodings for a table to be searched; "
            f"spaces of tables: {', '.join(table_space_names())}"
        )
    space = make_space(spec["space"])
    chosen = slice(None) if seed is None else [recording.seeds.index(seed)]
    codes = np.array([space.parse(text) for text in columns["arch"]], dtype=np.int8)
    share = np.arange(1, recording.accuracy("valid").shape[2] + 1) / recording.accuracy("valid").shape[2]
    curves = {
        "valid": recording.accuracy("valid")[:, chosen].mean(axis=1),
        "test": recording.accuracy("test")[:, chosen].mean(axis=1),
        "train_accuracy": recording.accuracy("train")[:, chosen].mean(axis=1),
        "train_loss": recording.loss("train")[:, chosen].mean(axis=1),
        "valid_loss": recording.loss("valid")[:, chosen].mean(axis=1),
        "test_loss": recording.loss("test")[:, chosen].mean(axis=1),
        "cost": columns["train_seconds"].astype(np.float64)[:, None] * share,
    }
    single = {
        f"{split}_seed{one}": recording.accuracy(split)[:, place, -1]
        for split in ("valid", "test")
        for place, one in enumerate(recording.seeds)
    }
    name = spec["name"] if seed is None else f"{spec['name']}+seed{seed}"
    trained = f"{len(share)} epochs, " + (
        f"mean of training seeds {', '.join(map(str, recording.seeds))}" if seed is None else f"training seed {seed}"
    )
    return Table(
        name=name,
        dataset=spec["data"],
        space=space,
        rows=_rows(space, codes),
        codes=codes,
        columns={key: np.ascontiguousarray(curve[:, -1]) for key, curve in curves.items()}
        | single
        | {
            "latency": columns["latency_ms"].astype(np.float64),
            "params": columns["params"].astype(np.float64),
            "flops": columns["flops"].astype(np.float64),
        },
        curves=curves,
        weights=columns["weight"].astype(np.float64),
        fidelity={"valid": trained, "test": trained},
        source={
            **source,
            "from": f"recorded by nas-harness: {spec['description']}",
            "licence": "MIT",
            "units": {"latency": "milliseconds", "params": "1", "flops": "1", "cost": "processor seconds"},
            "recording": {"spec": dict(spec), "sizes": recording.about["sizes"], "latency": recording.about["latency"]},
        },
    )


def _rows(space: Space, codes: NDArray[np.integer]) -> NDArray[np.int32]:
    """(space.size,) row of every encoding through its canonical form, -1 where that is not recorded."""
    row_of = {tuple(code): row for row, code in enumerate(codes.tolist())}
    find = partial(row_of.get)
    return np.array([find(space.canonical(space.arch(index)), -1) for index in range(space.size)], dtype=np.int32)


def _array(column: Any) -> NDArray[Any]:
    import pyarrow as pa

    flat = column.combine_chunks()
    if pa.types.is_fixed_size_list(flat.type):
        return flat.flatten().to_numpy(zero_copy_only=False).reshape(len(flat), -1)
    return flat.to_numpy(zero_copy_only=False)


def _column(values: NDArray[Any]) -> Any:
    import pyarrow as pa

    if values.ndim == 1:
        return pa.array(values)
    return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])


def _bytes(values: NDArray[Any]) -> NDArray[Any]:
    """Texts as an array of bytes, whose hash does not depend on where they lie."""
    return np.frombuffer("\n".join(values).encode(), dtype=np.uint8) if values.dtype == object else values
