"""Live benchmarks by name: a cell space on a set of images. No torch here, so that naming one costs nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError
from harness.live import sources
from harness.live.datasets import dataset_names, images_of
from harness.live.settings import LiveSettings, Recipe, SearchSettings, made
from harness.spaces.base import Space
from harness.spaces.darts import DartsSpace
from harness.spaces.nasbench201 import NASBench201Space
from harness.tabular.table import Direction, Unit
from harness.taxonomy import Taxonomy

if TYPE_CHECKING:
    from harness.constraint import Constraint
    from harness.live.data import Splits
    from harness.live.images import Images
    from harness.problem import Budget, Columns
    from harness.tabular.table import Table

SPACES: Mapping[str, type[Space]] = {"darts": DartsSpace, "nasbench201": NASBench201Space}
PREFIX = "live/"  # what the names of live benchmarks begin with


def live_names() -> list[str]:
    """``live/<space>-<data set>`` for all spaces and data sets, whether their data is here or not."""
    return [f"{PREFIX}{space}-{dataset}" for space in SPACES for dataset in dataset_names()]


def is_live(name: str) -> bool:
    """Whether a name is that of a live benchmark, whether its data set is known here or not."""
    return name.startswith(PREFIX)


@dataclass(frozen=True)
class LiveBenchmark:
    """A cell space whose architectures are trained on real images.

    Parameters
    ----------
    name
        ``live/<space>-<data set>``.
    """

    name: str
    metric: str = "accuracy"
    unit: Unit = "percent"
    direction: Direction = "max"

    @property
    def space_name(self) -> str:
        """Name of the cell space."""
        return self.name.removeprefix(PREFIX).partition("-")[0]

    @property
    def dataset(self) -> str:
        """Name of the images: what stands behind the first dash, and may have dashes itself."""
        return self.name.partition("-")[2]

    @cached_property
    def space(self) -> Space:
        """The search space."""
        return SPACES[self.space_name]()

    @property
    def epochs(self) -> None:
        """There is one fidelity: the suite's settings say how long architectures are trained."""

    @property
    def taxonomy(self) -> Taxonomy:
        """What kind of benchmark it is: a supernet shares weights, parameters and operations are counted."""
        return Taxonomy(self.space.kind, "any", "weight sharing", "analytical")

    @property
    def images(self) -> Images:
        """The images, loaded once a process.

        Raises
        ------
        HarnessError
            If they are not here; the message says which files are wanted, and where.
        """
        return images_of(self.dataset)

    @property
    def table(self) -> Table | None:
        """Table in which what a search derives is looked up; None where it is trained."""
        return None

    def columns(self, metrics: tuple[str, ...]) -> Columns | None:
        """What methods see of the table that judges the supernet, none of which is a test value.

        Raises
        ------
        HarnessError
            If there is no such table or column, or it is for the report only.
        """
        if metrics:
            raise HarnessError(f"benchmark {self.name}: it has no columns; methods may be shown metrics of tables only")
        return None

    def splits(self, seed: int) -> Splits:
        """The images, split for the cells of a seed."""
        from harness.live.data import check_stratified, split

        return check_stratified(split(self.images, seed))

    @cached_property
    def sha256(self) -> str:
        """Hash of images and labels; of those that are not built in, which have one form only, of their form too."""
        if self.dataset not in sources.FACTS:
            return self.images.sha256
        digest = hashlib.sha256(self.dataset.encode())
        digest.update(self.images.images.tobytes())
        digest.update(self.images.labels.astype("<i8").tobytes())
        return digest.hexdigest()

    def settle(
        self,
        budget: Budget,
        metrics: tuple[str, ...],
        live: Mapping[str, Any] | str,
        constraints: tuple[Constraint, ...] = (),
    ) -> str:
        """The suite's tables ``search`` and ``evaluation`` with nothing left to defaults, as JSON.

        Settings that were settled before, given as this text, are checked again.

        Raises
        ------
        HarnessError
            If a key is unknown or a value out of its range, or the budget is not counted in epochs.
        """
        if budget.kind != "epochs":
            raise HarnessError(
                f"benchmark {self.name}: its budget is in epochs, not {budget.kind}; write [budgets] epochs = ..."
            )
        self.columns(metrics)
        if constraints:
            raise HarnessError(f"benchmark {self.name}: it has no columns; [constraint] is for tables")
        settings = LiveSettings.from_json(live) if isinstance(live, str) else _settings(live, budget)
        proxy_epochs = settings.proxy.epochs
        if proxy_epochs > budget.amount:
            raise HarnessError(f"evaluation: proxy_epochs {proxy_epochs} is above the budget of {budget.amount} epochs")
        _need_torch()
        from harness.live.problem import check_settings

        check_settings(self.space_name, self.splits(0), settings)
        return settings.to_json()

    def describe(self) -> dict[str, Any]:
        """Everything but the images, as plain JSON values."""
        images = self.images
        size = "x".join(map(str, images.shape))
        return {
            "name": self.name,
            "dataset": self.dataset,
            "space": self.space.describe(),
            "rows": len(images.labels),
            "columns": [],
            "curves": [],
            "metric": self.metric,
            "unit": self.unit,
            "direction": self.direction,
            "fidelity": {},
            "source": {"from": "; ".join([f"{self.dataset} images, {size}, {images.classes} classes", *images.notes])},
            "caveats": [],
        }


def _settings(live: Mapping[str, Any], budget: Budget) -> LiveSettings:
    """What a suite says of live benchmarks, with its budget and the defaults."""
    for key in ("search", "evaluation"):
        if not isinstance(live.get(key, {}), Mapping):
            raise HarnessError(f"{key}: wanted a table such as [{key}] channels = 16, not {live[key]!r}")
    search, evaluation = dict(live.get("search", {})), dict(live.get("evaluation", {}))
    if "epochs" in search:
        raise HarnessError("search: epochs are the budget; write [budgets] epochs = ...")
    proxy_epochs = evaluation.pop("proxy_epochs", 1)
    return LiveSettings(
        search=made(SearchSettings, search | {"epochs": budget.amount}, "search"),
        evaluation=made(Recipe, evaluation, "evaluation"),
        proxy=made(Recipe, evaluation | {"epochs": proxy_epochs}, "evaluation"),
        device=str(live.get("device", "cpu")),
    )


def _need_torch() -> None:
    """Say what to install where torch is missing."""
    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise HarnessError(f"live benchmarks need the extra: pip install 'nas-harness[live]' ({error})") from error
