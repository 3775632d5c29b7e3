"""Rules that derive a discrete architecture from architecture parameters. No torch, no supernet."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from harness.spaces.base import Arch
from harness.spaces.darts import CONCAT, EDGES, OPERATIONS, DartsSpace, Gene, Genotype

Weights = NDArray[np.floating]

# Weights of the candidates of every group, (edges, candidates) each -> architecture.
Rule = Callable[[Sequence[Weights]], Arch]


def strongest_operations(weights: Sequence[Weights]) -> Arch:
    """The heaviest operation of every edge, `none` too: the rule of NAS-Bench-201."""
    return tuple(int(choice) for group in weights for choice in group.argmax(axis=1))


def strongest_inputs(weights: Sequence[Weights]) -> Arch:
    """DARTS's rule: the two inputs of every node whose heaviest operation, `none` left out, weighs most, with it."""
    normal, reduce = (_cell(group) for group in weights)
    return DartsSpace().encode(Genotype(normal, CONCAT, reduce, CONCAT))


def _cell(weights: Weights) -> tuple[Gene, ...]:
    operations = weights[:, 1:]  # `none` comes first
    genes: list[Gene] = []
    for node in CONCAT:
        rows = [row for row, (_, target) in enumerate(EDGES) if target == node]
        strongest = sorted(rows, key=lambda row: -operations[row].max())[:2]
        genes += [(OPERATIONS[operations[row].argmax()], EDGES[row][0]) for row in strongest]
    return tuple(genes)
