"""What the parts of these sections call a benchmark."""

from __future__ import annotations

import re

from harness.reporting.run import Run


def space_of(run: Run, benchmark: str) -> str:
    """Return the name of a benchmark's space."""
    return next(str(one.card["space"]["name"]) for one in run.benchmarks if one.name == benchmark)


def stem(benchmark: str) -> str:
    """Return what the names of a benchmark's figures hold of it."""
    return re.sub(r"\W", "_", benchmark.removeprefix("live/"))
