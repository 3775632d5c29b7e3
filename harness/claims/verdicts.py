"""Verdicts on the claims of a suite, which are one family of tests."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from harness.claims.kinds import parts_of
from harness.claims.parts import LEVEL, FloatArray, Part
from harness.claims.searches import Kept
from harness.statistics.multiple import holm
from harness.statistics.regions import Region, seeds_to_place
from harness.statistics.sequences import first_rejections
from harness.suites.claims import Claim
from harness.suites.suite import Suite

REPRODUCED, CONTRADICTED, UNDECIDED, SKIPPED = VERDICTS = ("reproduced", "contradicted", "undecided", "skipped")
_COUNTS = {"n": "Int64", "seeds_taken": "Int64"}
MOST_SEEDS = 10**6  # that anybody would run
VERDICT_COLUMNS = (
    *("claim", "verdict", "says", "source", "kind", "statistic", "benchmarks", "of", "test", "n", "unit", "effect"),
    *("ci_low", "ci_high", "region_low", "region_high", "p_reproduced", "p_reproduced_holm", "p_contradicted"),
    *("p_contradicted_holm", "detectable", "seeds_to_decide", "seeds_taken", "note"),
)


@dataclass(frozen=True)
class Verdict:
    """A claim and what the searches say of it.

    Attributes
    ----------
    claim
        What was claimed.
    verdict
        One of `VERDICTS`.
    part
        The number on which it hangs: of several the one that is furthest from what is claimed; None where there is none.
    p_reproduced, p_contradicted
        p-values of "it does not hold" and of "it holds": small ones show the contrary. NaN where nothing is tested: exact numbers
        are compared.
    p_reproduced_holm, p_contradicted_holm
        Adjusted over both tests of all claims of the file.
    seeds
        About how many seeds would decide, were the effect the one that is seen; infinite where none would.
    took
        After how many seeds a sequential claim was decided; 0 for one that is not, and for fixed tests.
    note
        What one must know beside.
    """

    claim: Claim
    verdict: str
    part: Part | None = None
    p_reproduced: float = math.nan
    p_contradicted: float = math.nan
    p_reproduced_holm: float = math.nan
    p_contradicted_holm: float = math.nan
    seeds: float = math.nan
    took: int = 0
    note: str = ""


def judge(suite: Suite, kept: Kept) -> tuple[Verdict, ...]:
    """Return a verdict on each claim of a suite, in the order of the file."""
    evidence = [_Evidence(claim, parts_of(claim, kept), _absent(claim, suite)) for claim in suite.claims]
    both = holm([p for one in evidence for p in (one.p_reproduced, one.p_contradicted)]).reshape(-1, 2)
    rejected = int((both <= LEVEL).sum())
    tests = int(np.isfinite(both).sum())
    level = LEVEL / max(tests - rejected, 1)  # what Holm leaves to each test that has not rejected yet
    found = [one.verdict(float(p), float(q), level) for one, (p, q) in zip(evidence, both, strict=True)]
    if not any(claim.test == "sequential" for claim in suite.claims):
        return tuple(found)
    stood = _first(evidence)
    for at, (one, (shown, against)) in enumerate(zip(evidence, stood, strict=True)):
        if one.claim.test == "sequential" and 0 < shown < against:  # the verdict that was given is not withdrawn
            found[at] = one.verdict(float(both[at, 0]), math.inf, level)
            found[at] = replace(found[at], p_contradicted_holm=float(both[at, 1]))
    return tuple(replace(one, took=took) for one, took in zip(found, _took(stood, found), strict=True))


def _first(evidence: Sequence[_Evidence]) -> list[tuple[int, int]]:
    """After how many seeds each claim was first reproduced and contradicted; 0 for never."""
    most = max((part.course.shape[1] for one in evidence for part in one.parts if part.course is not None), default=1)
    first = first_rejections(np.concatenate([one.course(most) for one in evidence]), LEVEL).reshape(-1, 2)
    return [(int(shown), int(against)) for shown, against in first]


def _took(stood: Sequence[tuple[int, int]], found: Sequence[Verdict]) -> list[int]:
    """After how many seeds each verdict on a sequential claim first stood."""
    place = {REPRODUCED: 0, CONTRADICTED: 1}
    return [
        seeds[place[one.verdict]] if one.verdict in place and one.claim.test == "sequential" else 0
        for one, seeds in zip(found, stood, strict=True)
    ]


def _absent(claim: Claim, suite: Suite) -> str:
    lines = [
        f"{name} is not here; import it with: {suite.absent[name]}" for name in claim.benchmarks if name in suite.absent
    ]
    return "; ".join(lines)


@dataclass(frozen=True)
class _Evidence:
    """The numbers of a claim, which holds where all of them are where it says."""

    claim: Claim
    parts: Sequence[Part]
    absent: str

    @property
    def tested(self) -> list[Part]:
        return [part for part in self.parts if part.placement is not None]

    @property
    def is_whole(self) -> bool:
        """Whether no number is missing, nor known to be elsewhere."""
        return not self.absent and all(part.is_decided and part.holds is not False for part in self.parts)

    @property
    def p_reproduced(self) -> float:
        """That all are: an intersection-union test, of the greatest p-value. A number that is missing shows nothing."""
        if not self.tested:
            return math.nan
        if not self.is_whole:
            return 1.0
        return max(part.placement.p_inside for part in self.tested if part.placement)

    @property
    def p_contradicted(self) -> float:
        """That one is not: the smallest p-value, times their number (Bonferroni)."""
        if not self.tested:
            return math.nan
        return min(1.0, len(self.tested) * min(part.placement.p_outside for part in self.tested if part.placement))

    def course(self, n: int) -> FloatArray:
        """(2, n) both p-values after each seed; those of a fixed test are always the same."""
        now = np.array([[self.p_reproduced], [self.p_contradicted]])
        courses = [part.course for part in self.tested if part.course is not None]
        if not courses:
            return np.repeat(now, n, axis=1)
        long = np.array([np.pad(one, ((0, 0), (0, n - one.shape[1])), mode="edge") for one in courses])
        shown = long[:, 0].max(axis=0) if self.is_whole else np.ones(n)
        return np.array([shown, np.minimum(1.0, len(long) * long[:, 1].min(axis=0))])

    def verdict(self, reproduced: float, contradicted: float, level: float) -> Verdict:
        """The verdict by the adjusted p-values."""
        known = [part for part in self.parts if part.is_decided]
        if not any(part.is_decided or math.isfinite(part.estimate) for part in self.parts):
            return Verdict(self.claim, SKIPPED, None, note=self._note(None))
        values = self.p_reproduced, self.p_contradicted, reproduced, contradicted
        seeds, of = math.nan, max(self.parts, key=_doubt)
        if any(part.holds is False for part in self.parts) or contradicted <= LEVEL:
            word, of = CONTRADICTED, min(known, key=_against)
        elif not self.absent and all(part.is_decided for part in self.parts) and not reproduced > LEVEL:
            word = REPRODUCED
        else:
            word, seeds = UNDECIDED, _seeds(of, level)
        return Verdict(self.claim, word, of, *values, seeds=seeds, note=self._note(of))

    def _note(self, of: Part | None) -> str:
        """What one must know of the number that decides, and why others are missing."""
        missing = [part for part in self.parts if not part.is_decided and part is not of]
        notes = [self.absent, of.note if of else "", *dict.fromkeys(part.note for part in missing)]
        return "; ".join(note for note in notes if note)


def _doubt(part: Part) -> float:
    """How little a number shows that it is where it is claimed to be."""
    if part.placement is not None:
        return part.placement.p_inside
    return 2.0 if part.holds is None else -1.0


def _against(part: Part) -> float:
    """How little a number shows that it is elsewhere."""
    if part.placement is not None:
        return part.placement.p_outside
    return -1.0 if part.holds is False else 2.0


def _seeds(part: Part, level: float) -> float:
    if part.placement is None or part.n is None or not part.error > 0:
        return math.nan
    found = seeds_to_place(part.estimate, part.error, part.n, part.region, level, part.fixed_error)
    return found if found <= MOST_SEEDS else math.inf


def counts(verdicts: Sequence[Verdict]) -> dict[str, int]:
    """How many there are of each verdict."""
    found = Counter(one.verdict for one in verdicts)
    return {name: found[name] for name in VERDICTS}


def as_frame(verdicts: Sequence[Verdict]) -> pd.DataFrame:
    """Verdicts as a frame with the columns `VERDICT_COLUMNS`, a row a claim.

    ``effect`` with its interval (see `harness.statistics.Placement`), ``region_low, region_high`` (where it is claimed to lie)
    and ``detectable`` are in ``unit``; NaN where there is none.
    """
    return pd.DataFrame([row_of(one) for one in verdicts], columns=list(VERDICT_COLUMNS)).astype(
        {"n": "Int64", "seeds_taken": "Int64"}
    )


def row_of(one: Verdict) -> dict[str, Any]:
    """Return a verdict as a row of `as_frame`."""
    claim, part = one.claim, one.part or Part("", "", Region(low=0.0))
    placed = part.placement
    return {
        "claim": claim.number,
        "verdict": one.verdict,
        "says": claim.says,
        "source": claim.source,
        "kind": claim.test,
        "statistic": claim.statistic,
        "benchmarks": ", ".join(claim.benchmarks),
        "of": part.of,
        "test": part.test,
        "n": part.n,
        "unit": part.unit,
        "effect": part.estimate,
        "ci_low": placed.low if placed else math.nan,
        "ci_high": placed.high if placed else math.nan,
        "region_low": part.region.low if one.part else math.nan,
        "region_high": part.region.high if one.part else math.nan,
        "p_reproduced": one.p_reproduced,
        "p_reproduced_holm": one.p_reproduced_holm,
        "p_contradicted": one.p_contradicted,
        "p_contradicted_holm": one.p_contradicted_holm,
        "detectable": placed.detectable if placed else math.nan,
        "seeds_to_decide": one.seeds,
        "seeds_taken": one.took or None,
        "note": one.note,
    }
