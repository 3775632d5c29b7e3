"""The cell space of DARTS (Liu et al., ICLR 2019): two cells of 4 nodes, two inputs a node, 7 operations."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, ClassVar

from harness.errors import HarnessError
from harness.spaces.base import Arch
from harness.spaces.cells import CellSpace, Edge
from harness.spaces.registry import register_cell_space

# The operations of a supernet; a genotype never holds the first, `none`.
PRIMITIVES = (
    "none",
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
)
OPERATIONS = PRIMITIVES[1:]

INPUTS = 2  # states 0 and 1 are the outputs of the two cells before
NODES = 4
# Edges (source, target) between states in the order of the alphas: grouped by target node.
EDGES = tuple((source, target) for target in range(INPUTS, INPUTS + NODES) for source in range(target))
CONCAT = tuple(range(INPUTS, INPUTS + NODES))

# Unordered pairs of distinct inputs of every node.
_PAIRS = tuple(tuple(combinations(range(target), 2)) for target in CONCAT)

Gene = tuple[str, int]
_FIELDS = ("normal", "normal_concat", "reduce", "reduce_concat")
_FORM = "Genotype(normal=[('sep_conv_3x3', 0), ...], normal_concat=[2, 3, 4, 5], reduce=..., reduce_concat=...)"


@dataclass(frozen=True)
class Genotype:
    """A discrete architecture in the field's form.

    Attributes
    ----------
    normal, reduce
        ``(operation, input state)`` of the two edges into every node, node by node: 8 pairs. Input states 0 and 1
        are the outputs of the two cells before, state 2 is the first node.
    normal_concat, reduce_concat
        The nodes whose outputs are concatenated to the cell's output.
    """

    normal: tuple[Gene, ...]
    normal_concat: tuple[int, ...]
    reduce: tuple[Gene, ...]
    reduce_concat: tuple[int, ...]

    def __str__(self) -> str:
        fields = (f"{name}={list(getattr(self, name))}" for name in _FIELDS)
        return f"Genotype({', '.join(fields)})"

    @classmethod
    def parse(cls, text: str) -> Genotype:
        """Read a genotype's text: literals only, nothing is evaluated.

        All published forms are read: ``Genotype(...)`` with or without the names of the fields and with or without ``NAME =``
        in front, or a dictionary; edges in one list, or in one list a node; nodes to concatenate as a list or a ``range``.

        Raises
        ------
        HarnessError
            If the text is not of this form, or names an unknown operation or a node that cannot be an input.
        """
        given = _given(text)
        return cls(
            normal=_genes("normal", given["normal"]),
            normal_concat=_concat("normal_concat", given["normal_concat"]),
            reduce=_genes("reduce", given["reduce"]),
            reduce_concat=_concat("reduce_concat", given["reduce_concat"]),
        )


def _given(text: str) -> dict[str, ast.expr]:
    """The four fields of a genotype's text."""
    try:
        body = ast.parse(text.strip()).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise HarnessError(f"genotype: cannot read {_short(text)}; wanted {_FORM}") from None
    value = body[0].value if len(body) == 1 and isinstance(body[0], ast.Assign | ast.Expr) else None
    pairs: list[tuple[Any, ast.expr]]
    if isinstance(value, ast.Dict):
        pairs = [
            (key.value if isinstance(key, ast.Constant) else None, item)
            for key, item in zip(value.keys, value.values, strict=True)
        ]
    elif isinstance(value, ast.Call) and "Genotype" in (getattr(value.func, "id", ""), getattr(value.func, "attr", "")):
        pairs = [*zip(_FIELDS, value.args, strict=False), *((keyword.arg, keyword.value) for keyword in value.keywords)]
        pairs += [(None, surplus) for surplus in value.args[len(_FIELDS) :]]
    else:
        raise HarnessError(f"genotype: {_short(text)} is not of the form {_FORM}")
    if len(pairs) != len(_FIELDS) or {key for key, _ in pairs} != set(_FIELDS):
        raise HarnessError(
            f"genotype: wanted each of {', '.join(_FIELDS)} once, by name or in this order, in {_short(text)}"
        )
    return dict(pairs)


