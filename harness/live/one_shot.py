"""One-shot benchmarks: the supernet of a recorded table's space, judged by that table.

The supernet is searched on the images and the split that the table was recorded on. What it derives is not trained but looked
up; and so are the architectures of a sample, whose ranking by the supernet's weights is held against the table's.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.errors import HarnessError
from harness.live.benchmark import LiveBenchmark
from harness.spaces.elastic import ElasticNASBench201
from harness.spaces.registry import cell_space, cell_space_names
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
ELASTIC = "elastic/"
JUDGED = (PREFIX, ELASTIC)  # what the names of supernets begin with that a table judges
NESTED = {"nasbench201": "elastic201"}  # the space whose networks are parts of a largest one, within another
SAMPLE = 200  # architectures whose ranking is compared


def judged_names() -> Iterator[str]:
    """``one-shot/<table>`` of every recorded table over a space with a supernet, and ``elastic/<table>`` if it can be elastic."""
    for table, space in _recorded_spaces():
        yield PREFIX + table
        if space in NESTED or cell_space(space).nested is not None:
            yield ELASTIC + table


def _recorded_spaces() -> Iterator[tuple[str, str]]:
    # Of a shipped table the specification says its space, so that nothing is converted for a list of names.
    shipped, specs = recorded.shipped_files(".parquet"), recorded.shipped_files(".toml")
    for name in shipped:
        yield name, str(tomllib.loads(specs[name].read_text())["space"])
    for name in store.stored_names():
        if name not in shipped and (space := _stored_space(name)) in cell_space_names():
            yield name, space


def _stored_space(name: str) -> str:
    try:
        return str(_recording(store.card_of(name)).get("space"))
    except (HarnessError, AttributeError, TypeError):  # a damaged table is refused when it is asked for
        return ""


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
        """Hash of the kind of supernet and of the table, which names the images."""
        kind = self.name.partition("/")[0]
        return hashlib.sha256(f"{kind} {self.table.sha256}".encode()).hexdigest()

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


@dataclass(frozen=True, repr=False)
class ElasticBenchmark(OneShotBenchmark):
    """A supernet whose networks are parts of its largest one, judged by a recorded table, or by the part of it that has them.

    Parameters
    ----------
    name
        ``elastic/<table>``.
    """

    @property
    def about(self) -> str:
        """What kind of benchmark it is, in a few words."""
        return "elastic: networks are cut out of a supernet, and looked up in a table"

    @cached_property
    def table(self) -> Table:
        """The rows of the table that are networks of the elastic space."""
        whole = catalogue.load_table(self.name.removeprefix(ELASTIC))
        recorded_space = str(_recording(whole.describe()).get("space"))
        return part_of(whole, self.name, NESTED[recorded_space]) if recorded_space in NESTED else whole

    @property
    def space_name(self) -> str:
        """Name of the elastic space."""
        return NESTED.get(str(self.spec["space"]), str(self.spec["space"]))


def judged(name: str) -> OneShotBenchmark:
    """Supernet of a name that begins with one of `JUDGED`."""
    return (ElasticBenchmark if name.startswith(ELASTIC) else OneShotBenchmark)(name)


def part_of(table: Table, name: str, space: str) -> Table:
    """The rows of a table of NAS-Bench-201's cells that a smaller space of them has, with its encodings.

    Parameters
    ----------
    table
        Of the whole space.
    name
        Of the part.
    space
        The smaller space: its ``whole`` gives an encoding in the other one.
    """
    part = cell_space(space)
    assert isinstance(part, ElasticNASBench201)
    whole_rows = np.array([table.rows[table.space.index(part.whole(part.arch(index)))] for index in range(part.size)])
    kept, rows = np.unique(whole_rows, return_inverse=True)
    first = np.unique(rows, return_index=True)[1]
    return replace(
        table,
        name=name,
        space=part,
        rows=rows.astype(np.int32),
        codes=part.codes(first).astype(np.int16),
        columns={key: np.asarray(table.columns[key])[kept] for key in table.columns},
        curves={key: np.asarray(table.curves[key])[kept] for key in table.curves},
        weights=np.bincount(rows).astype(np.float64),
    )
