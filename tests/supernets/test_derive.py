"""Rules that derive an architecture."""

import numpy as np

from harness.spaces.darts import EDGES, PRIMITIVES, DartsSpace
from harness.spaces.nasbench201 import OPERATIONS
from harness.supernets.derive import strongest_inputs, strongest_operations


def test_the_heaviest_operation_of_every_edge():
    weights = np.full((6, 5), 0.1)
    chosen = (3, 0, 1, 4, 2, 3)
    weights[np.arange(6), chosen] = 0.6
    assert strongest_operations([weights]) == chosen
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
    genotype = DartsSpace().decode(strongest_inputs([weights, weights]))
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
