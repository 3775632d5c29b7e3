"""Train some architectures of a recorded table again and compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.errors import HarnessError
from harness.fan_out import owner_of_workers
from harness.recording.record import Task, train_one
from harness.recording.spec import Spec, make_spec
from harness.streams import generator
from harness.tabular.formats.recorded import SPLITS, Recording


@dataclass(frozen=True)
class Found:
    """What training an architecture again gave.

    Attributes
    ----------
    arch
        Its text.
    equal
        Whether all losses and counts of all seeds, splits and epochs are the recorded ones, bit for bit.
    difference
        Last mean test accuracy over seeds, again less recorded, in points.
    noise
        Standard deviation of such a difference by the recorded noise between seeds, in points; NaN for one seed.
    """

    arch: str
    equal: bool
    difference: float
    noise: float

    @property
    def agrees(self) -> bool:
        """Bit for bit, or within four standard deviations of the recorded noise."""
        return self.equal or abs(self.difference) <= 4 * self.noise


def spec_of(recording: Recording) -> Spec:
    """What was recorded.

    Raises
    ------
    HarnessError
        If the images here are not those of the recording.
    """
    wanted = dict(recording.spec)
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
    spec = spec_of(recording)
    row_of = {text: row for row, text in enumerate(recording.columns["arch"])}
    last = recording.accuracy("test")[:, :, -1]
    spread = np.sqrt(last.var(axis=1, ddof=1).mean()) if len(spec.seeds) > 1 else np.nan
    noise = float(spread * np.sqrt(2 / len(spec.seeds)))
    found = []
    for text in texts:
        if text not in row_of:
            raise HarnessError(f"table {spec.name}: it has no row {text!r}")
        again, row = train_one(Task(spec, spec.images.space.parse(text), owner_of_workers())), row_of[text]
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
        found.append(Found(text, equal, float(now - last[row].mean()), noise))
    return found
