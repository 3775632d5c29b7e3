"""What a suite says of an architecture beside its score where no table does: columns that are shown, and bounds on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from harness.problem.constraint import Constraint
from harness.spaces.base import Arch

_NOTHING: Mapping[str, float] = MappingProxyType({})


def _no_columns(arch: Arch) -> Mapping[str, float]:
    return _NOTHING


@dataclass(frozen=True)
class Terms:
    """Columns of any architecture that are known without training it, and what it must satisfy to be an answer.

    Attributes
    ----------
    columns
        The columns of an architecture that a method may see, those of the constraints among them.
    constraints
        Bounds on these columns.
    names
        Names of the columns.
    counted
        Whether columns are counted of the network when they are asked for, which takes a while; else they are looked up.
    """

    columns: Callable[[Arch], Mapping[str, float]] = _no_columns
    constraints: tuple[Constraint, ...] = ()
    names: tuple[str, ...] = ()
    counted: bool = False

    def excess(self, columns: Mapping[str, float]) -> float:
        """How far an architecture with these columns is beyond the bounds: 0 where it satisfies them all.

        The sum over the constraints of the excess, each in parts of its bound, so that weights and operations add up; in the
        column's unit where the bound is 0.
        """
        return sum(
            float(constraint.excess(np.asarray(columns[constraint.column]))) / (abs(constraint.bound) or 1.0)
            for constraint in self.constraints
        )

    def allow(self, arch: Arch) -> bool:
        """Whether an architecture satisfies all constraints."""
        return not self.constraints or self.excess(self.columns(arch)) == 0
