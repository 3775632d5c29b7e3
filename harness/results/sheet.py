"""A CSV file as cells of text, each with the line that it stands in. Nothing is guessed about what they mean."""

from __future__ import annotations

import csv
import hashlib
import io
import math
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError, printable, unknown_name
from harness.results.model import Fault
from harness.system.texts import visible
from harness.tabular.numerals import NUMBER, without_sign
from harness.tabular.reading import separator_of

_ABSURD = 1e50  # no score is larger, nor closer to 0; products of such are still numbers
BLANK = frozenset(("", "-", "–", "—", "na", "n/a", "nan", "none", "null"))


@dataclass(frozen=True)
class Sheet:
    """A file's cells.

    Attributes
    ----------
    name, stem, sha256
        The file's name, that without its suffix, and the hash of its content.
    header
        Names of the columns as they are; no two are equal but for case and spaces.
    rows
        (line of the file, cells in the order of the header, as they are).
    faults
        What was odd.
    """

    name: str
    stem: str
    sha256: str
    header: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    faults: tuple[Fault, ...]

    def place(self, name: str) -> int:
        """Place of a column by its name; an unknown name is an error with the nearest ones."""
        names = [plain(one) for one in self.header]
        if plain(name) not in names:
            raise unknown_name("column", name, (one.strip() for one in self.header), self.name)
        return names.index(plain(name))


def read_sheet(path: Path) -> Sheet:
    """Read a CSV file with a header line, separated by commas, semicolons or tabs; ``-`` is standard input.

    Raises
    ------
    HarnessError
        If it cannot be read as such, has no header, a line with too many cells, or columns of the same name.
    """
    name, stem = printable(path.name), printable(path.stem)
    if is_input := str(path) == "-":
        name = stem = "standard input"
    try:
        content = sys.stdin.buffer.read() if is_input else path.read_bytes()
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise HarnessError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise HarnessError(f"{path}: is no text in UTF-8; wanted a CSV file") from error
    lines = _lines(path, text)
    if len(lines) < 2:
        raise HarnessError(f"{path}: wanted a header and at least one line below it")
    (_, head), *body = lines
    width = len(head)
    for line, cells in body:
        if any(cell.strip() for cell in cells[width:]):
            raise HarnessError(f"{path}: line {line} has {len(cells)} cells, the header has {width}")
    full = [(line, (*cells[:width], *[""] * (width - len(cells)))) for line, cells in body]
    columns = {place: [cells[place] for _, cells in full] for place in range(width)}
    kept, faults = _columns(path, head, columns)
    header = tuple(head[place] for place in kept)
    rows = tuple((line, tuple(cells[place] for place in kept)) for line, cells in full)
    return Sheet(name, stem, hashlib.sha256(content).hexdigest(), header, rows, faults)


def plain(name: str) -> str:
    """Return a name without what hardly an eye tells apart: as `visible`, and without case and doubled blanks."""
    return " ".join(visible(name).split()).casefold()


def number(cell: str, where: str) -> float:
    """Return the number in a cell, NaN for a blank one; its percent sign is left to `harness.results.clean.with_units`.

    Raises
    ------
    HarnessError
        If it is anything else.
    """
    text = visible(cell)
    if text.casefold() in BLANK:
        return math.nan
    bare, _ = without_sign(text)
    if NUMBER.fullmatch(bare) and ((value := float(bare)) == 0 or 1 / _ABSURD < abs(value) < _ABSURD):
        return value
    hint = ""
    if "±" in text or re.search(r"[0-9)]\s*(\+/?-|\()", text):
        hint = "; wanted a score a run, not a mean with its deviation (of a paper's table say --runs N, how many a mean is of)"
    elif re.fullmatch(r"[+-]?[0-9]+,[0-9]+", bare):
        hint = "; wanted a decimal point"
    raise HarnessError(f"{where}: {text!r} is no number{hint}")


def _lines(path: Path, text: str) -> list[tuple[int, list[str]]]:
    """Return all lines that are not blank, with their numbers; the header says which separator is used."""
    head = next((line for line in text.splitlines() if line.strip()), "")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator_of(head), strict=True)
    try:
        return [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        raise HarnessError(f"{path}: line {reader.line_num}: {error}") from error


def _columns(path: Path, head: list[str], columns: dict[int, list[str]]) -> tuple[list[int], tuple[Fault, ...]]:
    """Return the places of the columns that have a name, and what was odd about the others."""
    faults = []
    if all(NUMBER.fullmatch(name.strip()) for name in head):
        raise HarnessError(f"{path}: the first line holds numbers; wanted the names of the columns there")
    kept: dict[str, int] = {}
    for place, name in enumerate(head):
        if not name.strip():
            if not any(cell.strip() for cell in columns[place]):
                continue  # commas at the ends of lines
            if not _counts(columns[place]):
                raise HarnessError(f"{path}: column {place + 1} has no name")
            said = f"{path.name}: column {place + 1} has no name and counts the lines; it is left out."
            faults.append(Fault("index column", said))
            continue
        if plain(name) in kept:
            other = kept[plain(name)] + 1
            raise HarnessError(
                f"{path}: columns {other} and {place + 1} are both called {name.strip()!r} but for case or spaces"
            )
        kept[plain(name)] = place
        first = plain(name).removesuffix(".1")
        if first != plain(name) and first in kept:
            said = f"{path.name}: column {name.strip()!r} is what pandas calls a second column {head[kept[first]].strip()!r}."
            faults.append(Fault("doubled column", said))
    return list(kept.values()), tuple(faults)


def _counts(cells: list[str]) -> bool:
    return [cell.strip() for cell in cells] in [[str(i + start) for i in range(len(cells))] for start in (0, 1)]
