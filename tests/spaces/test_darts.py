"""The DARTS space and its genotypes."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.spaces.darts import OPERATIONS, DartsSpace, Genotype

SPACE = DartsSpace()
DARTS_V2 = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), "
    "('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, 5], "
    "reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0), "
    "('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=[2, 3, 4, 5])"
)


def published():
    root = Path(os.environ.get("NAS_HARNESS_SHARED", Path(__file__).parents[2].parent / "shared"))
    path = root / "data" / "darts_space" / "random_architectures_cifar10.json"
    if not path.is_file():
        pytest.skip(f"no published genotypes at {path}")
    return [record["genotype"] for record in json.loads(path.read_text())]


def test_the_published_genotypes_round_trip():
    texts = published()
    assert len(texts) == 214
    for text in texts:
        genotype = Genotype.parse(text)
        assert Genotype.parse(str(genotype)) == genotype
        arch = SPACE.encode(genotype)
        assert SPACE.parse(SPACE.format(arch)) == arch
        decoded = SPACE.decode(arch)
        for cell in ("normal", "reduce"):
            for node in range(0, 8, 2):
                assert set(getattr(decoded, cell)[node : node + 2]) == set(getattr(genotype, cell)[node : node + 2])


def test_text_is_kept():
    assert str(Genotype.parse(DARTS_V2)) == DARTS_V2


def test_both_published_forms_are_one_genotype():
    nested = DARTS_V2.replace("[2, 3, 4, 5]", "range(2, 6)")
    for cell in ("normal", "reduce"):
        genes = getattr(Genotype.parse(DARTS_V2), cell)
        per_node = [list(genes[node : node + 2]) for node in range(0, 8, 2)]
        nested = nested.replace(f"{cell}={list(genes)}", f"{cell}={per_node}")
    assert nested.count("[[") == 2
    assert Genotype.parse(nested) == Genotype.parse(DARTS_V2)


FIELDS = ("normal=", "normal_concat=", "reduce=", "reduce_concat=")
POSITIONAL = DARTS_V2
for field in sorted(FIELDS, key=len, reverse=True):
    POSITIONAL = POSITIONAL.replace(field, "")


@pytest.mark.parametrize(
    "text",
    [
        f"DARTS_V2 = {DARTS_V2}",
        POSITIONAL,
        POSITIONAL.replace("[2, 3, 4, 5], [('max", "[2, 3, 4, 5], reduce=[('max").replace(
            ", [2, 3, 4, 5])", ", reduce_concat=[2, 3, 4, 5])"
        ),
        DARTS_V2.replace("], ", "],\n   ").replace("Genotype(", "DARTS_V2 = Genotype(\n  "),
        DARTS_V2.replace("Genotype(", "genotypes.Genotype("),
        str({field[:-1]: getattr(Genotype.parse(DARTS_V2), field[:-1]) for field in FIELDS}),
        json.dumps({field[:-1]: getattr(Genotype.parse(DARTS_V2), field[:-1]) for field in reversed(FIELDS)}, indent=2),
        "DARTS_V2 = " + str({field[:-1]: list(getattr(Genotype.parse(DARTS_V2), field[:-1])) for field in FIELDS}),
    ],
    ids=["name", "positional", "mixed", "lines", "module", "dictionary", "JSON", "named dictionary"],
)
def test_all_printed_forms_are_one_genotype(text):
    assert Genotype.parse(text) == Genotype.parse(DARTS_V2)


@pytest.mark.parametrize(
    "text",
    [
        POSITIONAL[:-1] + ", 3)",
        POSITIONAL[:-1] + ", normal=[])",
        POSITIONAL.replace(", [2, 3, 4, 5])", ")"),
        DARTS_V2.replace("Genotype(", "Genotype(**{}, "),
        DARTS_V2.replace("normal=", "*[], normal="),
        "{'normal': [], **{}}",
        f"{DARTS_V2}; {DARTS_V2}",
        f"x: int = {DARTS_V2}",
    ],
)
def test_forms_that_are_none(text):
    with pytest.raises(HarnessError, match=r"genotype: .*(wanted each of|is not of the form)") as caught:
        Genotype.parse(text)
    assert "\n" not in str(caught.value)


def test_size_of_the_space():
    assert SPACE.size == (3 * 6 * 10 * 7**8) ** 2  # the 10^9 cells of the DARTS paper, squared


def test_every_vector_is_an_architecture():
    rng = np.random.default_rng(0)
    for _ in range(200):
        arch = SPACE.sample(rng)
        assert SPACE.parse(SPACE.format(arch)) == arch
        assert SPACE.arch(SPACE.index(arch)) == arch
    for arch in (tuple(0 for _ in SPACE.cardinalities), tuple(n - 1 for n in SPACE.cardinalities)):
        assert SPACE.parse(SPACE.format(arch)) == arch


def test_the_order_of_a_nodes_inputs_does_not_matter():
    swapped = DARTS_V2.replace("('sep_conv_3x3', 1), ('skip_connect', 0)", "('skip_connect', 0), ('sep_conv_3x3', 1)")
    assert swapped != DARTS_V2
    assert SPACE.parse(swapped) == SPACE.parse(DARTS_V2)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Genotype(", "Genotype[", "cannot read"),
        ("Genotype(", "Gene(", "is not of the form"),
        ("normal=", "nomal=", "wanted each of normal, normal_concat, reduce, reduce_concat once"),
        ("dil_conv_3x3", "dil_conv_7x7", "normal edge 7: unknown operation 'dil_conv_7x7'"),
        ("dil_conv_3x3", "none", "normal edge 7: unknown operation 'none'"),
        ("('dil_conv_3x3', 2)", "('dil_conv_3x3', 5)", "input of node 5 must be in 0..4, not 5"),
        ("('dil_conv_3x3', 2)", "('dil_conv_3x3', -1)", "must be in 0..4, not -1"),
        ("('dil_conv_3x3', 2)", "('dil_conv_3x3', True)", "normal edge 7 is not a pair"),
        ("('dil_conv_3x3', 2)", "('dil_conv_3x3', 2, 3)", "normal edge 7 is not a pair"),
        (", ('dil_conv_3x3', 2)", "", "normal has 7 edges instead of 8"),
        ("normal_concat=[2, 3, 4, 5]", "normal_concat=[2, 3, 4, 6]", "normal_concat must list nodes"),
        ("normal_concat=[2, 3, 4, 5]", "normal_concat=range(0, 10**9)", "is not made of"),
        ("normal_concat=[2, 3, 4, 5]", "normal_concat=range(0, 9999999999)", "must list nodes"),
        ("normal_concat=[2, 3, 4, 5]", "normal_concat=print('run')", "is not made of lists"),
        ("('dil_conv_3x3', 2)", "('dil_conv_3x3', __import__('os'))", "is not made of lists"),
    ],
)
def test_malformed_genotypes_are_refused_in_one_line(old, new, message, capsys):
    assert old in DARTS_V2
    with pytest.raises(HarnessError, match=message) as caught:
        Genotype.parse(DARTS_V2.replace(old, new))
    assert "\n" not in str(caught.value)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "text", ["", "hello", "(" * 10_000, "\x00", "Genotype()", "Genotype(1, 2, 3, 4)", DARTS_V2 * 2]
)
def test_other_text_is_refused(text):
    with pytest.raises(HarnessError, match="genotype"):
        Genotype.parse(text)


def test_cells_outside_the_space_are_genotypes_but_have_no_vector():
    twice = Genotype.parse(
        DARTS_V2.replace("('skip_connect', 0), ('dil_conv_3x3', 2)", "('skip_connect', 2), ('dil_conv_3x3', 2)")
    )
    with pytest.raises(HarnessError, match="both edges into node 5 of normal come from 2"):
        SPACE.encode(twice)
    fewer = Genotype.parse(DARTS_V2.replace("normal_concat=[2, 3, 4, 5]", "normal_concat=[4, 5]"))
    with pytest.raises(HarnessError, match="normal_concat must hold"):
        SPACE.encode(fewer)


def test_operations_are_the_seven_without_none():
    assert len(OPERATIONS) == 7
    assert "none" not in OPERATIONS
