"""Grids: one ``[[methods]]`` table that stands for a method at every combination of some values."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from typing import Any

from harness.errors import HarnessError

KEY = "grid"


def expanded(table: Mapping[str, Any], where: str) -> list[dict[str, Any]]:
    """The tables that a table with a grid stands for; a table without one stands for itself.

    Parameters
    ----------
    table
        A ``[[methods]]`` table. Its key ``grid`` names parameters with lists of values, ``{ population = [5, 10] }``.
    where
        What messages begin with.

    Returns
    -------
    list of dict
        One table for every combination, the last parameter fastest, whose label has the values behind it.

    Raises
    ------
    HarnessError
        If it is no grid, or a parameter stands beside it too.
    """
    fixed = dict(table)
    if KEY not in fixed:
        return [fixed]
    grid = fixed.pop(KEY)
    label = fixed.get("label", fixed.get("name"))
    if not isinstance(grid, dict) or not grid or not all(isinstance(one, list) and one for one in grid.values()):
        raise HarnessError(
            f"{where}: grid of method {label}: wanted parameters with lists of values, such as "
            f"{{ population = [5, 10] }}, not {grid!r}"
        )
    if twice := [key for key in grid if key in fixed]:
        raise HarnessError(f"{where}: method {label}: {twice[0]} stands in its grid and beside it; leave one out")
    found = []
    for values in itertools.product(*grid.values()):
        chosen = dict(zip(grid, values, strict=True))
        pairs = [f"{key}={_worded(value)}" for key, value in chosen.items()]
        found.append(fixed | chosen | {"label": ",".join([str(label), *pairs])})
    return found


def _worded(value: Any) -> str:
    """A value as ``--method`` takes it."""
    return value if isinstance(value, str) else json.dumps(value)
