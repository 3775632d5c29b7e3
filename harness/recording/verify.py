"""Train some architectures of a recorded table again and compare.

On another machine the numbers are not the same to the bit. What is compared then are means over S training seeds, as if the
trainings anew had other seeds: with a standard deviation s of single trainings, the difference of two such means has the standard
error s sqrt(2 / S), and the mean of such differences over k architectures sqrt(2 (s_1^2 + ... + s_k^2) / S) / k. Bad
architectures are noisier than good ones, so s is that of the `NEAREST` rows of the table that are nearest in accuracy. A bound is
Student's quantile times the standard error, at `LEVEL` shared among all bounds (Bonferroni): one a difference and one for their
mean, which shows a shift that no single difference does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from harness.errors import HarnessError
from harness.recording.record import TableTraining, train_one
from harness.recording.spec import Spec, make_spec
from harness.streams import generator
from harness.system.fan_out import owner_of_workers
from harness.tabular.formats.recorded import SPLITS, Recording

# Chance that trainings as good as the recorded ones are called others, if seeds scatter normally. With the scatter of digits201's
# own seeds it is 1.7 % for one architecture, 2.8 % for five and 4.6 % for twenty.
LEVEL = 0.01
NEAREST = 100


@dataclass(frozen=True)
class Difference:
    """A difference between trainings anew and the recorded ones.

    Attributes
    ----------
    difference
        Last mean test accuracy over seeds, again less recorded, in points.
    noise
        Its standard error by the recorded noise between seeds, in points; NaN for one seed.
    reach
        The largest difference that is within the noise, in standard errors; NaN for one seed.
    """

    difference: float
    noise: float
    reach: float

    @property
    def bound(self) -> float:
        """The largest difference that is within the noise, in points."""
        return self.reach * self.noise

    @property
    def agrees(self) -> bool:
        """Within the bound."""
        return abs(self.difference) <= self.bound

    def as_json(self) -> dict[str, Any]:
        """As plain JSON values; NaN becomes null."""
        values = vars(self) | {"bound": self.bound, "agrees": self.agrees}
        return {key: None if value != value else value for key, value in values.items()}


@dataclass(frozen=True)
class Found(Difference):
    """What training an architecture again gave.

    Attributes
    ----------
    arch
        Its text.
    equal
        Whether all losses and counts of all seeds, splits and epochs are the recorded ones, bit for bit.
    """

    arch: str
    equal: bool

    @property
    def agrees(self) -> bool:
        """Bit for bit, or within the bound."""
        return self.equal or super().agrees


@dataclass(frozen=True)
class Mean(Difference):
    """The mean of several differences.

    Attributes
    ----------
    count
        Architectures that were not equal bit for bit.
    """

    count: int


def seed_noise(scores: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
    """Standard deviation of single trainings of every row: that of the `NEAREST` rows nearest in mean score, pooled.

    Parameters
    ----------
    scores
        (rows, seeds)

    Returns
    -------
    tuple of ndarray and int
        (rows,) standard deviations, NaN for one seed, and the degrees of freedom of each.
    """
    rows, seeds = scores.shape
    if seeds == 1:
        return np.full(rows, np.nan), 0
    order = np.argsort(scores.mean(axis=1), kind="stable")
    width = min(NEAREST, rows)
    pooled = np.convolve(scores.var(axis=1, ddof=1)[order], np.ones(width) / width, mode="valid")
    spread = np.empty(rows)
    spread[order] = np.sqrt(pooled[np.clip(np.arange(rows) - width // 2, 0, rows - width)])
    return spread, width * (seeds - 1)


def judged(found: Sequence[Found], df: int) -> list[Found]:
    """The same differences with the `reach` that their number gives them, by noise with these degrees of freedom."""
    n_bounds = _bounds(sum(not one.equal for one in found))
    reach = float(stdtrit(df, 1 - LEVEL / (2 * n_bounds))) if df else np.nan
    return [replace(one, reach=reach) for one in found]


def mean_of(found: Sequence[Found]) -> Mean | None:
    """The mean of the differences of architectures that are not equal bit for bit; None where these are fewer than 2."""
    others = [one for one in found if not one.equal]
    if len(others) < 2:
        return None
    noise = float(np.sqrt(np.sum([one.noise**2 for one in others]))) / len(others)
    return Mean(float(np.mean([one.difference for one in others])), noise, others[0].reach, len(others))


def _bounds(count: int) -> int:
    """Return how many bounds share the level: one a difference, and one for the mean of several."""
    return count + 1 if count > 1 else 1


def formula(found: Sequence[Found]) -> str:
    """What the bounds are, in a sentence."""
    count = sum(not one.equal for one in found)
    reach = next(one.reach for one in found if not one.equal)
    if np.isnan(reach):
        return (
            "one training seed says nothing of the noise between seeds: only what is equal bit for bit can be verified"
        )
    means = f", of the mean of {count} sqrt(2 (s_1^2 + ... + s_{count}^2) / S) / {count}" if count > 1 else ""
    return (
        f"bound = {reach:.2f} standard errors (Student's t; all {_bounds(count)} bound(s) together at level "
        f"{100 * LEVEL:g} %); of a difference of means over S seeds s sqrt(2 / S){means}; s: between seeds, of the (up to) "
        f"{NEAREST} rows nearest in accuracy"
    )


def spec_of(recorded: Mapping[str, Any]) -> Spec:
    """What was recorded, as a table's card states it.

    Raises
    ------
    HarnessError
        If the images here are not those of the recording.
    """
    wanted = dict(recorded)
    digest = wanted.pop("data_sha256")
    spec = make_spec(wanted)
    if spec.images.sha256 != digest:
        raise HarnessError(f"table {spec.name}: it was recorded on other {spec.data} images than those that are here")
    return spec


def sample(recording: Recording, count: int, seed: int = 0) -> list[str]:
    """Texts of some architectures of a recording, drawn at random."""
    texts = recording.columns["arch"]
    rng = generator("record", recording.spec["name"], "verify", seed)
    return [str(texts[row]) for row in sorted(rng.choice(len(texts), size=min(count, len(texts)), replace=False))]


def verify(recording: Recording, texts: Sequence[str]) -> list[Found]:
    """Train architectures again, with the same seeds side by side.

    Parameters
    ----------
    recording
        A recorded table.
    texts
        Architectures of it.
    """
    spec = spec_of(recording.spec)
    row_of = {text: row for row, text in enumerate(recording.columns["arch"])}
    last = recording.accuracy("test")[:, :, -1]
    spread, df = seed_noise(last)
    found = []
    for text in texts:
        if text not in row_of:
            raise HarnessError(f"table {spec.name}: it has no row {text!r}")
        again, row = train_one(TableTraining(spec, spec.images.space.parse(text), owner_of_workers())), row_of[text]
        if "error" in again:
            raise HarnessError(f"{text}: {again['error']}")
        equal = all(
            np.array_equal(np.array(again[f"{split}_{what}"][place], dtype=column.dtype), column)
            for split in SPLITS
            for what in ("loss", "correct")
            for place, seed in enumerate(spec.seeds)
            for column in [recording.columns[f"{split}_{what}_{seed}"][row]]
        )
        now = 100 * np.mean([counts[-1] for counts in again["test_correct"]]) / recording.about["sizes"]["test"]
        noise = float(spread[row] * np.sqrt(2 / len(spec.seeds)))
        found.append(Found(float(now - last[row].mean()), noise, np.nan, text, equal))
    return judged(found, df)
