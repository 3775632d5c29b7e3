"""What a cell space describes: rules that derive an architecture, texts, and what is no cell."""

from itertools import product
from typing import ClassVar

import numpy as np
import pytest

from harness import CellSpace, register_cell_space
from harness.errors import HarnessError
from harness.spaces.darts import EDGES, PRIMITIVES, DartsSpace
from harness.spaces.nasbench201 import OPERATIONS, NASBench201Space
from harness.spaces.registry import cell_space, cell_space_names


def test_the_heaviest_operation_of_every_edge():
    weights = np.full((6, 5), 0.1)
    chosen = (3, 0, 1, 4, 2, 3)
    weights[np.arange(6), chosen] = 0.6
    assert NASBench201Space().derive([weights]) == chosen
    assert OPERATIONS[chosen[1]] == "none"


def test_the_two_strongest_inputs_of_every_node_without_none():
    weights = np.full((14, 8), 0.01)
    for (source, target), operation, weight in [
        ((0, 2), "skip_connect", 0.2),
        ((1, 2), "max_pool_3x3", 0.3),
        ((0, 3), "sep_conv_3x3", 0.2),
        ((1, 3), "none", 0.9),  # heaviest, but never chosen, nor does it make its edge strong
        ((2, 3), "dil_conv_5x5", 0.5),
        ((1, 4), "sep_conv_5x5", 0.3),
        ((3, 4), "avg_pool_3x3", 0.4),
        ((0, 5), "dil_conv_3x3", 0.3),
        ((4, 5), "skip_connect", 0.3),
        ((2, 5), "skip_connect", 0.25),
    ]:
        weights[EDGES.index((source, target)), PRIMITIVES.index(operation)] = weight
    genotype = DartsSpace().decode(DartsSpace().derive([weights, weights]))
    assert genotype.normal == (
        ("skip_connect", 0),
        ("max_pool_3x3", 1),
        ("sep_conv_3x3", 0),
        ("dil_conv_5x5", 2),
        ("sep_conv_5x5", 1),
        ("avg_pool_3x3", 3),
        ("dil_conv_3x3", 0),
        ("skip_connect", 4),
    )
    assert genotype.reduce == genotype.normal


# Descriptions


class Triangle(CellSpace):
    """Three nodes, three operations."""

    edges = ((0, 1), (0, 2), (1, 2))
    primitives = ("none", "skip_connect", "nor_conv_3x3")


