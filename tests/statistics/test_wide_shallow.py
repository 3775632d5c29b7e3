from __future__ import annotations

import ast

import numpy as np
import pandas as pd
import pytest

from harness.errors import HarnessError
from harness.statistics.ranking import kendall
from harness.statistics.wide_shallow import cell_depth, cell_width, trait_agreement

DARTS_V2 = [[0, 1], [0, 1], [1, 0], [0, 2]]
SNAS = [[0, 1], [0, 1], [0, 1], [0, 1]]
CHAIN = [[0, 1], [1, 2], [2, 3], [3, 4]]


@pytest.mark.parametrize(
    ("cell", "width", "depth"), [(DARTS_V2, 3.5, 3), (SNAS, 4.0, 2), (CHAIN, 1.5, 5), ([[0]], 1.0, 2)]
)
def test_width_and_depth(cell, width, depth):
    assert cell_width(cell) == width
    assert cell_depth(cell) == depth


@pytest.mark.parametrize(
    ("cell", "words"), [([], "no nodes"), ([[0], []], "node 3 has sources"), ([[0, 2]], "give nodes 0 to 1")]
)
def test_impossible_cells_are_refused(cell, words):
    with pytest.raises(HarnessError, match=words):
        cell_width(cell)
    with pytest.raises(HarnessError, match=words):
        cell_depth(cell)


def test_trait_agreement_smooths_and_has_a_row_for_each_epoch_and_trait(rng):
    curves, traits = rng.normal(size=(30, 10)), pd.DataFrame(rng.normal(size=(30, 2)), columns=["width", "depth"])
    table = trait_agreement(curves, traits, [1, 10], rng, window=4, n_bootstrap=50)
    assert table[["epoch", "trait"]].to_numpy().tolist() == [[1, "width"], [1, "depth"], [10, "width"], [10, "depth"]]
    assert table.tau[0] == kendall(curves[:, 0], traits.width)
    assert table.tau[3] == kendall(curves[:, 6:].mean(axis=1), traits.depth)
    assert ((table.low < table.tau) & (table.tau < table.high)).all()


def test_wrong_inputs_are_refused(rng):
    traits = pd.DataFrame({"width": [1.0, 2.0]})
    with pytest.raises(HarnessError, match="2 rows for 3 learning curves"):
        trait_agreement(np.ones((3, 5)), traits, [1], rng)
    with pytest.raises(HarnessError, match="epochs: 6 is beyond the curves; give at most 5"):
        trait_agreement(np.ones((2, 5)), traits, [6], rng)


def normal_cell(genotype):
    """The sources of each node of the normal cell of a published genotype."""
    (call,) = [n for n in ast.walk(ast.parse(genotype)) if isinstance(n, ast.Call) and n.func.id == "Genotype"]
    nodes = ast.literal_eval(next(keyword.value for keyword in call.keywords if keyword.arg == "normal"))
    return [[source for _, source in edges] for edges in nodes]


def test_published_learning_curves(darts_space, rng):
    """214 random DARTS cells trained for 600 epochs: wide, shallow cells are ahead early on, less so at the end."""
    genotypes, accuracy = darts_space
    cells = [normal_cell(genotype) for genotype in genotypes]
    traits = pd.DataFrame({"width": [cell_width(c) for c in cells], "depth": [cell_depth(c) for c in cells]})
    assert traits.width.between(1, 4).all()
    assert traits.depth.between(2, 5).all()
    table = trait_agreement(accuracy, traits, [25, 50, 100, 600], rng, n_bootstrap=50)
    width, depth = (table[table.trait == trait].tau.tolist() for trait in ("width", "depth"))
    assert width == pytest.approx([0.368, 0.360, 0.313, 0.257], abs=1e-3)
    assert depth == pytest.approx([-0.292, -0.280, -0.270, -0.233], abs=1e-3)
