"""Categorical spaces in general."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.spaces.base import CategoricalSpace

names = st.text("abcxyz_09.-", min_size=1, max_size=4)
# Texts from data frames are choices too: published ones have commas, bars, equals signs and blanks in them.
choices = st.text("ab01 ,=|~.", min_size=1, max_size=5).filter(lambda text: text == text.strip())
spaces = st.dictionaries(names, st.lists(choices, min_size=1, max_size=4, unique=True), min_size=1, max_size=4).map(
    lambda variables: CategoricalSpace("random", variables)
)


@given(st.data(), spaces)
def test_index_and_architecture_are_inverse(data: st.DataObject, space: CategoricalSpace) -> None:
    index = data.draw(st.integers(0, space.size - 1))
    arch = space.arch(index)
    assert space.index(arch) == index
    assert space.validate(arch) == arch
    assert space.canonical(np.array(arch)) == arch
    indices = np.arange(space.size)
    np.testing.assert_array_equal(space.indices(space.codes(indices)), indices)


@given(st.dictionaries(names, st.lists(names, min_size=1, max_size=4, unique=True), min_size=1, max_size=4))
def test_text_round_trip(variables: dict[str, list[str]]) -> None:
    space = CategoricalSpace("random", variables)
    for index in range(space.size):
        text = space.format(space.arch(index))
        assert space.parse(text) == space.arch(index)
        assert space.parse(" , ".join(reversed(text.split(",")))) == space.arch(index)


@given(st.lists(choices, min_size=1, max_size=6, unique=True))
def test_text_round_trip_of_choices_with_separators(texts: list[str]) -> None:
    space = CategoricalSpace("random", {"cell": texts})
    for index in range(space.size):
        assert space.parse(space.format((index,))) == (index,)


@given(st.data(), spaces)
def test_neighbours_differ_in_one_variable_and_all_of_them_are_there(
    data: st.DataObject, space: CategoricalSpace
) -> None:
    arch = space.arch(data.draw(st.integers(0, space.size - 1)))
    neighbours = list(space.neighbours(arch))
    assert len(set(neighbours)) == len(neighbours) == sum(space.cardinalities) - len(space.cardinalities)
    for other in neighbours:
        space.validate(other)
        assert sum(a != b for a, b in zip(arch, other, strict=True)) == 1


def test_sampling_meets_every_encoding_evenly() -> None:
    space = CategoricalSpace("s", {"a": ["0", "1", "2"], "b": ["0", "1"]})
    rng = np.random.default_rng(1)
    counts = np.bincount([space.index(space.sample(rng)) for _ in range(6000)], minlength=6)
    assert counts.min() > 850  # 1000 expected, standard deviation 29
    assert counts.max() < 1150


SPACE = CategoricalSpace("s", {"width": ["8", "16"], "depth": ["1", "2", "3"]})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot read ''"),
        ("width=8", "lacks depth"),
        ("width=8,depth=9", "depth has no choice '9'; choices: 1, 2, 3"),
        ("width=8,depth=1,width=16", "cannot read 'width=16'"),
        ("width=8,height=1", "cannot read 'height=1'"),
        ("width=8;depth=1", "no choice '8;depth=1'"),
        ("width", "cannot read 'width'"),
    ],
)
def test_malformed_texts(text: str, message: str) -> None:
    with pytest.raises(HarnessError, match=r"^space s: ") as caught:
        SPACE.parse(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "arch", [(), (0,), (0, 0, 0), (-1, 0), (2, 0), (0, 3), (0.5, 0), (0, 1.0), (None, 0), ("0", 0)]
)
def test_what_is_no_architecture_is_refused(arch: tuple[object, ...]) -> None:
    for use in (SPACE.validate, SPACE.index, SPACE.format):
        with pytest.raises(HarnessError, match=r"^space s: "):
            use(arch)  # type: ignore[arg-type]


@pytest.mark.parametrize("variables", [{}, {"a": []}, {"a": ["1", "1"]}, {"": ["1"]}, {"a=b": ["1"]}, {"a,b": ["1"]}])
def test_unusable_variables_are_refused(variables: dict[str, list[str]]) -> None:
    with pytest.raises(HarnessError, match=r"^space s: "):
        CategoricalSpace("s", variables)


@pytest.mark.parametrize("choice", [" a", "a ", "a\t"])
def test_choices_that_could_not_be_read_back_are_refused(choice: str) -> None:
    with pytest.raises(HarnessError, match="has blanks at its ends"):
        CategoricalSpace("s", {"op": [choice, "b"]})


def test_one_hot_has_a_column_a_choice() -> None:
    space = CategoricalSpace("s", {"a": ["x", "y"], "b": ["only"], "c": ["1", "2", "3"]})
    codes = space.codes(np.arange(space.size))
    features = space.one_hot(codes)
    expected = [[float(arch[v] == c) for v in range(3) for c in range(space.cardinalities[v])] for arch in codes]
    np.testing.assert_array_equal(features, expected)
    assert space.one_hot(codes[:0]).shape == (0, 6)
    assert space.paths(codes) is None
