"""Live runs on another kind of processor: trainings whose last bits differ scatter like others, and are judged by their means."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError
from harness.running.frames import Frames
from harness.statistics.noninferiority import FEWEST_SEEDS, MARGIN_IN_STANDARD_ERRORS, equivalence_p_value

if TYPE_CHECKING:
    import pandas as pd

LEVEL = 0.05
_GROUP = ["benchmark", "label", "budget"]


@dataclass(frozen=True)
class Shift:
    """How far the mean of a group has moved.

    Attributes
    ----------
    benchmark, method, budget
        The group.
    n_seeds
        Pairs of the same seed.
    difference, margin
        Of the mean test scores, here less there, and the largest that does not matter, in the unit of the scores.
    p_value
        Of "the means differ by the margin or more".
    """

    benchmark: str
    method: str
    budget: int
    n_seeds: int
    difference: float
    margin: float
    p_value: float

    def __str__(self) -> str:
        return (
            f"  {self.method} on {self.benchmark}, {self.budget}: mean test score moved by {self.difference:+.3g}, within the "
            f"margin {self.margin:.3g} (paired over {self.n_seeds} seeds, p = {self.p_value:.2g})"
        )


def margins(records: pd.DataFrame) -> list[dict[str, Any]]:
    """Margins of all groups with enough seeds, see `harness.running.manifest.Manifest`.

    As the regression gate has it: so many standard errors of the difference of two runs of this size that an unchanged method
    is within them with 97.5 % probability.

    Parameters
    ----------
    records
        Records of live cells.
    """
    found = []
    for _, cells in records.groupby(_GROUP, sort=False):
        benchmark, label, budget = (cells[key].iloc[0] for key in _GROUP)
        test = cells["test"].dropna()
        if len(test) >= FEWEST_SEEDS:
            margin = MARGIN_IN_STANDARD_ERRORS * math.sqrt(2 * float(test.var(ddof=1)) / len(test))
            found.append({"benchmark": benchmark, "method": label, "budget": int(budget), "margin": margin})
    return found


def shifts(
    there: Frames, here: Frames, differing: Sequence[int], stated: Sequence[Mapping[str, Any]], where: str
) -> tuple[Shift, ...]:
    """How far the means of the groups have moved that are not equal to the bit: all within their margins.

    Parameters
    ----------
    there, here
        The same cells, in the same order.
    differing
        Numbers of the cells that are not equal to the bit.
    stated
        Margins of the first run's manifest.
    where
        What messages begin with.

    Raises
    ------
    HarnessError
        If a group has fewer than 5 pairs of seeds or no margin, or its means are not shown to be equivalent.
    """
    return tuple(_shifts(there.records, here.records, set(differing), stated, where))


def _shifts(
    there: pd.DataFrame, here: pd.DataFrame, differing: set[int], stated: Sequence[Mapping[str, Any]], where: str
) -> Iterator[Shift]:
    margin_of = {(one["benchmark"], one["method"], one["budget"]): one["margin"] for one in stated}
    for _, cells in there.groupby(_GROUP, sort=False):
        if differing.isdisjoint(cells.index):
            continue
        benchmark, method, budget = (cells[key].iloc[0] for key in _GROUP)
        pairs = [
            (old, new)
            for old, new in zip(cells["test"], here.loc[cells.index, "test"], strict=True)
            if math.isfinite(old) and math.isfinite(new)
        ]
        name = f"{where} {method} on {benchmark}"
        if len(pairs) < FEWEST_SEEDS:
            raise HarnessError(f"{name} has {len(pairs)} pairs of seeds; equivalence wants at least {FEWEST_SEEDS}")
        margin = margin_of.get((benchmark, method, int(budget)), 0.0)
        if all(old == new for old, new in pairs):  # what differs are losses, say
            yield Shift(benchmark, method, int(budget), len(pairs), 0.0, margin, 0.0)
            continue
        if not margin > 0:
            raise HarnessError(
                f"{name}: the manifest states no margin, since it had fewer than {FEWEST_SEEDS} seeds or no spread"
            )
        old, new = zip(*pairs, strict=True)
        difference = math.fsum(b - a for a, b in pairs) / len(pairs)
        p_value = equivalence_p_value(new, old, margin, paired=True)
        if p_value > LEVEL:
            raise HarnessError(
                f"{name}: the mean test score moved by {difference:+.3g}, and {len(pairs)} pairs of seeds do not show that it is "
                f"within the margin {margin:.3g} (p = {p_value:.2g}); repeat more seeds, or on the processor of the run"
            )
        yield Shift(benchmark, method, int(budget), len(pairs), difference, margin, p_value)
