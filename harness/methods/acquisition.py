"""What a model's prediction of a candidate is worth to a search, and what models are fitted to."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri
from scipy.stats import rankdata

Array = NDArray[np.float64]
Acquisition = Literal["its", "ei", "ucb", "mean"]


def normal_scores(values: Array) -> Array:
    """Normal quantiles of (rank - 1/2) / n, with mean ranks for ties, standardised: (n,) -> (n,); zeros where all are equal.

    Any strictly increasing map of `values` leaves them as they are.
    """
    scores = ndtri((rankdata(values) - 0.5) / len(values))
    spread = scores.std()
    return (scores - scores.mean()) / spread if spread > 0 else np.zeros(len(values))


def acquired(kind: Acquisition, mean: Array, std: Array, noise: Array, best: float, beta: float) -> Array:
    """How much each candidate is worth (n,), larger is better.

    Parameters
    ----------
    kind
        ``its``: independent Thompson sampling, a draw for each candidate (White et al., AAAI 2021, section 4); ``ei``: expected
        improvement over the best (Jones, Schonlau and Welch 1998, eq. 15); ``ucb``: upper confidence bound; ``mean``.
    mean, std
        (n,) prediction of each.
    noise
        (n,) standard normal numbers, of ``its``.
    best
        What is to be improved on, of ``ei``.
    beta
        Standard deviations above the mean, of ``ucb``.
    """
    if kind == "its":
        return mean + noise * std
    if kind == "ucb":
        return mean + beta * std
    if kind == "mean":
        return mean
    gain = mean - best
    z = np.divide(gain, std, out=np.zeros_like(gain), where=std > 0)
    density = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
    return np.where(std > 0, gain * ndtr(z) + std * density, np.maximum(gain, 0.0))
