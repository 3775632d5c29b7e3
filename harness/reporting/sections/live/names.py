"""What the parts of these sections call a benchmark."""

from __future__ import annotations

import re

from harness.reporting.run import Run
from harness.spaces.cells import CellSpace
from harness.spaces.registry import cell_space, cell_space_names


def space_of(run: Run, benchmark: str) -> CellSpace | None:
    """Return the cell space of a benchmark; None where it is not known here."""
    name = next(str(one.card["space"]["name"]) for one in run.benchmarks if one.name == benchmark)
    return cell_space(name) if name in cell_space_names() else None


def stem(benchmark: str) -> str:
    """Return what the names of a benchmark's figures hold of it."""
    return re.sub(r"\W", "_", benchmark.removeprefix("live/"))
