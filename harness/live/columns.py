"""Columns of architectures that are trained here: what is counted of a network without training it."""

from __future__ import annotations

from collections.abc import Sequence

from harness.errors import HarnessError
from harness.problem.constraint import Constraint
from harness.spaces.base import Arch, Space
from harness.streams import generator
from harness.training import discrete
from harness.training.networks import Shape

PROBES = 200  # random architectures among which one must satisfy the constraints


class Columns:
    """Columns of the architectures of a cell space.

    Parameters
    ----------
    space
        Name of the cell space.
    shape
        The size at which architectures are evaluated in the end.
    shown
        Names of the columns that a method may see, see `harness.live.benchmark.COLUMNS`.
    constraints
        What an architecture must satisfy.
    """

    def __init__(self, space: str, shape: Shape, shown: Sequence[str], constraints: Sequence[Constraint]) -> None:
        self._space, self._shape = space, shape
        self._shown = tuple(dict.fromkeys([*shown, *(constraint.column for constraint in constraints)]))
        self._constraints = tuple(constraints)

    def of(self, arch: Arch) -> dict[str, float]:
        """The shown columns of an architecture."""
        return {name: self._value(name, arch) for name in self._shown}

    def excess(self, arch: Arch) -> float:
        """By how much an architecture breaks the constraints, each in parts of its bound; 0 if it satisfies them."""
        total = 0.0
        for constraint in self._constraints:
            value, bound = self._value(constraint.column, arch), constraint.bound
            over = value - bound if constraint.relation == "<=" else bound - value
            total += max(over, 0.0) / (abs(bound) or 1.0)
        return total

    def check(self, where: str, space: Space) -> None:
        """Refuse constraints that no random architecture satisfies.

        Raises
        ------
        HarnessError
            If none of `PROBES` does; the message says between which values they lie.
        """
        rng = generator("search", where, "constraints")
        drawn = [space.sample(rng) for _ in range(PROBES)] if self._constraints else []
        if not drawn or any(self.excess(arch) == 0 for arch in drawn):
            return
        listed = []
        for constraint in self._constraints:
            values = [self._value(constraint.column, arch) for arch in drawn]
            listed.append(f"{constraint} (their values run from {min(values):g} to {max(values):g})")
        raise HarnessError(
            f"benchmark {where}: none of {PROBES} random architectures satisfies {' and '.join(listed)}; loosen the constraint"
        )

    def _value(self, name: str, arch: Arch) -> float:
        if name == "params":
            return float(discrete.parameters(self._space, arch, self._shape))
        return 2.0 * discrete.multiply_adds(self._space, arch, self._shape)
