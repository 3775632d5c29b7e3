"""Numbers that papers print, and what some state in words: one reviewed file, and a table of their own.

They were measured by others, under protocols of their own. No one of them stands in a column with a number that this harness
measured, and none enters a statistic.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path

from harness.errors import HarnessError, unknown_name

FILE = Path(__file__).with_name("published.csv")
# search: found by architecture search; manual: designed by hand; not-NAS: nothing that searches or ranks architectures.
KINDS = ("search", "manual", "not-NAS")
UNITS = ("", "%", "M", "GPU-days", "h", "PFLOPS")
CLAIM = "claim"  # the quantity of a record in words: what a paper states without a number


@dataclass(frozen=True)
class Record:
    """One printed number, or one statement without a number.

    Attributes
    ----------
    system
        What it is of.
    kind
        One of `KINDS`.
    data_set, space
        Name of the data set, and of the search space where that is one of the harness's; empty where none is stated.
    quantity, value, unit
        What was measured, its value as text, as stated, and one of `UNITS`. Of the quantity `CLAIM` the value is words, and
        there is no unit.
    protocol
        Under which conditions, as far as stated.
    where, source
        The table, figure or abstract, and of which paper.
    """

    system: str
    kind: str
    data_set: str
    space: str
    quantity: str
    value: str
    unit: str
    protocol: str
    where: str
    source: str


@lru_cache(maxsize=1)
def published() -> tuple[Record, ...]:
    """All records, in the order of the file.

    Raises
    ------
    HarnessError
        If a line of the file is not a record; the message has its number.
    """
    with FILE.open(encoding="utf-8", newline="") as stream:
        return tuple(read_records(stream, str(FILE)))


def read_records(lines: Iterable[str], where: str) -> list[Record]:
    """Read records from CSV lines with a header; see `published`."""
    names = [field.name for field in fields(Record)]
    reader = csv.reader(lines)
    if next(reader, None) != names:
        raise HarnessError(f"{where}: wanted the columns {', '.join(names)}")
    found: list[Record] = []
    for values in reader:
        place = f"{where}, line {reader.line_num}"
        if len(values) != len(names):
            raise HarnessError(f"{place}: {len(values)} values instead of {len(names)}")
        record = Record(*values)
        for key in ("system", "quantity", "value", "where", "source"):
            if not getattr(record, key).strip():
                raise HarnessError(f"{place}: {key} is empty")
        for key, valid in (("kind", KINDS), ("unit", UNITS)):
            if getattr(record, key) not in valid:
                raise unknown_name(key, getattr(record, key), valid, where=place)
        if record.quantity == CLAIM and record.unit:
            raise HarnessError(f"{place}: a claim has no unit, not {record.unit!r}")
        if record.quantity != CLAIM and not any(digit.isdigit() for digit in record.value):
            raise HarnessError(
                f"{place}: value {record.value!r} has no number in it; a statement has the quantity {CLAIM}"
            )
        if record in found:
            raise HarnessError(f"{place}: {record.system}, {record.quantity} stands there twice")
        found.append(record)
    return found


def published_of(data_set: str, space: str) -> list[Record]:
    """Records of search and hand design on a data set, those that state a space only for that space."""
    return [
        record
        for record in published()
        if record.data_set == data_set and record.space in ("", space) and record.kind != "not-NAS"
    ]
