"""Numbers as people write them: signs decide units, commas are points only where they can be nothing else."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.tabular.numerals import numerals, percent_factor, with_points


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (["79,5", "80"], ["79.5", "80"]),
        (["0,125", "0,250"], ["0.125", "0.250"]),  # no thousands begin with 0
        (["79,5 %", "-1,5e3"], ["79.5 %", "-1.5e3"]),
        (["1,234", "2,500"], ["1,234", "2,500"]),  # thousands or decimals: not told
        (["1,234,567"], ["1,234,567"]),
        (["1,234.5"], ["1,234.5"]),
        (["79,5", "80.5"], ["79,5", "80.5"]),
        (["79,5", "a,b"], ["79,5", "a,b"]),
        (["79.5", ""], ["79.5", ""]),
        ([], []),
    ],
)
def test_decimal_commas(written: list[str], read: list[str]) -> None:
    assert with_points(written) == read


@given(st.lists(st.decimals(0, 100, places=2), min_size=1))
def test_decimal_commas_of_scores_are_read_as_their_points(scores: list[object]) -> None:
    column = pd.Series([str(score).replace(".", ",") for score in scores])
    assert numerals(column).values.tolist() == [float(str(score)) for score in scores]


def test_cells_of_a_column() -> None:
    column = pd.Series(
        ["93.5%", " 93.5 % ", "0.5", 7, 0.25, None, np.nan, "", "1.0 ms", "inf", "1_000", "0x1f"], dtype=object
    )
    values, signed = numerals(column)
    assert values[:5].tolist() == [93.5, 93.5, 0.5, 7.0, 0.25]
    assert all(map(math.isnan, values[5:]))
    assert signed.tolist() == [True, True] + [False] * 10


@given(st.lists(st.floats(allow_infinity=False, width=64), min_size=1))
def test_columns_of_numbers_are_as_they_are(values: list[float]) -> None:
    np.testing.assert_array_equal(numerals(pd.Series(values)).values, values)
    texts = pd.Series([repr(value) for value in values], dtype=object)
    np.testing.assert_array_equal(numerals(texts).values, values)


@pytest.mark.parametrize(
    ("plain", "signed", "factor"),
    [
        ([0.0030, 0.0034, 0.0028], [0.51, 0.55, 0.49], 100.0),  # fractions
        ([0.93, 0.94], [92.0, 91.5], 100.0),
        ([0.93, 0.94], [10.0], 100.0),  # a method beside chance
        ([93.0, 94.0], [92.0], 1.0),  # the sign forgotten
        ([0.0, 0.0], [92.0], 1.0),
        ([0.30, 0.34], [0.51, 0.55], None),  # 30 % or 0.30 %?
        ([0.93, 94.0], [92.0], None),
        ([0.93], [0.0], None),
    ],
)
def test_what_numbers_without_a_sign_are(plain: list[float], signed: list[float], factor: float | None) -> None:
    assert percent_factor(np.array(plain), np.array(signed)) == factor
