"""Shards: parts of a suite, for machines that know nothing of each other."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.errors import HarnessError


@dataclass(frozen=True)
class Shard:
    """One of several parts of a suite.

    Attributes
    ----------
    number, count
        The third of fifty is ``Shard(3, 50)``.
    """

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def of(self, keys: Sequence[str]) -> Sequence[str]:
        """Its cells of a suite's, in the order of the suite: every so manieth, since neighbours take about as long."""
        return keys[self.number - 1 :: self.count]


def parse_shard(text: str) -> Shard:
    """The shard of a text such as ``"3/50"``.

    Raises
    ------
    HarnessError
        If it is no such text, or there is no such shard.
    """
    match = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text)
    if match is None:
        raise HarnessError(f"--shard {text}: wanted NUMBER/COUNT, e.g. 3/50 for the third of fifty")
    number, count = map(int, match.groups())
    if not 1 <= number <= count:
        raise HarnessError(f"--shard {text}: the number of a shard is at least 1 and at most their count, e.g. 3/50")
    return Shard(number, count)


def in_order(shards: Iterable[str]) -> list[str]:
    """Texts of shards, sorted by their numbers."""
    return sorted(shards, key=lambda text: (parse_shard(text).count, parse_shard(text).number))


def missing_shards(shards: Iterable[str], keys: Sequence[str], there: Iterable[str]) -> list[str]:
    """Shards of which some cell is missing, if all that were run are of one count; else none, since nobody can tell."""
    counts = {parse_shard(shard).count for shard in shards}
    if len(counts) != 1:
        return []
    (count,), found = counts, set(there)
    return [str(shard) for number in range(count) if not found.issuperset((shard := Shard(number + 1, count)).of(keys))]