def _genes(where: str, node: ast.expr) -> tuple[Gene, ...]:
    value = _literal(where, node)
    if not isinstance(value, list | tuple):
        raise HarnessError(f"genotype: {where} is not a list of (operation, input) pairs: {_short(value)}")
    if len(value) == NODES and all(isinstance(part, list | tuple) and len(part) == 2 for part in value):
        value = [gene for part in value for gene in part]  # one list a node
    if len(value) != 2 * NODES:
        raise HarnessError(f"genotype: {where} has {len(value)} edges instead of {2 * NODES}")
    return tuple(_gene(f"{where} edge {position}", gene, CONCAT[position // 2]) for position, gene in enumerate(value))


def _gene(where: str, value: Any, target: int) -> Gene:
    if not (isinstance(value, list | tuple) and len(value) == 2 and type(value[1]) is int):
        raise HarnessError(f"genotype: {where} is not a pair ('operation', input): {_short(value)}")
    operation, source = value
    if operation not in OPERATIONS:
        raise HarnessError(f"genotype: {where}: unknown operation {operation!r} (operations: {', '.join(OPERATIONS)})")
    if not 0 <= source < target:
        raise HarnessError(f"genotype: {where}: input of node {target} must be in 0..{target - 1}, not {source}")
    return operation, source


def _concat(where: str, node: ast.expr) -> tuple[int, ...]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range" and not node.keywords:
        bounds = [_literal(where, argument) for argument in node.args]
        if len(bounds) != 2 or any(type(bound) is not int for bound in bounds):
            raise HarnessError(f"genotype: {where}: wanted range(first, end)")
        value: Any = range(*bounds)
    else:
        value = _literal(where, node)
    # The length is looked at before the elements: a range may be of any length.
    if not isinstance(value, list | tuple | range) or not 0 < len(value) <= NODES or not set(value) <= set(CONCAT):
        raise HarnessError(f"genotype: {where} must list nodes among {list(CONCAT)}, not {_short(value)}")
    return tuple(value)


def _literal(where: str, node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        raise HarnessError(f"genotype: {where} is not made of lists, texts and whole numbers") from None


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


@register_cell_space("darts")
class DartsSpace(CellSpace):
    """About 10^18 pairs of cells; the text is a `Genotype`.

    Every vector is an architecture. A cell takes 11 variables: the pair of distinct inputs of nodes 2 to 4 (node 1
    has but one pair), then the operations of the 8 edges, node by node, that of the lower input first. The normal
    cell comes first.
    """

    edges = EDGES
    primitives = PRIMITIVES
    inputs = INPUTS
    cells: ClassVar = {"normal": "normal cell", "reduce": "reduction cell"}
    output = "concat"
    fan_in = 2
    skeleton = "darts"
    pools_normalised = True  # so that operations weigh alike
    cardinalities = 2 * (*(len(pairs) for pairs in _PAIRS[1:]), *(len(OPERATIONS),) * (2 * NODES))

    def parse(self, text: str) -> Arch:
        """Read a genotype's text."""
        return self.encode(Genotype.parse(text))

    def format(self, arch: Sequence[int]) -> str:
        """Write the genotype's text, the lower input of every node first."""
        return str(self.decode(arch))

    def encode(self, genotype: Genotype) -> Arch:
        """Vector of a genotype.

        Raises
        ------
        HarnessError
            If a node has the same input twice, or the cells do not concatenate all of their nodes.
        """
        for where in ("normal_concat", "reduce_concat"):
            if set(getattr(genotype, where)) != set(CONCAT):
                raise HarnessError(f"space {self.name}: {where} must hold the nodes {list(CONCAT)}")
        return self._encode_cell("normal", genotype.normal) + self._encode_cell("reduce", genotype.reduce)

    def decode(self, arch: Sequence[int]) -> Genotype:
        """Genotype of a vector."""
        arch = self.validate(arch)
        half = len(arch) // 2
        return Genotype(_decode_cell(arch[:half]), CONCAT, _decode_cell(arch[half:]), CONCAT)

    def edges_of(self, arch: Sequence[int]) -> dict[str, tuple[Edge, ...]]:
        """The two edges into every node."""
        genotype = self.decode(arch)
        return {"normal": _edges(genotype.normal), "reduce": _edges(genotype.reduce)}

    def arch_of(self, cells: Mapping[str, Iterable[Edge]]) -> Arch:
        """Vector of two edges into every node."""
        normal, reduce = (
            tuple((operation, source) for source, _, operation in cells[group]) for group in ("normal", "reduce")
        )
        return self.encode(Genotype(normal, CONCAT, reduce, CONCAT))

    def _encode_cell(self, where: str, genes: Sequence[Gene]) -> Arch:
        pairs, operations = [], []
        for node in range(NODES):
            (low, first), (high, second) = sorted((source, op) for op, source in genes[2 * node : 2 * node + 2])
            if low == high:
                raise HarnessError(f"space {self.name}: both edges into node {CONCAT[node]} of {where} come from {low}")
            pairs.append(_PAIRS[node].index((low, high)))
            operations += [OPERATIONS.index(first), OPERATIONS.index(second)]
        return (*pairs[1:], *operations)


def _decode_cell(choices: Sequence[int]) -> tuple[Gene, ...]:
    pairs, operations = (0, *choices[: NODES - 1]), choices[NODES - 1 :]
    sources = [source for node, pair in enumerate(pairs) for source in _PAIRS[node][pair]]
    return tuple((OPERATIONS[op], source) for op, source in zip(operations, sources, strict=True))


def _edges(genes: Sequence[Gene]) -> tuple[Edge, ...]:
    return tuple((source, CONCAT[place // 2], operation) for place, (operation, source) in enumerate(genes))
