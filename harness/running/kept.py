"""What of a run is kept: finished cells of today's code; and how cells of earlier code are adopted.

Two cells of one key are equal if the same code computed them. The digest of a search's code stands in its record: a cell of
another digest is run again, or adopted where one seed of its group, run again, gives the same result to the bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.code.digest import Code, code_of
from harness.errors import HarnessError
from harness.live.benchmark import LiveBenchmark
from harness.methods.base import Method, method_class
from harness.running.columns import EPOCH_TIME_COLUMNS, TIME_COLUMNS
from harness.running.records import UNKNOWN_CODE, Entry, epochs_frame, read_run, records_frame, traces_frame
from harness.suites.catalogue import load_benchmark
from harness.suites.group import Group, groups_of
from harness.tabular.table import Table

if TYPE_CHECKING:
    import pandas as pd

# What a record says of its making rather than of its result.
_TABLES, _LIVE = "harness.running.tables", "harness.running.live"  # what runs a cell
_MAKING = (*TIME_COLUMNS, "suite", "label", "code_version", "code_digest", "adopted_from", "git_commit", "git_dirty")


def search_code(method: type[Method], benchmark: Table | LiveBenchmark) -> Code:
    """The code of the searches of a method on a benchmark."""
    on_table = isinstance(benchmark, Table)
    return code_of(method, benchmark, _TABLES if on_table else _LIVE, on_table=on_table)


def codes_of(groups: Iterable[Group]) -> dict[Group, Code]:
    """Today's code of each group.

    Raises
    ------
    HarnessError
        If a method is not known, or is of another version than its group says.
    """
    found: dict[tuple[type, ...], Code] = {}
    codes = {}
    for group in groups:
        method, benchmark = method_class(group.method.name), load_benchmark(group.benchmark)
        if method.version != group.method.version:
            raise HarnessError(
                f"method {group.method.name} is of version {method.version} here, not {group.method.version} as when the suite "
                "was made: it was edited since; make the suite, or run it, again"
            )
        kinds = (method, type(benchmark), type(benchmark.space))
        if kinds not in found:
            found[kinds] = search_code(method, benchmark)
        codes[group] = found[kinds]
    return codes


def is_of(entry: Entry | None, code: Code) -> bool:
    """Whether a cell has been finished by this code."""
    return entry is not None and not entry.failed and bool(code.digest) and entry.code_digest == code.digest


@dataclass(frozen=True)
class Adoption:
    """Cells of one group that other code has finished, and one of them to be run again.

    Attributes
    ----------
    code
        Today's.
    trial
        The cell that is run again, as it was.
    others
        Keys of those that depend on it.
    """

    code: Code
    trial: Entry
    others: tuple[str, ...]

    def holds(self, again: Entry) -> bool:
        """Whether the trial, run again, has the same result to the bit."""
        return is_of(again, self.code) and same_result(self.trial, again)


def adoptions(
    missing: Iterable[str], done: Mapping[str, Entry], groups: Mapping[str, Group], codes: Mapping[Group, Code]
) -> list[Adoption]:
    """What could be adopted, by group; of each the first cell is the trial.

    Parameters
    ----------
    missing
        Keys of cells that are not finished, or not by today's code, in the order of the suite.
    done
        Cells that are there, by key.
    groups
        Groups by the keys of their cells.
    codes
        Today's code of each group.
    """
    older: dict[Group, list[str]] = {}
    for key in missing:
        if key in done and not done[key].failed and codes[groups[key]].digest:
            older.setdefault(groups[key], []).append(key)
    return [Adoption(codes[group], done[first], tuple(others)) for group, (first, *others) in older.items()]


def adopted(entry: Entry, code: Code) -> Entry:
    """The cell as one of today's code; its record says what code has run it."""
    ran = entry.record.get("adopted_from") or entry.code_digest or UNKNOWN_CODE
    return replace(entry, record=entry.record | {"code_digest": code.digest, "adopted_from": ran})


def same_result(one: Entry, other: Entry) -> bool:
    """Whether two runs of a cell have the same result to the bit: record, trace, epochs and evaluations."""
    pair = [one, other]
    if (len(one.trace), len(one.epochs)) != (len(other.trace), len(other.epochs)):
        return False
    frames = [
        records_frame(pair).drop(columns=list(_MAKING)),
        traces_frame(pair),
        epochs_frame(pair).drop(columns=list(EPOCH_TIME_COLUMNS)),
    ]
    return one.rows == other.rows and all(map(_halves_are_equal, frames))


def _halves_are_equal(frame: pd.DataFrame) -> bool:
    half = len(frame) // 2
    return bool(frame.iloc[:half].reset_index(drop=True).equals(frame.iloc[half:].reset_index(drop=True)))


def adopted_cells(run: Path) -> int:
    """How many cells of a finished run, all of which must be of today's code, were adopted.

    Raises
    ------
    HarnessError
        If a cell is of other code, or nobody can tell.
    """
    records, _, resolved = read_run(run)
    found = {row["cell"]: row for row in records[["cell", "code_digest", "adopted_from"]].to_dict("records")}
    groups = groups_of(resolved)
    codes = codes_of(groups)
    cells = [(group, found[key]) for group in groups for seed in resolved["seeds"] if (key := group.key(seed)) in found]
    other = [group for group, cell in cells if cell["code_digest"] != codes[group].digest or not cell["code_digest"]]
    if other:
        sourceless = next((group for group in other if not codes[group].digest), None)
        if sourceless is not None:
            raise HarnessError(
                f"{run}: the code of method {sourceless.method.name} has no source here, so nobody can tell whether it has run "
                "these cells; put it into a file"
            )
        raise HarnessError(
            f"{run}: {len(other)} of {len(cells)} cells were not run by the code that is here now (the first is of "
            f"{other[0].method.label} on {other[0].benchmark}); run the suite again, with --adopt to keep those of groups of "
            "which one seed gives the same result"
        )
    return sum(bool(cell["adopted_from"]) for _, cell in cells)
