"""What is known of results from elsewhere once they are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import pandas as pd

Direction = Literal["max", "min"]

# A row a run that has a score; `line` is that of its file, `seed` is empty where the file has none.
RUN_COLUMNS = ("dataset", "method", "seed", "score", "unit", "file", "line")

# What a fault does to the comparisons: turns a verdict, moves a number by more than its interval, casts doubt on one, leaves
# runs or comparisons out, or nothing.
TURNS, MOVES, DOUBTS, LACKS, NOTHING = range(5)


@dataclass(frozen=True)
class Fault:
    """Something odd about the files that does not make the numbers meaningless.

    Attributes
    ----------
    kind
        One or two words, for programs.
    what
        One sentence that says what and where, for people.
    effect
        What it does to the comparisons, `TURNS` to `NOTHING`: the order in which faults are said.
    """

    kind: str
    what: str
    effect: int = NOTHING

    def __str__(self) -> str:
        return self.what


@dataclass(frozen=True, eq=False)
class Results:
    """Final scores of methods on data sets, and which method is whose baseline.

    Attributes
    ----------
    runs
        Columns `RUN_COLUMNS`; baselines are methods like the others.
    baselines
        Method -> the method that is its baseline, in the order of the files.
    direction
        ``"max"`` where higher scores are better.
    paired
        Whether equal seeds of a method and its baseline share noise.
    sources
        One row a file: ``file, sha256, form, lines, scores, left_out`` (columns that were not used).
    faults
        What was odd while reading.
    architectures
        How many random architectures a score of a baseline is the mean of; None where it is what a search found.
    families
        Of methods that are settings of one: setting -> method.
    """

    runs: pd.DataFrame
    baselines: Mapping[str, str]
    direction: Direction
    paired: bool
    sources: pd.DataFrame
    faults: tuple[Fault, ...] = ()
    architectures: int | None = None
    families: Mapping[str, str] = field(default_factory=dict)

    @property
    def datasets(self) -> list[str]:
        """Data sets in the order of the files."""
        return list(dict.fromkeys(self.runs["dataset"]))

    @property
    def methods(self) -> list[str]:
        """Methods and baselines in the order of the files."""
        return list(dict.fromkeys(self.runs["method"]))

    @property
    def sign(self) -> float:
        """1 where higher is better, -1 where lower is."""
        return 1.0 if self.direction == "max" else -1.0

    @property
    def baseline(self) -> str | None:
        """The one method that is the baseline of all others; None where there is none, or several."""
        named = set(self.baselines.values())
        return next(iter(named)) if len(named) == 1 else None

    @cached_property
    def groups(self) -> dict[tuple[str, str], pd.DataFrame]:
        """Runs by data set and method, in the order of the files."""
        parts = self.runs.groupby(["dataset", "method"], sort=False)
        return {(str(dataset), str(method)): runs for (dataset, method), runs in parts}

    def of(self, dataset: str, method: str) -> pd.DataFrame:
        """Return the runs of a method on a data set; none is an empty frame."""
        return self.groups.get((dataset, method), self.runs.iloc[:0])
