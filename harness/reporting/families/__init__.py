"""Families of benchmarks, one file each: what a report must know of them."""

from __future__ import annotations

from harness.live.benchmark import is_live
from harness.live.one_shot import JUDGED
from harness.reporting.families.base import OVER_ARCHITECTURES, Family
from harness.reporting.families.baseline import AVERAGE, FEW_DRAWS, Baseline, at_equal_budget
from harness.reporting.families.live import Live
from harness.reporting.families.one_shot import OneShot
from harness.reporting.families.tables import Tables


def family_of(benchmark: str) -> Family:
    """Return the family of a benchmark by its name, whether it is known here or not."""
    return Live() if is_live(benchmark) else OneShot() if benchmark.startswith(JUDGED) else Tables()


__all__ = ["AVERAGE", "FEW_DRAWS", "OVER_ARCHITECTURES", "Baseline", "Family", "at_equal_budget", "family_of"]
