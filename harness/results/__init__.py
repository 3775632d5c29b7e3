"""Results from elsewhere: final scores that this harness did not produce, cleaned, doubted and reported.

The way of a file: `sheet` reads its cells as text, `read` makes one tidy frame of all files, `faults` says what is odd
about the numbers, `improvement` computes, and `document` says what the report is made of.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.results.build import Imported, import_results
    from harness.results.model import Fault, Results
    from harness.results.read import read_results

_HOME = {
    "Fault": "harness.results.model",
    "Imported": "harness.results.build",
    "Results": "harness.results.model",
    "import_results": "harness.results.build",
    "read_results": "harness.results.read",
}

__all__ = ["Fault", "Imported", "Results", "import_results", "read_results"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return __all__
