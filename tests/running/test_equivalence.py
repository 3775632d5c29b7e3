"""Live runs on another kind of processor are judged by the means of their groups."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_1samp

from harness.errors import HarnessError
from harness.running.equivalence import margins, shifts
from harness.running.frames import Frames
from harness.statistics.noninferiority import equivalence_p_value

THERE = np.array([90.0, 91.0, 92.0, 93.5, 90.5, 91.5])
MOVED = np.array([0.1, -0.2, 0.15, 0.05, -0.1, 0.2])


def frames(test: np.ndarray) -> Frames:
    """Records of one live group."""
    empty = Frames.of([])
    cells = [str(seed) for seed in range(len(test))]
    group = {"benchmark": "live/darts-digits", "label": "darts", "budget": 12, "status": "ok"}
    return replace(empty, records=pd.DataFrame({"cell": cells, "seed": range(len(test)), "test": test}).assign(**group))


def test_the_margin_is_that_of_the_gate() -> None:
    (found,) = margins(frames(THERE).records)
    wanted = 3.6 * math.sqrt(2 * np.var(THERE, ddof=1) / len(THERE))
    assert found == {"benchmark": "live/darts-digits", "method": "darts", "budget": 12, "margin": pytest.approx(wanted)}
    assert margins(frames(THERE[:4]).records) == []


def test_paired_equivalence_is_two_one_sided_tests() -> None:
    greater = ttest_1samp(MOVED, -0.3, alternative="greater").pvalue
    less = ttest_1samp(MOVED, 0.3, alternative="less").pvalue
    found = equivalence_p_value(THERE + MOVED, THERE, 0.3, paired=True)
    assert found == pytest.approx(max(greater, less))
    with pytest.raises(HarnessError, match="compare them exactly"):
        equivalence_p_value(THERE + 1, THERE, 0.3, paired=True)


def test_means_that_stay_within_the_margin() -> None:
    stated = margins(frames(THERE).records)
    (found,) = shifts(frames(THERE), frames(THERE + MOVED), range(6), stated, "here:")
    assert (found.n_seeds, found.difference) == (6, pytest.approx(MOVED.mean()))
    assert found.p_value == pytest.approx(equivalence_p_value(THERE + MOVED, THERE, found.margin, paired=True))
    assert shifts(frames(THERE), frames(THERE + MOVED), [], [], "here:") == ()
    (equal,) = shifts(frames(THERE), frames(THERE), [3], [], "here:")  # a loss differs
    assert (equal.difference, equal.n_seeds) == (0.0, 6)


@pytest.mark.parametrize(
    ("there", "here", "stated", "said"),
    [
        (
            THERE[:4],
            THERE[:4] + MOVED[:4],
            None,
            "here: darts on live/darts-digits has 4 pairs of seeds; .* at least 5",
        ),
        (THERE, THERE + MOVED, [], "the manifest states no margin"),
        (
            THERE,
            THERE + MOVED - 3.0,
            None,
            r"moved by -2\.97, and 6 pairs of seeds do not show that it is within the margin 2\.",
        ),
    ],
)
def test_nobody_can_tell(there: np.ndarray, here: np.ndarray, stated: list[Any] | None, said: str) -> None:
    known = margins(frames(THERE).records) if stated is None else stated
    with pytest.raises(HarnessError, match=said):
        shifts(frames(there), frames(here), range(len(there)), known, "here:")
