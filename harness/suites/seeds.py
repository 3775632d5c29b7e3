"""Seeds as suites and the command line write them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from harness.errors import HarnessError

MAX_SEEDS = 1_000_000


def parse_seeds(value: Any, where: str = "seeds") -> tuple[int, ...]:
    """Seeds from ``"0:100"`` (half open), ``"0:10,20:30"`` or a list of whole numbers; one number alone is refused."""
    wanted = f"{where}: seeds must be like '0:100' (half open) or a list of whole numbers, not {value!r}"
    seeds: list[int] = []
    if not isinstance(value, str | int | list | tuple | range):
        raise HarnessError(wanted)
    if not isinstance(value, list | tuple | range) and (alone := re.fullmatch(r"\s*([0-9]{1,18})\s*", str(value))):
        n = int(alone[1])
        several = f"0:{n} for {n} seed{'s' if n > 1 else ''}, or " if n else ""
        raise HarnessError(
            f"{where}: seeds {value!r}: a number of seeds or one seed? write {several}{n}:{n + 1} for seed {n} alone"
        )
    for part in str(value).split(",") if isinstance(value, str | int) else value:
        match = re.fullmatch(r"([0-9]{1,18})(?::([0-9]{1,18}))?", str(part).strip())
        if match is None:
            raise HarnessError(wanted)
        first, end = match.groups()
        if end and int(end) <= int(first):
            raise HarnessError(
                f"{where}: seed range {part!r} is empty or upside down; wanted first:end with end above first"
            )
        if end and int(end) - int(first) > MAX_SEEDS:
            raise HarnessError(f"{where}: seeds {part!r} are more than {MAX_SEEDS:,}")
        seeds.extend(range(int(first), int(end)) if end else [int(first)])
    if not seeds:
        raise HarnessError(wanted)
    if len(set(seeds)) < len(seeds):
        raise HarnessError(f"{where}: a seed stands twice in {value!r}")
    return tuple(seeds)


def batches(seeds: Sequence[int], most: int) -> Iterator[tuple[int, ...]]:
    """Yield seeds, and then half as many again from batch to batch, up to `most`: the next ones in numeric order join."""
    wanted = tuple(seeds)
    yield wanted
    while len(wanted) < most:
        further = min(most - len(wanted), max(1, len(wanted) // 2))
        start = max(wanted) + 1
        wanted = (*wanted, *range(start, start + further))
        yield wanted
