"""Statistics of search results: pure functions on arrays and tidy frames, randomness only through an explicit `rng`.

Public names are imported on first use, so that importing this package costs no more than numpy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.statistics.anytime import Band as Band
    from harness.statistics.anytime import incumbents_on_grid as incumbents_on_grid
    from harness.statistics.anytime import mean_band as mean_band
    from harness.statistics.anytime import simultaneous_band as simultaneous_band
    from harness.statistics.improvement import RelativeImprovement as RelativeImprovement
    from harness.statistics.improvement import relative_improvement as relative_improvement
    from harness.statistics.law import ExactBaseline as ExactBaseline
    from harness.statistics.law import RandomSearchLaw as RandomSearchLaw
    from harness.statistics.law import exact_random_baseline as exact_random_baseline
    from harness.statistics.multiple import benjamini_hochberg as benjamini_hochberg
    from harness.statistics.multiple import holm as holm

_HOME = {
    name: module
    for module, names in {
        "anytime": ("Band", "incumbents_on_grid", "mean_band", "simultaneous_band"),
        "improvement": ("RelativeImprovement", "relative_improvement"),
        "law": ("ExactBaseline", "RandomSearchLaw", "exact_random_baseline"),
        "multiple": ("benjamini_hochberg", "holm"),
    }.items()
    for name in names
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
