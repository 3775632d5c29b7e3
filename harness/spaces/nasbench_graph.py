"""The space of NAS-Bench-Graph (Qin et al., NeurIPS 2022 Datasets and Benchmarks): graph neural networks of four nodes.

An architecture is one of nine link layouts and an operation for each of four computing nodes. Its text is the layout and the
operations, ``0,1,2,3|gcn,gat,skip,fc``: the entry of a layout is the node that a computing node takes its input from, 0 being
the input.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.errors import HarnessError
from harness.spaces.base import Arch, Space

# Order of layouts and operations: that of the published hash (its number systems has base 10).
LAYOUTS = (
    (0, 0, 0, 0),
    (0, 0, 0, 1),
    (0, 0, 1, 1),
    (0, 0, 1, 2),
    (0, 0, 1, 3),
    (0, 1, 1, 1),
    (0, 1, 1, 2),
    (0, 1, 2, 2),
    (0, 1, 2, 3),
)
OPERATIONS = ("gat", "gcn", "gin", "cheb", "sage", "arma", "graph", "fc", "skip")
# On proteins some operations ran out of memory and are left out (Qin et al., section 3).
OPERATIONS_PROTEINS = ("gcn", "sage", "arma", "fc", "skip")
HASH_BASE = 10


class NASBenchGraphSpace(Space):
    """Link layout x four operations: 9 x 9^4 = 59,049 encodings, or 9 x 5^4 = 5,625 on proteins.

    Parameters
    ----------
    operations
        The operations allowed; a subset of `OPERATIONS`.
    """

    kind = "cell"

    def __init__(self, operations: Sequence[str] = OPERATIONS) -> None:
        self.operations = tuple(operations)
        self.cardinalities = (len(LAYOUTS), *[len(self.operations)] * 4)
        self.name = "nasbench-graph" if len(self.operations) == len(OPERATIONS) else "nasbench-graph-proteins"

    def parse(self, text: str) -> Arch:
        """Read ``layout|operations``."""
        layout_text, separator, operations_text = text.strip().partition("|")
        try:
            layout = tuple(int(node) for node in layout_text.split(","))
        except ValueError:
            layout = ()
        if not separator or layout not in LAYOUTS:
            raise self._malformed(
                text, f"the layout must be one of {'  '.join(','.join(map(str, x)) for x in LAYOUTS)}"
            )
        operations = [operation.strip() for operation in operations_text.split(",")]
        if len(operations) != 4 or any(operation not in self.operations for operation in operations):
            raise self._malformed(text, f"after the bar wanted four of {', '.join(self.operations)}")
        return (LAYOUTS.index(layout), *(self.operations.index(operation) for operation in operations))

    def format(self, arch: Sequence[int]) -> str:
        """Write ``layout|operations``."""
        layout, *operations = self.validate(arch)
        names = ",".join(self.operations[operation] for operation in operations)
        return f"{','.join(map(str, LAYOUTS[layout]))}|{names}"

    def canonical(self, arch: Sequence[int]) -> Arch:
        """The encoding that stands for all of the same computation in the published tables."""
        return self.from_hash(self.published_hash(arch)) or self.validate(arch)

    def published_hash(self, arch: Sequence[int]) -> int:
        """Key under which the published tables keep this computation, by the published package's own rules."""
        from nas_bench_graph import Arch as PublishedArch

        layout, *operations = self.validate(arch)
        published = PublishedArch(list(LAYOUTS[layout]), [self.operations[operation] for operation in operations])
        key: int = published.valid_hash()
        return key

    def from_hash(self, key: int) -> Arch | None:
        """Encoding that a published key spells out, or None if it needs an operation that this space lacks."""
        digits = []
        for _ in range(4):
            key, digit = divmod(key, HASH_BASE)
            digits.append(digit)
        names = [OPERATIONS[digit] if digit < len(OPERATIONS) else "" for digit in reversed(digits)]
        if key >= len(LAYOUTS) or any(name not in self.operations for name in names):
            return None
        return (key, *(self.operations.index(name) for name in names))

    def _malformed(self, text: str, what: str) -> HarnessError:
        return HarnessError(f"space {self.name}: cannot read {text!r}: {what}")
