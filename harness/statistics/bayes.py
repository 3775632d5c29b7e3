"""The Bayesian alternative to a test over data sets: how probable it is that one method is practically better."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.errors import HarnessError
from harness.statistics._validate import counts, finite


@dataclass(frozen=True)
class RopeProbabilities:
    """Posterior probabilities that the first method is worse, practically equal or better; they sum to 1."""

    worse: float
    equal: float
    better: float


def bayesian_signed_rank(
    differences: npt.ArrayLike, rope: float, rng: np.random.Generator, prior: float = 0.5, n_samples: int = 50_000
) -> RopeProbabilities:
    """Return the Bayesian signed-rank test of paired differences over data sets.

    Benavoli, Corani, Demsar & Zaffalon (2017), JMLR 18, 77, section 4.2: Dirichlet weights over the differences and
    one pseudo-observation at 0 of strength `prior`; each draw gives the weight of the Walsh averages
    ``(d_i + d_j) / 2`` below, within and above the region of practical equivalence, and the largest of the three
    wins the draw.

    Parameters
    ----------
    differences : array_like, shape (n,)
        One a data set, first minus second method, e.g. in RI points.
    rope
        Half width of the region of practical equivalence, in the same unit.
    """
    values = finite("differences", differences)
    if not rope >= 0:
        raise HarnessError(f"rope: {rope} is negative; give the half width of the region that counts as equal")
    if not prior > 0:
        raise HarnessError(f"prior: {prior} is not a strength; give a number above 0")
    values = np.append(values, 0.0)
    walsh = (values + values[:, np.newaxis]) / 2.0
    strength = np.append(np.ones(len(values) - 1), prior)
    weights = rng.dirichlet(strength, int(counts("n_samples", n_samples)))
    shares = np.stack(
        [np.sum(weights @ region.astype(np.float64) * weights, axis=1) for region in (walsh < -rope, walsh > rope)]
    )
    worse, better = shares
    wins = np.argmax([worse, 1.0 - worse - better, better], axis=0)
    return RopeProbabilities(*(np.bincount(wins, minlength=3) / len(wins)).tolist())
