"""Runs whose number of seeds was not stated before them."""

from __future__ import annotations

from collections.abc import Iterator

from harness.reporting.run import Run

DECIDED = "decided.json"  # comparisons of a run until decided, in its folder


def seeds_until_decided(run: Run) -> Iterator[str]:
    """Seeds were added until methods were told from random search: fixed tests do not allow for that."""
    if (run.folder / DECIDED).is_file():
        yield (
            f"Seeds were added until methods were told from random search, or as many as were allowed (run --until decided). The "
            f"tests and intervals below are those of a fixed number of seeds, and err more often than they say. {DECIDED} in the "
            "folder of the run has the verdicts that hold however often one looks."
        )
