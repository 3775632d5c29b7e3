"""The cell space of NAS-Bench-201 (Dong and Yang, ICLR 2020): 5 operations on the 6 edges of a 4-node cell."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from harness.errors import HarnessError
from harness.spaces.base import Arch, Space

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
# Edges (source, target) in the order of the text: grouped by target node.
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))


class NASBench201Space(Space):
    """15,625 cells; the text is ``|op~0|+|op~0|op~1|+|op~0|op~1|op~2|``, as the benchmark's own."""

    name = "nasbench201"
    kind = "cell"
    cardinalities = (len(OPERATIONS),) * len(EDGES)

    def parse(self, text: str) -> Arch:
        """Read the benchmark's own text form."""
        nodes = text.strip().split("+")
        if len(nodes) != 3:
            raise self._malformed(text, f"{len(nodes)} nodes instead of 3")
        choices: list[int] = []
        for target, node in enumerate(nodes, start=1):
            if not (node.startswith("|") and node.endswith("|") and len(node) > 1):
                raise self._malformed(text, f"node {target} is not between bars: {node!r}")
            edges = node[1:-1].split("|")
            if len(edges) != target:
                raise self._malformed(text, f"node {target} has {len(edges)} edges instead of {target}")
            for source, edge in enumerate(edges):
                operation, _, origin = edge.rpartition("~")
                if origin != str(source):
                    raise self._malformed(text, f"edge {edge!r} of node {target} should end in ~{source}")
                if operation not in OPERATIONS:
                    raise self._malformed(
                        text, f"unknown operation {operation!r} (operations: {', '.join(OPERATIONS)})"
                    )
                choices.append(OPERATIONS.index(operation))
        return tuple(choices)

    def format(self, arch: Sequence[int]) -> str:
        """Write the benchmark's own text form."""
        arch = self.validate(arch)
        nodes = []
        for target in (1, 2, 3):
            edges = [
                f"{OPERATIONS[op]}~{source}" for (source, end), op in zip(EDGES, arch, strict=True) if end == target
            ]
            nodes.append("|" + "|".join(edges) + "|")
        return "+".join(nodes)

    def canonical(self, arch: Sequence[int]) -> Arch:
        """First encoding, by index, of the same computation; there are 6,466 classes (Dong and Yang, section 2.1)."""
        return self.arch(_first_of_class()[computation(self.validate(arch))])

    def _malformed(self, text: str, what: str) -> HarnessError:
        return HarnessError(f"space {self.name}: cannot read {text!r}: {what}")


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
