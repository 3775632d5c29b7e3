"""Problems on which every encoding of the space can be evaluated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.errors import HarnessError
from harness.problem.base import Problem
from harness.spaces.base import Arch


class WholeSpace(Problem):
    """A problem without a table: all encodings of its space can be evaluated, and each is as likely to be drawn."""

    size = float("inf")

    def sample(self, uniforms: Iterator[float]) -> Arch:
        """Draw every variable uniformly; uses one number for each."""
        return tuple(int(next(uniforms) * cardinality) for cardinality in self.space.cardinalities)

    def contains(self, arch: Sequence[int]) -> bool:
        """Whether `arch` is an encoding of the space."""
        try:
            self.space.validate(arch)
        except HarnessError:
            return False
        return True
