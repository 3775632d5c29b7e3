"""One-shot benchmarks: the supernet of a recorded table's space, judged by that table.

The supernet is searched on the images and the split that the table was recorded on. What it derives is not trained but looked
up; and so are the architectures of a sample, whose ranking by the supernet's weights is held against the table's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError
from harness.live.benchmark import LiveBenchmark
from harness.spaces.registry import cell_space_names
from harness.streams import generator
from harness.tabular import catalogue, recorded, store
from harness.tabular.feasible import check_constraints
from harness.tabular.statics import is_untrained
from harness.tabular.table import Table, is_report_only
from harness.taxonomy import Taxonomy
from harness.training.settings import LiveSettings

if TYPE_CHECKING:
    from harness.problem.budget import Budget
    from harness.problem.constraint import Constraint
    from harness.spaces.base import Arch
    from harness.training.data import Splits
    from harness.training.settings import Recipe

PREFIX = "one-shot/"
SAMPLE = 200  # architectures whose ranking is compared


def one_shot_names() -> Iterator[str]:
    """``one-shot/<table>`` for every recorded table that is here over a space with a supernet."""
    shipped = recorded.shipped_files(".parquet")
    yield from (PREFIX + name for name in shipped)
    for name in store.stored_names():
        if name not in shipped and _has_supernet(name):
            yield PREFIX + name


def _has_supernet(name: str) -> bool:
    try:
        return _recording(store.card_of(name)).get("space") in cell_space_names()
    except (HarnessError, AttributeError, TypeError):  # a damaged table is refused when it is asked for
        return False


def _recording(card: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = card.get("source", {}).get("recording", {}).get("spec", {})
    return found


@dataclass(frozen=True, repr=False)
class OneShotBenchmark(LiveBenchmark):
    """A supernet that is judged by a recorded table.

    Parameters
    ----------
    name
        ``one-shot/<table>``.
    """

    @property
    def about(self) -> str:
        """What kind of benchmark it is, in a few words."""
        return "one-shot: what supernets derive is looked up in a table"

    @cached_property
    def table(self) -> Table:
        """The table in which what a search derives is looked up."""
        table = catalogue.load_table(self.name.removeprefix(PREFIX))
        if _recording(table.describe()).get("space") not in cell_space_names():
            raise HarnessError(
                f"benchmark {self.name}: {table.name} is not a recorded table, so there is no supernet for it"
            )
        return table

    @property
    def spec(self) -> Mapping[str, Any]:
        """How its table was recorded, as its card states it: space, data, recipe, seeds, split."""
        return _recording(self.table.describe())

    @property
    def space_name(self) -> str:
        """Name of the cell space."""
        return str(self.spec["space"])

    @property
    def dataset(self) -> str:
        """Name of the images."""
        return str(self.spec["data"])

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the table that belong to the architecture itself: what it scores when trained is not for a supernet."""
        return tuple(
            name for name in sorted(self.table.columns) if not is_report_only(name) and is_untrained(self.table, name)
        )

    def _columns(self, names: tuple[str, ...], splits: Splits, recipe: Recipe) -> Callable[[Arch], Mapping[str, float]]:
        from harness.live.columns import LookedUp

        return LookedUp(self.table, names)

    def splits(self, seed: int) -> Splits:
        """The split that the table was recorded on, whatever the seed.

        Raises
        ------
        HarnessError
            If the images here are not those of the table.
        """
        from harness.training.data import split_by_shares

        images = LiveBenchmark(f"live/{self.space_name}-{self.dataset}")
        if images.sha256 != self.spec["data_sha256"]:
            raise HarnessError(f"benchmark {self.name}: its table was recorded on other {self.dataset} images")
        return split_by_shares(images.images, self.spec["split"], self.spec["shares"])

    @cached_property
    def sha256(self) -> str:
        """Hash of the table, which names the images."""
        return hashlib.sha256(f"one-shot {self.table.sha256}".encode()).hexdigest()

    @property
    def taxonomy(self) -> Taxonomy:
        """What kind of benchmark it is: a supernet shares weights, and what it derives costs what the table says."""
        return Taxonomy(self.space.kind, "any", "weight sharing", self.table.taxonomy.hardware_cost)

    def resolve(
        self,
        budget: Budget,
        metrics: tuple[str, ...],
        live: Mapping[str, Any] | str,
        constraints: tuple[Constraint, ...] = (),
    ) -> str:
        """As `LiveBenchmark.resolve`; the supernet has the table's size unless the suite says another.

        ``[evaluation]`` takes ``proxy_epochs`` only: how architectures are trained is what the table was recorded by.
        """
        check_constraints(self.table, constraints)
        if isinstance(live, str):
            if LiveSettings.from_json(live).choices:
                raise HarnessError(f"recipe: benchmark {self.name}: its table was recorded by one recipe; leave it out")
            return super().resolve(budget, metrics, live, constraints)
        recipe = dict(self.spec["recipe"])
        evaluation = live.get("evaluation", {})
        if isinstance(evaluation, Mapping) and (other := sorted(evaluation.keys() - {"proxy_epochs"})):
            raise HarnessError(
                f"benchmark {self.name}: evaluation: {other[0]} is what the table was recorded by; leave it out"
            )
        size = {key: recipe[key] for key in ("channels", "cells", "reductions")}
        merged = dict(live)
        if isinstance(live.get("search", {}), Mapping):
            merged["search"] = size | dict(live.get("search", {}))
        if isinstance(evaluation, Mapping):
            merged["evaluation"] = recipe | dict(evaluation)
        return super().resolve(budget, metrics, merged, constraints)

    def describe(self) -> dict[str, Any]:
        """The table's description under this name."""
        return self.table.describe() | {"name": self.name, "columns": list(self.columns), "curves": []}

    def sample(self) -> list[Arch]:
        """`SAMPLE` different architectures drawn from the table's measure, the same for all cells."""
        rng = generator("search", self.name, "agreement")
        measure = self.table.weights / self.table.weights.sum()
        rows = rng.choice(len(self.table), size=min(SAMPLE, len(self.table)), replace=False, p=measure)
        return [tuple(self.table.codes[row].tolist()) for row in rows]
