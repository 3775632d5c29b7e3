"""The cell space of NAS-Bench-101 (Ying et al., ICML 2019): graphs of at most 7 vertices and 9 edges with 3 operations.

An architecture is a wiring and an operation for each of the five inner vertices. A wiring is a graph on seven vertices of which
every vertex that has an edge is on a path from the input to the output; there are 13,839 with at most nine edges. (Any other
graph computes what one of these does: the benchmark's own reader prunes it to that.) An operation of a vertex without edges
does nothing. Numbering inner vertices otherwise does not change what a cell computes, so the 3,362,877 encodings are 423,624
computations: exactly the cells that the benchmark lists.

The text is the adjacency matrix row by row, a bar, and the operations: ``0100000...|input,conv3x3-bn-relu,...,output``.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError
from harness.spaces.base import Arch, Space

OPERATIONS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")
VERTICES, INNER, MAX_EDGES = 7, 5, 9
EDGES = tuple(itertools.combinations(range(VERTICES), 2))
LABELINGS = len(OPERATIONS) ** INNER


class NASBench101Space(Space):
    """Wiring x five operations."""

    name = "nasbench101"
    kind = "cell"

    def __init__(self) -> None:
        self.cardinalities = (len(wirings()), *(len(OPERATIONS),) * INNER)

    def parse(self, text: str) -> Arch:
        """Read an adjacency matrix of 2 to 7 vertices and its operations; what leads nowhere is pruned."""
        digits, _, names = text.strip().partition("|")
        operations = names.split(",")
        vertices = len(operations)
        if not 2 <= vertices <= VERTICES or len(digits) != vertices**2 or set(digits) - {"0", "1"}:
            raise self._malformed(text, "wanted n x n digits 0 or 1, a bar and n operations, n from 2 to 7")
        if (operations[0], operations[-1]) != ("input", "output"):
            raise self._malformed(text, "operations begin with input and end with output")
        for operation in operations[1:-1]:
            if operation not in OPERATIONS:
                raise self._malformed(text, f"unknown operation {operation!r} (operations: {', '.join(OPERATIONS)})")
        edges = {(i, j) for i in range(vertices) for j in range(vertices) if digits[i * vertices + j] == "1"}
        if any(i >= j for i, j in edges):
            raise self._malformed(text, "an edge must lead from a vertex to a later one")
        return self._encode(text, edges, operations)

    def format(self, arch: Sequence[int]) -> str:
        """Write all seven vertices, those without edges too."""
        wiring, *operations = self.validate(arch)
        edges = _edges(int(wirings()[wiring]))
        digits = "".join(str(int((i, j) in edges)) for i in range(VERTICES) for j in range(VERTICES))
        return f"{digits}|{','.join(['input', *(OPERATIONS[operation] for operation in operations), 'output'])}"

    def canonical(self, arch: Sequence[int]) -> Arch:
        """First encoding, by index, of the same computation."""
        return self.arch(int(first_of_class()[self.index(arch)]))

    def neighbours(self, arch: Sequence[int]) -> Iterator[Arch]:
        """Architectures with one operation changed, or one edge added or taken away (and what then leads nowhere)."""
        wiring, *operations = self.validate(arch)
        mask = int(wirings()[wiring])
        found = {pruned(mask ^ (1 << edge)) for edge in range(len(EDGES))}
        for other in sorted(_place_of_wiring()[mask] for mask in found if mask in _place_of_wiring()):
            if other != wiring:
                yield (other, *operations)
        yield from (near for near in super().neighbours(arch) if near[0] == wiring)

    def _encode(self, text: str, edges: set[tuple[int, int]], operations: Sequence[str]) -> Arch:
        last = len(operations) - 1
        used = _used(edges, last)
        if last not in used:
            raise self._malformed(text, "the output cannot be reached from the input")
        kept = edges & set(itertools.product(used, used))
        if len(kept) > MAX_EDGES:
            raise self._malformed(text, f"{len(kept)} edges; at most {MAX_EDGES}")
        inner = list(range(1, last)) if last == VERTICES - 1 else sorted(used - {0, last})
        slot = {0: 0, last: VERTICES - 1} | {vertex: place for place, vertex in enumerate(inner, start=1)}
        mask = sum(1 << EDGES.index((slot[i], slot[j])) for i, j in kept)
        codes = [OPERATIONS.index(operations[vertex]) for vertex in inner]
        return (_place_of_wiring()[mask], *codes, *[0] * (INNER - len(codes)))

    def _malformed(self, text: str, what: str) -> HarnessError:
        return HarnessError(f"space {self.name}: cannot read {text!r}: {what}")


def pruned(mask: int) -> int:
    """Graph without the edges that are on no path from the input to the output."""
    edges = _edges(mask)
    used = _used(edges, VERTICES - 1)
    return sum(1 << place for place, edge in enumerate(EDGES) if edge in edges and used.issuperset(edge))


@lru_cache(maxsize=1)
def wirings() -> NDArray[np.int64]:
    """(13839,) all pruned graphs with at most nine edges, as bit masks over `EDGES`, in order."""
    masks = np.arange(2 ** len(EDGES), dtype=np.int64)
    has = {edge: (masks >> place) & 1 == 1 for place, edge in enumerate(EDGES)}
    forward = [np.ones_like(masks, dtype=bool)]
    for vertex in range(1, VERTICES):
        forward.append(np.any([has[i, vertex] & forward[i] for i in range(vertex)], axis=0))
    backward = [np.ones_like(masks, dtype=bool)]
    for vertex in range(VERTICES - 2, -1, -1):
        ahead = range(vertex + 1, VERTICES)
        backward.insert(0, np.any([has[vertex, j] & backward[j - vertex - 1] for j in ahead], axis=0))
    on_path = [there & back for there, back in zip(forward, backward, strict=True)]
    whole = np.all([~has[i, j] | (on_path[i] & on_path[j]) for i, j in EDGES], axis=0) & forward[-1]
    return masks[whole & (np.sum(list(has.values()), axis=0) <= MAX_EDGES)]


@lru_cache(maxsize=1)
def first_of_class() -> NDArray[np.int32]:
    """(size,) index of the first encoding of the same computation: over all numberings of the inner vertices."""
    masks = wirings()
    labels = np.array(list(itertools.product(range(len(OPERATIONS)), repeat=INNER)))
    weights = len(OPERATIONS) ** np.arange(INNER)[::-1]
    place = np.full(2 ** len(EDGES), -1, dtype=np.int32)
    place[masks] = np.arange(len(masks))
    # An operation without effect counts as the first.
    has_edge = np.array([[any(v in edge for edge in _edges(int(m))) for v in range(1, VERTICES - 1)] for m in masks])
    effective = np.where(has_edge[:, None, :], labels[None], 0)
    first = np.full((len(masks), LABELINGS), np.iinfo(np.int32).max, dtype=np.int32)
    for order in itertools.permutations(range(INNER)):
        to = (0, *(1 + spot for spot in order), VERTICES - 1)
        moved, forward = np.zeros_like(masks), np.ones(len(masks), dtype=bool)
        for at, (i, j) in enumerate(EDGES):
            there = (masks >> at) & 1 == 1
            if to[i] < to[j]:
                moved |= np.where(there, 1 << EDGES.index((to[i], to[j])), 0)
            else:
                forward &= ~there
        # The operation of inner vertex k goes to place order[k].
        index = place[moved[forward], None] * LABELINGS + effective[forward] @ weights[list(order)]
        first[forward] = np.minimum(first[forward], index)
    return first.ravel()


def _edges(mask: int) -> set[tuple[int, int]]:
    return {edge for place, edge in enumerate(EDGES) if mask >> place & 1}


def _used(edges: set[tuple[int, int]], last: int) -> set[int]:
    """Vertices on a path from vertex 0 to the last."""
    ahead, behind = {0}, {last}
    for i, j in sorted(edges):
        if i in ahead:
            ahead.add(j)
    for i, j in sorted(edges, key=lambda edge: edge[1], reverse=True):
        if j in behind:
            behind.add(i)
    return ahead & behind


@lru_cache(maxsize=1)
def _place_of_wiring() -> dict[int, int]:
    return {int(mask): place for place, mask in enumerate(wirings())}
