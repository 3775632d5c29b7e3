"""BOHB: Hyperband whose brackets begin with what a density model of good architectures proposes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from harness.methods.base import first_best, register_method, require
from harness.methods.hyperband import Hyperband, Proposals
from harness.problem.base import Problem
from harness.spaces.base import Arch
from harness.streams import Streams
from harness.taxonomy import Taxonomy

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

LEAST_BANDWIDTH = 1e-3  # no choice has density 0: ratios of densities stay finite


@register_method("bohb")
@dataclass
class Bohb(Hyperband):
    """Hyperband's brackets, whose first architectures come from a tree-structured Parzen estimator over what was trained.

    The model looks at the trainings of one length, the longest of which there are enough: two more than the least number of
    points of a density, which is one more than there are variables. One density is of the best of these trainings, one of the
    others; of `candidates` draws from the first, with a wider bandwidth, the one with the greatest ratio of densities is trained
    next. What was trained before is no candidate, nor what the benchmark does not have; where none is left, and until there is
    a model, the architecture is a random one.

    Parameters
    ----------
    eta, min_fidelity
        As in `hyperband`.
    random_share
        Share of the proposals that are drawn from the benchmark's measure; with 1 this is `hyperband`, to the bit.
    good_share
        Share of the trainings that make the density of good ones.
    candidates
        Draws from that density for one proposal.
    bandwidth_factor
        How much wider than the density these draws are.

    Notes
    -----
    Falkner, Klein and Hutter, "BOHB: robust and efficient hyperparameter optimization at scale", ICML 2018, Algorithm 2 and the
    defaults of its section 4; kernels of Aitchison and Awuku Aitken, "Multivariate binary discrimination by the kernel method",
    Biometrika 63, 1976. The bandwidth of a variable is a function of how often its choices were met, see `bandwidths`, so that
    neither the order nor the names of choices matter.

    A reader who compares with other code will find there: in hpbandster a bandwidth that is computed from the *numbers* of the
    choices, as if they were on a scale, and may exceed 1, above which a draw is uniform; and global random state. The script
    behind the BOHB figures of NAS-Bench-201 (Dong and Yang, ICLR 2020; ``BOHB.sh`` of AutoDL-Projects) has 4 candidates, no
    random share, a bandwidth of at least 0.3, and scores that do not depend on the length of the training that was asked for.
    """

    random_share: float = 1 / 3
    good_share: float = 0.15
    candidates: int = 64
    bandwidth_factor: float = 3.0

    version: ClassVar[str] = "1"
    source: ClassVar[str] = "Falkner, Klein and Hutter, ICML 2018, Algorithm 2"
    taxonomy: ClassVar[Taxonomy] = Taxonomy("any", "bayesian", "early stopping", "none")

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 <= self.random_share <= 1, f"bohb: random_share must be in [0, 1], not {self.random_share}")
        require(0 < self.good_share < 1, f"bohb: good_share must be between 0 and 1, not {self.good_share}")
        require(self.candidates >= 1, f"bohb: candidates must be at least 1, not {self.candidates}")
        require(
            0 < self.bandwidth_factor < float("inf"),
            f"bohb: bandwidth_factor must be finite and above 0, not {self.bandwidth_factor}",
        )

    def proposals(self, problem: Problem, streams: Streams) -> Proposals:
        """From the model."""
        return _Modelled(problem, streams, self)


class Density:
    """Product of Aitchison and Aitken's kernels over categorical variables, one product a point.

    Parameters
    ----------
    points
        (n, variables) what was met.
    cardinalities
        Choices of every variable.
    widths
        (variables,) bandwidth λ of each: a kernel has 1 - λ on the choice of its point and λ / (c - 1) on every other one.
    """

    def __init__(self, points: Codes, cardinalities: Codes, widths: Array) -> None:
        self._points = points
        self._cardinalities = cardinalities
        self.widths = widths
        self._same = 1.0 - widths
        self._other = widths / np.maximum(cardinalities - 1, 1)

    def __call__(self, codes: Codes) -> Array:
        """Density of architectures: (m, variables) -> (m,)."""
        is_same = codes[:, None, :] == self._points[None, :, :]
        return np.asarray(np.where(is_same, self._same, self._other).prod(axis=2).mean(axis=1))

    def draw(self, count: int, factor: float, rng: np.random.Generator) -> Codes:
        """Architectures of the density with bandwidths `factor` times as wide, at most uniform: (count, variables)."""
        codes = self._points[rng.integers(len(self._points), size=count)]
        widths = np.minimum(factor * self.widths, widest(self._cardinalities))
        shift = 1 + (rng.random(codes.shape) * (self._cardinalities - 1)).astype(np.int64)
        moved = (codes + shift) % self._cardinalities
        return np.where(rng.random(codes.shape) < widths, moved, codes)


def widest(cardinalities: Codes) -> Array:
    """The bandwidth (c - 1) / c, at which a kernel is uniform."""
    return np.asarray((cardinalities - 1) / cardinalities)


def bandwidths(points: Codes, cardinalities: Codes) -> Array:
    """Bandwidth of every variable from how often its choices were met: (n, variables) -> (variables,).

    With shares p of c choices among n points the estimate (1 - a) p + a / c of the law behind them has the least expected
    squared error at a = (1 - sum p^2) / ((n - 1) sum (p - 1/c)^2), cut off at 1 (Hausser and Strimmer, "Entropy inference and
    the James-Stein estimator", JMLR 10, 2009, equation 6). That estimate is the kernel's of bandwidth a (c - 1) / c, so that no
    bandwidth exceeds the widest.
    """
    widths = np.empty(len(cardinalities))
    for place, cardinality in enumerate(cardinalities.tolist()):
        shares = np.bincount(points[:, place], minlength=cardinality) / len(points)
        left, spread = 1.0 - shares @ shares, ((shares - 1.0 / cardinality) ** 2).sum()
        widths[place] = left / max((len(points) - 1) * spread, left, np.finfo(float).tiny)
    return np.asarray(np.clip(widths * widest(cardinalities), np.minimum(LEAST_BANDWIDTH, widest(cardinalities)), None))


class _Modelled(Proposals):
    """Proposals of the model, and random ones between them."""

    def __init__(self, problem: Problem, streams: Streams, method: Bohb) -> None:
        super().__init__(problem, streams)
        self._method = method
        self._move = streams.generator("move")
        self._cardinalities = np.array(problem.space.cardinalities, dtype=np.int64)
        self._trained: dict[int, list[tuple[float, Arch]]] = defaultdict(list)  # by epochs
        self._seen: set[Arch] = set()  # identities

    def learn(self, arch: Arch, epochs: int, score: float) -> None:
        """Keep the training for the model of its length."""
        self._trained[epochs].append((score, arch))
        self._seen.add(self.problem.identity(arch))

    def draw(self) -> Arch:
        """What the model proposes, or a random architecture."""
        if self._move.random() >= self._method.random_share and (arch := self._proposed()) is not None:
            return arch
        return super().draw()

    def _proposed(self) -> Arch | None:
        least = len(self._cardinalities) + 1
        lengths = [epochs for epochs, trained in self._trained.items() if len(trained) >= least + 2]
        if not lengths:
            return None
        with self.problem.overhead("fit"):
            good, bad = self._densities(self._trained[max(lengths)], least)
            drawn = good.draw(self._method.candidates, self._method.bandwidth_factor, self._move)
            archs = [tuple(code) for code in drawn.tolist()]
            fresh = [place for place, arch in enumerate(archs) if self._is_fresh(arch)]
            if not fresh:
                return None
            return archs[fresh[first_best(good(drawn[fresh]) / bad(drawn[fresh]))]]

    def _is_fresh(self, arch: Arch) -> bool:
        return self.problem.contains(arch) and self.problem.identity(arch) not in self._seen

    def _densities(self, trained: list[tuple[float, Arch]], least: int) -> tuple[Density, Density]:
        """Of the best trainings and of the worst, which overlap where there are few."""
        codes = np.array([arch for _, arch in sorted(trained, key=lambda one: -one[0])], dtype=np.int64)
        n_good = max(least, int(self._method.good_share * len(codes)))
        n_bad = max(least, len(codes) - n_good)
        parts = codes[:n_good], codes[-n_bad:]
        good, bad = (Density(part, self._cardinalities, bandwidths(part, self._cardinalities)) for part in parts)
        return good, bad
