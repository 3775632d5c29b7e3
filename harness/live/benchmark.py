"""Live benchmarks by name: a cell space on a set of images. No torch here, so that naming one costs nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError, unknown_name
from harness.live import sources
from harness.live.datasets import dataset_names, images_of
from harness.spaces.base import Space
from harness.spaces.darts import DartsSpace
from harness.spaces.nasbench201 import NASBench201Space
from harness.tabular.table import Direction, Unit
from harness.taxonomy import Taxonomy

if TYPE_CHECKING:
    from harness.constraint import Constraint
    from harness.live.data import Splits
    from harness.live.images import Images
    from harness.live.search import SearchSettings
    from harness.live.train import Recipe
    from harness.problem import Budget
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
class LiveSettings:
    """How a live benchmark is searched and evaluated.

    Attributes
    ----------
    search
        The supernet and its training, the same for all methods.
    evaluation
        How the recommended architecture of every method is trained from scratch in the end.
    proxy
        How an architecture is trained when a method asks for its score during a search: as in `evaluation`, for fewer epochs.
    device
        ``"cpu"`` or ``"cuda"``.
    """

    search: SearchSettings
    evaluation: Recipe
    proxy: Recipe
    device: str

    def to_json(self) -> str:
        """As text, with sorted keys."""
        recipes = {"evaluation": self.evaluation.stated(), "proxy": self.proxy.stated()}
        return json.dumps({"search": asdict(self.search), "device": self.device, **recipes}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> LiveSettings:
        """Read `to_json`'s text."""
        values = json.loads(text)
        search, evaluation, proxy = _shapes()
        return cls(
            _made(search, values["search"], "search"),
            _made(evaluation, values["evaluation"], "evaluation"),
            _made(proxy, values["proxy"], "proxy"),
            values["device"],
        )


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
        live: Mapping[str, Any],
        constraints: tuple[Constraint, ...] = (),
    ) -> str:
        """The suite's tables ``search`` and ``evaluation`` with nothing left to defaults, as JSON.

        Raises
        ------
        HarnessError
            If a key is unknown or a value out of its range, or the budget is not counted in epochs.
        """
        if budget.kind != "epochs":
            raise HarnessError(
                f"benchmark {self.name}: its budget is in epochs, not {budget.kind}; write [budgets] epochs = ..."
            )
        if metrics:
            raise HarnessError(f"benchmark {self.name}: it has no columns; methods may be shown metrics of tables only")
        if constraints:
            raise HarnessError(f"benchmark {self.name}: it has no columns; [constraint] is for tables")
        for key in ("search", "evaluation"):
            if not isinstance(live.get(key, {}), Mapping):
                raise HarnessError(f"{key}: wanted a table such as [{key}] channels = 16, not {live[key]!r}")
        search_type, recipe_type, _ = _shapes()
        search, evaluation = dict(live.get("search", {})), dict(live.get("evaluation", {}))
        if "epochs" in search:
            raise HarnessError("search: epochs are the budget; write [budgets] epochs = ...")
        proxy_epochs = evaluation.pop("proxy_epochs", 1)
        settings = LiveSettings(
            search=_made(search_type, search | {"epochs": budget.amount}, "search"),
            evaluation=_made(recipe_type, evaluation, "evaluation"),
            proxy=_made(recipe_type, evaluation | {"epochs": proxy_epochs}, "evaluation"),
            device=str(live.get("device", "cpu")),
        )
        if settings.proxy.epochs > budget.amount:
            raise HarnessError(f"evaluation: proxy_epochs {proxy_epochs} is above the budget of {budget.amount} epochs")
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


def recipe_from(values: Mapping[str, Any], where: str) -> Recipe:
    """A recipe of stand-alone training from a TOML table; what it does not say is as `harness.live.train.Recipe` has it.

    Raises
    ------
    HarnessError
        If a key is unknown or a value out of its range; `where` stands before the message.
    """
    recipe: Recipe = _made(_shapes()[1], values, where)
    return recipe


def _shapes() -> tuple[Any, Any, Any]:
    try:
        from harness.live.search import SearchSettings
        from harness.live.train import Recipe
    except ImportError as error:
        raise HarnessError(f"live benchmarks need the extra: pip install 'nas-harness[live]' ({error})") from error
    return SearchSettings, Recipe, Recipe


def _made(shape: Any, values: Mapping[str, Any], where: str) -> Any:
    """A frozen dataclass from a suite's table: unknown keys and wrong types are errors."""
    known = {field.name: field for field in fields(shape)}
    for key in values:
        if key not in known:
            raise unknown_name("key", key, known, where=where)
    made = {}
    for key, value in values.items():
        default = known[key].default
        if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if isinstance(value, list):
            value = tuple(value)
        if default is not None and (type(value) is not type(default)):
            raise HarnessError(f"{where}: {key} wants {type(default).__name__}, not {value!r}")
        made[key] = value
    return shape(**made)
