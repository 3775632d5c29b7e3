"""Problems on which every encoding can be evaluated."""

from __future__ import annotations

from itertools import product

import pytest

from harness.problem.base import Evaluation
from harness.problem.budget import Budget
from harness.problem.whole import WholeSpace
from harness.spaces.base import CategoricalSpace


class Small(WholeSpace):
    """Two by three encodings."""

    exhausted = False

    def __init__(self) -> None:
        self.space = CategoricalSpace("small", {"a": ("x", "y"), "b": ("1", "2", "3")})
        self.budget = Budget("evaluations", 1)

    def evaluate(self, arch, fidelity=None):
        return Evaluation(0.0, float("nan"), {})


def test_every_encoding_is_as_likely():
    """Numbers in the middle of all cells of a grid of 2 x 3 draw each encoding once, in order."""
    numbers = iter([part for a, b in product(range(2), range(3)) for part in ((a + 0.5) / 2, (b + 0.5) / 3)])
    assert [Small().sample(numbers) for _ in range(6)] == list(product(range(2), range(3)))
    assert next(numbers, None) is None


@pytest.mark.parametrize(
    ("arch", "inside"),
    [((1, 2), True), ((0, 0), True), ((2, 0), False), ((0, -1), False), ((0,), False), ("ab", False)],
)
def test_what_it_contains(arch, inside):
    assert Small().contains(arch) is inside
    assert Small().size == float("inf")
