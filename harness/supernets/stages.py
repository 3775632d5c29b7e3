"""When the stages of a training end. Without torch, so that a suite is checked without it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def stage_ends(shares: Sequence[float], stages: int, epochs: int) -> NDArray[np.float64]:
    """Epoch before which each part of a training ends, (stages + 1,): of the largest network, and of so many stages.

    Parameters
    ----------
    shares
        Of the epochs: of the largest network, and of every stage. Those beyond the stages are left out, and the others fill up.
    stages
        How many the space has.
    epochs
        Of the whole training.
    """
    sums = np.cumsum(shares[: stages + 1])
    return np.rint(epochs * sums / sums[-1])
