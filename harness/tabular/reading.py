"""Files with one row an architecture as data frames: CSV as spreadsheets and other programs write it, JSON lines, and Parquet."""

from __future__ import annotations

import csv
import gzip
import json
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError, first_line

if TYPE_CHECKING:
    import pandas as pd

SEPARATORS = ",;\t"
_LINES = re.compile(r"\.(jsonl|ndjson)(\.gz)?$")
_MAGIC = b"PAR1"  # the first bytes of every Parquet file
_NO_SEPARATOR = "\x1f"  # stands in no text


def separator_of(header: str) -> str:
    """Return what separates the cells of a file: whichever of comma, semicolon and tab its header has most of."""
    return max(SEPARATORS, key=header.count)


def is_parquet(path: Path) -> bool:
    """Whether a file says that it is Parquet, by its name in whatever case or by its first bytes."""
    if path.suffix.lower() == ".parquet" or not path.is_file():
        return path.suffix.lower() == ".parquet" or path.is_dir()
    with path.open("rb") as stream:
        return stream.read(len(_MAGIC)) == _MAGIC


def read_frame(path: Path, texts: Sequence[str] = ()) -> pd.DataFrame:
    """Read a CSV (plain or compressed), JSON-lines (plain or gzip) or Parquet file; the columns in `texts` are texts.

    They are so even where they look like numbers. A file called ``.jsonl`` or ``.ndjson`` is of JSON lines, an object a row.

    Cells of a CSV file are separated by commas, semicolons or tabs; separators at the ends of all lines are no column. Names
    of columns are as in the file, without blanks at their ends, and may stand twice.

    Raises
    ------
    HarnessError
        If it cannot be read as such, or a line has more cells than the header.
    """
    import pandas as pd

    kind = "CSV"
    try:
        if is_parquet(path):
            kind = "Parquet"
            if path.is_dir():  # of parts
                return pd.read_parquet(path)
            with path.open("rb") as stream:  # Arrow opens no file whose name is not UTF-8
                return pd.read_parquet(stream)
        if _LINES.search(path.name.lower()):
            kind = "JSON lines"
            return _read_lines(path, texts)
        return _read_csv(path, texts)
    except FileNotFoundError as error:
        raise HarnessError(f"{path}: no such file") from error
    except PermissionError as error:
        raise HarnessError(f"{path}: no permission to read it") from error
    except HarnessError:
        raise
    except Exception as error:  # each format and compression has errors of its own
        raise HarnessError(f"{path}: cannot be read as {kind}: {first_line(error)}") from error


def _read_lines(path: Path, texts: Sequence[str]) -> pd.DataFrame:
    import pandas as pd

    content = path.read_bytes()
    lines = (gzip.decompress(content) if path.suffix.lower() == ".gz" else content).decode("utf-8-sig").splitlines()
    rows = [json.loads(line) for line in lines if line.strip()]
    if wrong := [row for row in rows if not isinstance(row, dict)]:
        raise HarnessError(f"{path}: {wrong[0]!r} is no row; wanted an object a line")
    frame = pd.DataFrame(rows)
    for column in frame.columns:
        nested = frame[column].map(lambda cell: isinstance(cell, dict | list))
        if nested.any():
            row = int(nested.to_numpy().argmax()) + 1
            raise HarnessError(
                f"{path}: {column!r} of line {row} is {frame[column].iloc[row - 1]!r}; wanted a number or a text"
            )
    return frame.astype({name: str for name in texts if name in frame and not frame[name].isna().any()})


def _read_csv(path: Path, texts: Sequence[str]) -> pd.DataFrame:
    import pandas as pd

    # From 3.1 on every number is read exactly; before it that has to be asked for.
    major, minor = (int(part) for part in pd.__version__.split(".")[:2])
    exact: dict[str, Any] = {} if (major, minor) >= (3, 1) else {"float_precision": "round_trip"}
    # The header as it stands: pandas would call a doubled column NAME.1, as if it were another one.
    lines = pd.read_csv(
        path, sep=_NO_SEPARATOR, header=None, nrows=1, dtype=str, quoting=csv.QUOTE_NONE, encoding="utf-8-sig"
    )
    head = str(lines.iloc[0, 0])
    separator = separator_of(head)
    names = [name.strip() for name in next(csv.reader([head], delimiter=separator))]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # that cells would be lost
            frame = pd.read_csv(
                path,
                sep=separator,
                header=0,
                names=list(range(len(names))),
                index_col=False,
                dtype={place: str for place, name in enumerate(names) if name in texts},
                low_memory=False,
                encoding="utf-8-sig",
                **exact,
            )
    except pd.errors.ParserWarning as error:
        raise HarnessError(
            f"{path}: lines have more cells than the header, which names {len(names)} columns; "
            "put a cell that has a separator in it into quotes"
        ) from error
    return frame.set_axis([name or f"Unnamed: {place}" for place, name in enumerate(names)], axis=1)
