"""Texts are split outside brackets and quotes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.system.texts import split_outside, visible


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", [""]),
        ("random", ["random"]),
        ("a,b=1,c=x", ["a", "b=1", "c=x"]),
        ('a,b=[1, 2],c={x = "1,2"},', ["a", "b=[1, 2]", 'c={x = "1,2"}', ""]),
        ("a,b=f(x, [y, (z,)]),c", ["a", "b=f(x, [y, (z,)])", "c"]),
        ('a,b=\'x,]\',c="[\\","', ["a", "b='x,]'", 'c="[\\","']),
        ("a,label=it's, or not", ["a", "label=it's", " or not"]),
        ("a),b", ["a)", "b"]),
    ],
)
def test_commas_within_a_value_are_the_values(text: str, parts: list[str]) -> None:
    assert split_outside(text, ",") == parts


@pytest.mark.parametrize(("text", "missing"), [("a,b=[1", "]"), ("a=(]", ")"), ("a,'b", "'"), ('f("', '"')])
def test_what_is_not_closed_is_said(text: str, missing: str) -> None:
    with pytest.raises(HarnessError) as error:
        split_outside(text, ",")
    assert str(error.value) == f"{missing} is missing in {text!r}"


values = st.recursive(
    st.text("ab =1", max_size=3),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["()", "[]", "{}"]), st.lists(inner, max_size=3)).map(
            lambda pair: pair[0][0] + ",".join(pair[1]) + pair[0][1]
        ),
        st.text("a,([{ ", max_size=4).map(lambda text: f"'{text}'"),
    ),
    max_leaves=6,
)


@given(st.lists(values.map(lambda value: f"k={value}"), min_size=1, max_size=4))
def test_parts_are_found_again(parts: list[str]) -> None:
    assert split_outside(",".join(parts), ",") == parts


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("PC\u2011DARTS", "PC-DARTS"),
        ("\u22120.5", "-0.5"),
        ("\ufeffA\u200b\u00ad", "A"),
        ("94.2\u2009±\u202f0.1\u00a0", "94.2 ± 0.1"),
        ("e\u0301", "\u00e9"),
        (" plain ", "plain"),
        ("a – b", "a – b"),
    ],
)
def test_what_no_eye_tells_apart(text, seen):
    assert visible(text) == seen
