from __future__ import annotations

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.statistics.bayes import bayesian_signed_rank


@pytest.mark.parametrize(("rope", "better"), [(0.1, 0.5**0.25), (0.6, (1 - 0.5**0.5) ** 0.5)])
def test_one_difference_has_a_closed_form(rng, rope, better):
    """Of one difference 1 with weight w ~ Beta(1, 1/2): better wins if 1 - (1-w)^2 > 1/2, or if w^2 > 1/2."""
    result = bayesian_signed_rank([1.0], rope, rng, n_samples=200_000)
    assert result.better == pytest.approx(better, abs=0.005)
    assert result.worse == 0


def test_agrees_with_a_loop(rng):
    differences, rope, wins = np.array([0.5, -0.3, 1.2, 0.1]), 0.2, np.zeros(3)
    values = np.append(differences, 0)
    for weights in rng.dirichlet([1, 1, 1, 1, 0.5], 5000):
        shares = np.zeros(3)
        for i, a in enumerate(values):
            for j, b in enumerate(values):
                shares[1 + np.sign((a + b) / 2) * (abs(a + b) / 2 > rope) == np.arange(3)] += weights[i] * weights[j]
        wins[shares.argmax()] += 1
    result = bayesian_signed_rank(differences, rope, rng)
    np.testing.assert_allclose([result.worse, result.equal, result.better], wins / 5000, atol=0.03)


def test_clear_cases(rng):
    assert bayesian_signed_rank(np.full(12, 2.0), 0.5, rng).better > 0.999
    assert bayesian_signed_rank(np.full(12, -2.0), 0.5, rng).worse > 0.999
    assert bayesian_signed_rank(np.full(12, 0.1), 0.5, rng).equal == 1
    mirrored = [bayesian_signed_rank(s * np.array([1, 2, -1.5]), 0.1, np.random.default_rng(0)) for s in (1, -1)]
    assert mirrored[0].better == mirrored[1].worse


def test_wrong_inputs_are_refused(rng):
    with pytest.raises(HarnessError, match="rope: -1 is negative"):
        bayesian_signed_rank([1.0], -1, rng)
    with pytest.raises(HarnessError, match="prior: 0"):
        bayesian_signed_rank([1.0], 0.1, rng, prior=0)
    with pytest.raises(HarnessError, match="differences: is empty"):
        bayesian_signed_rank([], 0.1, rng)
