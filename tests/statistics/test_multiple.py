from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from harness.errors import HarnessError
from harness.statistics.multiple import benjamini_hochberg, holm


@pytest.mark.parametrize(("adjust", "method"), [(holm, "holm"), (benjamini_hochberg, "fdr_bh")])
@given(p=st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_agrees_with_statsmodels(adjust, method, p):
    np.testing.assert_allclose(adjust(p), multipletests(p, method=method)[1], atol=1e-15)


@pytest.mark.parametrize("adjust", [holm, benjamini_hochberg])
def test_nan_is_not_part_of_the_family(adjust):
    with_nan = adjust([0.02, np.nan, 0.01, np.nan])
    assert np.isnan(with_nan[[1, 3]]).all()
    np.testing.assert_array_equal(with_nan[[0, 2]], adjust([0.02, 0.01]))
    assert np.isnan(adjust([np.nan])).all()
    assert adjust([]).size == 0


def test_by_hand():
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03]), [0.03, 0.06, 0.06])
    np.testing.assert_allclose(benjamini_hochberg([0.01, 0.04, 0.03]), [0.03, 0.04, 0.04])


@pytest.mark.parametrize("p", [[-0.1], [1.1], [[0.5]]])
def test_wrong_p_values_are_refused(p):
    with pytest.raises(HarnessError, match="between 0 and 1"):
        holm(p)
