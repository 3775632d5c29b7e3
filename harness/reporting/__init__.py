"""From the records of a run to tables, figures and pages.

Computing and drawing are apart: `frames` holds tidy data frames, `plots` draws them, `sections` says which of them make
up the report, and one renderer a format writes what the sections say.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.reporting.build import Report as Report
    from harness.reporting.build import build_report as build_report

__all__ = ["Report", "build_report"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("harness.reporting.build"), name)


def __dir__() -> list[str]:
    return __all__
