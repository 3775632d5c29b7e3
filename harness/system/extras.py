"""Packages that a method needs beside those of every install, and the command that brings them."""

from __future__ import annotations

from collections.abc import Iterable

from harness.errors import HarnessError
from harness.system.provenance import DISTRIBUTION, version_of

# The extra of this project that brings a distribution.
EXTRA_OF = {"scikit-learn": "models", "optuna": "optuna", "gymnasium": "gym", "torch": "live"}


def versions_of(requires: Iterable[str], where: str) -> dict[str, str]:
    """Versions of the distributions that something needs, by name.

    Parameters
    ----------
    requires
        Names of distributions, as ``pip install`` takes them.
    where
        What needs them, for messages.

    Raises
    ------
    HarnessError
        If one is missing; the message has the command that installs it.
    """
    found = {}
    for name in sorted(requires):
        version = version_of(name)
        if version is None:
            extra = f"'{DISTRIBUTION}[{EXTRA_OF[name]}]'" if name in EXTRA_OF else name
            raise HarnessError(f"{where}: needs {name}, which is missing; pip install {extra}")
        found[name] = version
    return found
