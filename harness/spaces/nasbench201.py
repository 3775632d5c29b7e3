"""The cell space of NAS-Bench-201 (Dong and Yang, ICLR 2020): 5 operations on the 6 edges of a 4-node cell."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from harness.spaces.base import Arch
from harness.spaces.cells import CellSpace
from harness.spaces.registry import register_cell_space

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
# Edges (source, target) in the order of the text: grouped by target node.
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))


@register_cell_space("nasbench201")
class NASBench201Space(CellSpace):
    """15,625 cells; the text is ``|op~0|+|op~0|op~1|+|op~0|op~1|op~2|``, as the benchmark's own."""

    edges = EDGES
    primitives = OPERATIONS

    def canonical(self, arch: Sequence[int]) -> Arch:
        """First encoding, by index, of the same computation; there are 6,466 classes (Dong and Yang, section 2.1)."""
        return self.arch(_first_of_class()[computation(self.validate(arch))])


def computation(arch: Arch) -> str:
    """What a cell computes, as an expression: a skip passes its input on, any operation on zero (``#``) is zero.

    Two cells are the same computation when their expressions are the same text. Sums are sorted, but a sum that a skip passes
    on joins the next sum as one term and zeros stay visible as terms: exactly so the space has the 6,466 distinct cells that
    the benchmark's authors count, and tables are made for. (Flattening every sum and dropping every zero would leave 4,930.)
    """
    values = ["x"]
    for target in (1, 2, 3):
        terms = []
        for (source, end), op in zip(EDGES, arch, strict=True):
            if end != target:
                continue
            operation, operand = OPERATIONS[op], values[source]
            if operation == "none" or operand == "#":
                terms.append("#")
            elif operation == "skip_connect":
                terms.append(operand)
            else:
                terms.append(f"({operand})@{operation}")
        values.append("+".join(sorted(terms)))
    return values[3]


@lru_cache(maxsize=1)
def _first_of_class() -> dict[str, int]:
    space = NASBench201Space()
    first: dict[str, int] = {}
    for index in range(space.size):
        first.setdefault(computation(space.arch(index)), index)
    return first
