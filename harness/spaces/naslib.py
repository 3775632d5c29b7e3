"""Architectures in the forms that NASLib prints (Ruchte et al. 2020), from there and back.

Of NAS-Bench-201's cells these are six operations by number, ``op_indices``; of the DARTS space two times eight pairs (input,
operation by number), ``compact``. Their numbers are not those of this project's encodings, nor those that Li and Talwalkar's and
BANANAS's codes have, which count `none` too.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.errors import HarnessError
from harness.spaces import nasbench201
from harness.spaces.base import Arch
from harness.spaces.darts import CONCAT, OPERATIONS, DartsSpace, Gene, Genotype

OP_NAMES = ("skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3")
EDGE_LIST = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))  # grouped by source; NASLib counts nodes from 1
Pair = tuple[int, int]


def from_op_indices(indices: Sequence[int]) -> Arch:
    """The encoding of a NAS-Bench-201 cell that NASLib names by its operations.

    Raises
    ------
    HarnessError
        If there are not six, or one is no operation's number.
    """
    if len(indices) != len(EDGE_LIST):
        raise HarnessError(f"op_indices: wanted {len(EDGE_LIST)} operations, not {len(indices)}: {list(indices)}")
    theirs = dict(zip(EDGE_LIST, (_name("op_indices", index, OP_NAMES) for index in indices), strict=True))
    return tuple(nasbench201.OPERATIONS.index(theirs[edge]) for edge in nasbench201.EDGES)


def to_op_indices(arch: Sequence[int]) -> tuple[int, ...]:
    """NASLib's numbers of the operations of a NAS-Bench-201 cell."""
    arch = nasbench201.NASBench201Space().validate(arch)
    ours = dict(zip(nasbench201.EDGES, arch, strict=True))
    return tuple(OP_NAMES.index(nasbench201.OPERATIONS[ours[edge]]) for edge in EDGE_LIST)


def from_compact(compact: Sequence[Sequence[Sequence[int]]]) -> Arch:
    """The encoding of a DARTS architecture in NASLib's compact form: normal and reduction cell.

    Raises
    ------
    HarnessError
        If it is not two times eight pairs, or a pair is no input or operation.
    """
    if len(compact) != 2:
        raise HarnessError(f"compact: wanted a normal and a reduction cell, not {len(compact)} cells")
    normal, reduce = (_genes(cell) for cell in compact)
    return DartsSpace().encode(Genotype(normal, CONCAT, reduce, CONCAT))


def to_compact(arch: Sequence[int]) -> tuple[tuple[Pair, ...], tuple[Pair, ...]]:
    """A DARTS architecture in NASLib's compact form."""
    genotype = DartsSpace().decode(arch)
    normal, reduce = (
        tuple((source, OPERATIONS.index(operation)) for operation, source in genes)
        for genes in (genotype.normal, genotype.reduce)
    )
    return normal, reduce


def _genes(cell: Sequence[Sequence[int]]) -> tuple[Gene, ...]:
    if len(cell) != 2 * len(CONCAT) or any(len(pair) != 2 for pair in cell):
        raise HarnessError(f"compact: wanted {2 * len(CONCAT)} pairs (input, operation) a cell, not {list(cell)}")
    for place, (source, _) in enumerate(cell):
        if not 0 <= source < (node := CONCAT[place // 2]):
            raise HarnessError(f"compact: node {node} has no input {source}; wanted one of 0..{node - 1}")
    return tuple((_name("compact", operation, OPERATIONS), int(source)) for source, operation in cell)


def _name(where: str, index: int, names: Sequence[str]) -> str:
    if not 0 <= index < len(names):
        raise HarnessError(f"{where}: operation {index} is none of 0..{len(names) - 1} ({', '.join(names)})")
    return names[index]