class Sparse(CellSpace):
    """Two cells in DARTS's network, an edge kept of each node's."""

    inputs = 2
    edges = ((0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
    primitives = ("skip_connect", "none", "max_pool_3x3")
    cells: ClassVar = {"normal": "normal cell", "reduce": "reduction cell"}
    output = "concat"
    fan_in = 1
    skeleton = "darts"


@pytest.fixture
def register(registries):
    """Registers a class under a name of its own, for the test."""

    def made(cls, **changes):
        register_cell_space("some")(type("Some", (cls,), changes))
        return cell_space("some")

    return made


def test_a_space_is_one_choice_an_edge_unless_it_says_otherwise(register):
    space = register(Triangle)
    assert (space.name, space.kind, space.size) == ("some", "cell", 27)
    assert space.format((2, 0, 1)) == "|nor_conv_3x3~0|+|none~0|skip_connect~1|"
    assert space.edges_of((2, 0, 1)) == {"cell": ((0, 1, "nor_conv_3x3"), (0, 2, "none"), (1, 2, "skip_connect"))}
    for arch in product(range(3), repeat=3):
        assert space.arch_of(space.edges_of(arch)) == space.parse(space.format(arch)) == arch
        assert space.choices(arch) == {"cell": list(arch)}


def test_two_cells_stand_one_behind_the_other(register):
    space = register(Sparse)
    assert space.groups == {"normal": 5, "reduce": 5}
    arch = (0, 1, 2, 1, 1, 1, 2, 0, 0, 1)
    text = (
        "|skip_connect~0|none~1|+|max_pool_3x3~0|none~1|none~2|;"
        "|none~0|max_pool_3x3~1|+|skip_connect~0|skip_connect~1|none~2|"
    )
    assert (space.format(arch), space.parse(text)) == (text, arch)
    assert space.operations(arch)["reduce"] == ["none", "max_pool_3x3", "skip_connect", "skip_connect", "none"]


def test_only_the_strongest_inputs_are_kept_without_none(register):
    space = register(Sparse)
    normal = np.array([[0.2, 0.9, 0.1], [0.3, 0.1, 0.1], [0.1, 0.9, 0.4], [0.0, 0.0, 0.3], [0.35, 0.9, 0.3]])
    # None weighs most on three edges and counts on none: 0.3 > 0.2 into node 2, 0.4 > 0.35 > 0.3 into node 3.
    assert space.derive([normal, normal[::-1]])[:5] == (1, 0, 2, 1, 1)
    assert (space.derived_edges, space.derived_operations) == (2, ("skip_connect", "max_pool_3x3"))


def test_the_built_in_spaces_read_their_own_edges_back():
    assert {"darts", "nasbench201"} <= set(cell_space_names())
    rng = np.random.default_rng(0)
    for name in ("darts", "nasbench201"):
        space = cell_space(name)
        for _ in range(20):
            arch = space.sample(rng)
            assert space.arch_of(space.edges_of(arch)) == arch
    assert [cell_space(name).derived_edges for name in ("darts", "nasbench201")] == [8, 6]


@pytest.mark.parametrize(
    ("base", "changes", "message"),
    [
        (Triangle, {"edges": ()}, "it has no edges"),
        (Triangle, {"edges": ((0, 1), (2, 1))}, r"do not form a cell: \(2, 1\) does not run from an earlier state"),
        (Triangle, {"edges": ((0, 0), (0, 1))}, r"\(0, 0\) does not run from an earlier state"),
        (Sparse, {"edges": ((0, 1), (0, 2), (1, 2))}, r"\(0, 1\) does not run .* that is no input"),
        (Triangle, {"edges": ((0, 2), (0, 1))}, r"sorted by target and then by source: \(\(0, 1\), \(0, 2\)\)"),
        (Triangle, {"edges": ((0, 1), (0, 1))}, r"wanted each once"),
        (Triangle, {"edges": ((0, 1), (0, 3), (1, 3))}, "none runs into state 2"),
        (Triangle, {"edges": ((0, 1), (0, 2))}, "none leaves state 1"),
        (Sparse, {"edges": ((0, 2), (0, 3), (2, 3))}, "none leaves state 1"),
        (Triangle, {"primitives": ("none",)}, "primitives: wanted different operations"),
        (Triangle, {"output": "sum"}, "unknown output 'sum'"),
        (Triangle, {"output": "concat"}, "output: a cell in the network nasbench201 keeps its channels; write 'last'"),
        (Triangle, {"skeleton": "dart"}, "unknown skeleton 'dart'; did you mean 'darts'"),
        (Triangle, {"skeleton": "darts"}, "inputs: a cell in the network darts has 2, not 1"),
        (Triangle, {"cells": {"a": "a", "b": "b"}}, "the network nasbench201 has no cell that halves the image"),
        (Triangle, {"cells": {"my cell": "cell"}}, "cells: wanted the titles of one or two cells by name"),
        (Sparse, {"primitives": ("skip_connect", "max_pool_3x3")}, "fan_in 1: wanted at least 1, and none among"),
        (Triangle, {"edges_of": lambda self, arch: {"cell": ((0, 1, "x"),)}}, r"edges_of gives \(0, 1, 'x'\), which"),
        (Triangle, {"parse": lambda self, text: (1, 1, 1)}, r"reads back as \(1, 1, 1\), not \(0, 0, 0\)"),
    ],
)
def test_what_is_no_cell_space(register, base, changes, message):
    with pytest.raises(HarnessError, match=f"cell space 'some'.*{message}") as caught:
        register(base, **changes)
    assert "\n" not in str(caught.value)


def test_names(registries):
    for name in ("a-b", "", "a b"):  # a dash ends the name of a space in that of a benchmark
        with pytest.raises(HarnessError, match="wanted a name of letters, digits and _"):
            register_cell_space(name)(Triangle)
    with pytest.raises(HarnessError, match=r"'darts' is registered twice: harness\.spaces\.darts and "):
        register_cell_space("darts")(Triangle)
    with pytest.raises(HarnessError, match="class int is none; subclass CellSpace"):
        register_cell_space("int")(int)
    with pytest.raises(HarnessError, match="unknown cell space 'dart'; did you mean 'darts'"):
        cell_space("dart")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("|none~0|", "1 nodes instead of 2"),
        ("|none~0|+|none~0|", "node 2 has 1 edges instead of 2"),
        ("|none~0|+|none~1|none~0|", "edge 'none~1' of node 2 should end in ~0"),
        ("|none~0|+none~0|none~1|", "node 2 is not between bars"),
        ("|none~0|+|none~0|zero~1|", "unknown operation 'zero'"),
        ("|none~0|+|none~0|none~1|;", "2 cells instead of 1"),
    ],
)
def test_texts_that_are_no_architecture(register, text, message):
    with pytest.raises(HarnessError, match=f"space some: cannot read .*: {message}"):
        register(Triangle).parse(text)
