"""Live benchmarks by name: a cell space on a set of images. No torch here, so that naming one costs nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError, unknown_name
from harness.images import sources
from harness.images.registry import dataset_names, images_of
from harness.problem.constraint import shown
from harness.problem.terms import Terms
from harness.spaces.base import Arch
from harness.spaces.cells import CellSpace
from harness.spaces.registry import cell_space, cell_space_names
from harness.system.shapes import shaped
from harness.tabular.shown import benchmark_html
from harness.tabular.statics import COUNTED
from harness.tabular.table import Direction, Unit
from harness.taxonomy import Taxonomy
from harness.training.settings import LiveSettings, Recipe, SearchSettings

if TYPE_CHECKING:
    from harness.images.labelled import Images
    from harness.problem.budget import Budget
    from harness.problem.constraint import Constraint
    from harness.tabular.table import Table
    from harness.training.data import Splits

# Of an untrained network: keys of `harness.live.scores.SCORES`, here without torch.
STATISTICS = ("flops", "grad-norm", "naswot", "params", "synflow")
PREFIX = "live/"  # what the names of live benchmarks begin with


def live_names() -> list[str]:
    """``live/<space>-<data set>`` for all spaces and data sets, whether their data is here or not."""
    return [f"{PREFIX}{space}-{dataset}" for space in cell_space_names() for dataset in dataset_names()]


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

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"

    def _repr_html_(self) -> str:
        return benchmark_html(self, self.about, {"columns": ", ".join(self.columns)})

    @property
    def about(self) -> str:
        """What kind of benchmark it is, in a few words."""
        return "live: architectures are trained in the run"

    @property
    def space_name(self) -> str:
        """Name of the cell space."""
        return self.name.removeprefix(PREFIX).partition("-")[0]

    @property
    def dataset(self) -> str:
        """Name of the images: what stands behind the first dash, and may have dashes itself."""
        return self.name.partition("-")[2]

    @cached_property
    def space(self) -> CellSpace:
        """The search space."""
        return cell_space(self.space_name)

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

    @property
    def columns(self) -> tuple[str, ...]:
        """What is known of any architecture without training it: methods may be shown it, and constraints be put on it."""
        return COUNTED

    def terms(
        self, metrics: tuple[str, ...], constraints: tuple[Constraint, ...], splits: Splits, recipe: Recipe
    ) -> Terms:
        """What a search sees of architectures beside their scores, and what they must satisfy.

        Parameters
        ----------
        metrics, constraints
            What the suite shows and bounds.
        splits, recipe
            Images, and how architectures are evaluated in the end: columns are counted at the size of that network.
        """
        names = shown(metrics, constraints)
        if not names:
            return Terms()
        return Terms(self._columns(names, splits, recipe), constraints, names, counted=self.table is None)

    def _columns(self, names: tuple[str, ...], splits: Splits, recipe: Recipe) -> Callable[[Arch], Mapping[str, float]]:
        from harness.live.columns import Counted
        from harness.training.train import check_recipe

        return Counted(self.space_name, check_recipe(self.space_name, splits, recipe), names)

    @property
    def statistics(self) -> tuple[str, ...]:
        """What `Problem.statistics` can say of any architecture: scores of its untrained network."""
        return STATISTICS

    def splits(self, seed: int) -> Splits:
        """The images, split for the cells of a seed."""
        from harness.training.data import check_stratified, split

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

    def resolve(
        self,
        budget: Budget,
        metrics: tuple[str, ...],
        live: Mapping[str, Any] | str,
        constraints: tuple[Constraint, ...] = (),
    ) -> str:
        """The suite's tables ``search`` and ``evaluation`` with nothing left to defaults, as JSON.

        Settings that were resolved before, given as this text, are checked again.

        Raises
        ------
        HarnessError
            If a key is unknown or a value out of its range, the budget is not counted in epochs, or there is no such column.
        """
        if budget.kind != "epochs":
            raise HarnessError(
                f"benchmark {self.name}: its budget is in epochs, not {budget.kind}; write [budgets] epochs = ..."
            )
        for name in shown(metrics, constraints):
            if name not in self.columns:
                raise unknown_name("column", name, self.columns, where=f"benchmark {self.name}")
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
            "columns": sorted(self.columns),
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
    search, evaluation = dict(live.get("search", {})), dict(live.get("evaluation", {}))
    if "epochs" in search:
        raise HarnessError("search: epochs are the budget; write [budgets] epochs = ...")
    proxy_epochs = evaluation.pop("proxy_epochs", 1)
    return LiveSettings(
        search=shaped(SearchSettings, search | {"epochs": budget.amount}, "search"),
        evaluation=shaped(Recipe, evaluation, "evaluation"),
        proxy=shaped(Recipe, evaluation | {"epochs": proxy_epochs}, "evaluation"),
        device=live.get("device", "cpu"),
    )


def _need_torch() -> None:
    """Say what to install where torch is missing."""
    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise HarnessError(f"live benchmarks need the extra: pip install 'nas-harness[live]' ({error})") from error
