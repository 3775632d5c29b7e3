"""Settings of live benchmarks: how supernets are searched and architectures trained. No torch here."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any

from harness.errors import HarnessError, unknown_name
from harness.system.shapes import says, shaped

ANNEALINGS = ("cosine", "power")
BATCH_NORMS = ("batch", "running")  # of supernets, see `harness.supernets.graph.BATCH_NORMS`
# Of a recipe's protocol; all of them off is the plain recipe.
SWITCHES = ("cutout", "drop_path", "auxiliary")
# Of the search: left out where they have their defaults, so that a search is what it was before there was such a setting.
LATER = ("size_from", "annealing", "base", "side_by_side")
CHOSEN = ("learning_rate", "weight_decay", "epochs")  # what a search may choose of a recipe


@dataclass(frozen=True, kw_only=True)
class SearchSettings:
    """What all levels of a comparison have in common. The defaults are DARTS's, which MiLeNAS keeps.

    Parameters
    ----------
    channels, cells, reductions
        Size of the supernet, see `harness.training.networks.Shape`.
    epochs, batch_size
        Length of the search; images in a batch. Of an epoch's training images the last incomplete batch is left out.
    learning_rate, learning_rate_end, momentum, weight_decay, clip
        SGD of the weights: the rate falls along half a cosine from epoch to epoch; `clip` is the greatest gradient
        norm.
    annealing, base
        ``"power"``: the rate falls by cosine power annealing instead (Hundt et al., sharpDARTS, arXiv:1903.09900), faster at
        first the greater its base; base 1 is the cosine.
    alpha_learning_rate, alpha_betas, alpha_weight_decay
        Adam of the architecture parameters.
    batch_norm
        ``"batch"`` or ``"running"``, see `harness.supernets.graph.supernet`.
    augment
        Whether training images are cropped and mirrored at random. Validation images never are.
    expected_size
        MiLeNAS's early stop: the search ends after the first epoch whose derived cells have at most these numbers of
        convolutions (DARTS: normal, reduce; NAS-Bench-201: the one cell). None (default): never.
    size_from
        Share of the epochs before which `expected_size` ends nothing, since cells of the first epochs are small by chance, see
        `harness.supernets.sizes.chance_of_size`; 0.3 is a good choice. Where it is set, epochs also state ``size_reached`` and
        ``epochs_saved``. None (default): `expected_size` holds from the first epoch on.
    side_by_side
        How many seeds of a method are searched at once, as one network of so many times the channels, see
        `harness.supernets.beside`; 1 (default): each by itself. A seed's result is the same in any company, and up to rounding
        that which it has by itself.

    Raises
    ------
    HarnessError
        If a number is out of its range.
    """

    channels: int = 16
    cells: int = 8
    reductions: int = 2
    epochs: int = 50
    batch_size: int = 64
    learning_rate: float = 0.025
    learning_rate_end: float = 0.001
    momentum: float = 0.9
    weight_decay: float = 3e-4
    clip: float = 5.0
    alpha_learning_rate: float = 3e-4
    alpha_betas: Annotated[tuple[float, float], says(" must be two numbers in [0, 1)")] = (0.5, 0.999)
    alpha_weight_decay: float = 1e-3
    batch_norm: str = "batch"
    augment: bool = False
    expected_size: Annotated[tuple[int, ...] | None, says(" must be a list of whole numbers")] = None
    size_from: Annotated[float | None, says(" must be a share from 0 to 1")] = None
    annealing: str = "cosine"
    base: float = 2.0
    side_by_side: int = 1

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "side_by_side"):
            if getattr(self, name) < 1:
                raise HarnessError(f"search: {name} must be at least 1, not {getattr(self, name)!r}")
        for name in ("learning_rate", "clip", "alpha_learning_rate"):
            if not 0 < getattr(self, name) < math.inf:
                raise HarnessError(f"search: {name} must be a number > 0, not {getattr(self, name)!r}")
        for name in ("learning_rate_end", "momentum", "weight_decay", "alpha_weight_decay"):
            if not 0 <= getattr(self, name) < math.inf:
                raise HarnessError(f"search: {name} must be a number >= 0, not {getattr(self, name)!r}")
        if len(self.alpha_betas) != 2 or not all(
            type(beta) in (int, float) and 0 <= beta < 1 for beta in self.alpha_betas
        ):
            raise HarnessError(f"search: alpha_betas must be two numbers in [0, 1), not {list(self.alpha_betas)}")
        if self.batch_norm not in BATCH_NORMS:
            raise unknown_name("batch norm", self.batch_norm, BATCH_NORMS, where="search")
        if self.annealing not in ANNEALINGS:
            raise unknown_name("annealing", self.annealing, ANNEALINGS, where="search")
        if not 0 < self.base < math.inf:
            raise HarnessError(f"search: base must be a number > 0, not {self.base!r}")
        if self.base != type(self).base and self.annealing != "power":
            raise HarnessError('search: base is of power annealing; write annealing = "power", or leave it out')
        sizes = () if self.expected_size is None else self.expected_size
        if not isinstance(sizes, tuple) or not all(type(size) is int for size in sizes):
            raise HarnessError(f"search: expected_size must be a list of whole numbers, not {self.expected_size!r}")
        if self.size_from is None:
            return
        if type(self.size_from) not in (int, float) or not 0 <= self.size_from <= 1:
            raise HarnessError(f"search: size_from must be a share from 0 to 1, not {self.size_from!r}")
        if self.expected_size is None:
            raise HarnessError("search: size_from says when expected_size may end a search; write expected_size too")
        object.__setattr__(self, "size_from", float(self.size_from))  # 0 and 0.0 are one setting

    @property
    def earliest_stop(self) -> int:
        """Epochs after which `expected_size` may end the search."""
        return max(1, math.ceil(round((self.size_from or 0.0) * self.epochs, 9)))  # 0.1 * 30 is above 3

    def as_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {
            name: value
            for name, value in asdict(self).items()
            if name not in LATER or value != getattr(SearchSettings, name)
        }

    def rate(self, epoch: int) -> float:
        """Learning rate of the weights in an epoch (from 0)."""
        fall = half_cosine(epoch, self.epochs)
        if self.annealing == "power" and self.base != 1:
            fall = (self.base**fall - 1) / (self.base - 1)
        return self.learning_rate_end + (self.learning_rate - self.learning_rate_end) * fall


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How an architecture is trained: SGD along half a cosine, from scratch.

    Parameters
    ----------
    channels, cells, reductions
        Size of the network, see `harness.training.networks.Shape`.
    epochs, batch_size
        Length of the training; images in a batch. The last incomplete batch of an epoch is left out.
    learning_rate, momentum, weight_decay, clip
        Of SGD; the rate falls to 0, `clip` is the greatest gradient norm.
    augment
        Whether training images are cropped and mirrored at random.
    cutout
        Side in pixels of a square that is hidden in every training image; 0: none.
    drop_path
        Probability that an edge is dropped for an image, which rises from 0 in the first epoch towards this number as in DARTS.
        Identities are never dropped.
    auxiliary
        Weight of the loss of an auxiliary head at two thirds of a DARTS network (0.4 in DARTS); 0: no head.

    Raises
    ------
    HarnessError
        If a number is out of its range.
    """

    channels: int = 8
    cells: int = 3
    reductions: int = 2
    epochs: int = 15
    batch_size: int = 64
    learning_rate: float = 0.025
    momentum: float = 0.9
    weight_decay: float = 3e-4
    clip: float = 5.0
    augment: bool = False
    cutout: int = 0
    drop_path: float = 0.0
    auxiliary: float = 0.0

    def __post_init__(self) -> None:
        if min(self.epochs, self.batch_size) < 1:
            raise HarnessError("training: epochs and batch_size must be at least 1")
        if not (0 < self.learning_rate < math.inf and 0 < self.clip < math.inf):
            raise HarnessError("training: learning_rate and clip must be numbers > 0")
        if not (0 <= self.momentum < math.inf and 0 <= self.weight_decay < math.inf):
            raise HarnessError("training: momentum and weight_decay must be numbers >= 0")
        if self.cutout < 0:
            raise HarnessError(f"training: cutout must be a number of pixels, 0 for none, not {self.cutout}")
        if not 0 <= self.drop_path < 1:
            raise HarnessError(f"training: drop_path must be a probability below 1, not {self.drop_path}")
        if not 0 <= self.auxiliary < math.inf:
            raise HarnessError(f"training: auxiliary must be a number >= 0, not {self.auxiliary}")

    def as_dict(self) -> dict[str, Any]:
        """As plain values. Switches that are off are left out: a training without one is what it was before there was one."""
        return {name: value for name, value in asdict(self).items() if value or name not in SWITCHES}

    def rate(self, epoch: int) -> float:
        """Learning rate in an epoch (from 0)."""
        return self.learning_rate * half_cosine(epoch, self.epochs)


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
    choices
        Values of the recipe that a search chooses among, architecture by architecture, by name: some of `CHOSEN`. Nothing: all
        are trained by the same recipe.
    """

    search: SearchSettings
    evaluation: Recipe
    proxy: Recipe
    device: str
    choices: tuple[tuple[str, tuple[float, ...]], ...] = ()

    @property
    def max_fidelity(self) -> int | None:
        """Epochs of a whole training during a search, see `harness.problem.base.Problem.max_fidelity`; None where it has one."""
        return self.proxy.epochs if self.proxy.epochs > 1 else None

    def to_json(self) -> str:
        """As text, with sorted keys."""
        recipes = {"evaluation": self.evaluation.as_dict(), "proxy": self.proxy.as_dict()}
        choices = {"choices": dict(self.choices)} if self.choices else {}
        return json.dumps(
            {"search": self.search.as_dict(), "device": self.device, **recipes, **choices}, sort_keys=True
        )

    @classmethod
    def from_json(cls, text: str) -> LiveSettings:
        """Read `to_json`'s text."""
        values = json.loads(text)
        return cls(
            shaped(SearchSettings, values["search"], "search"),
            shaped(Recipe, values["evaluation"], "evaluation"),
            shaped(Recipe, values["proxy"], "proxy"),
            values["device"],
            _choices(values.get("choices", {}), values["evaluation"]),
        )


def schema_parts(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a JSON schema with `SearchSettings` and `Recipe` among its parts as people write these: no other keys."""
    parts: dict[str, Any] = schema["$defs"]
    for name in ("SearchSettings", "Recipe"):
        if name in parts:
            parts[name]["additionalProperties"] = False
    if "SearchSettings" in parts:
        del parts["SearchSettings"]["properties"]["epochs"]  # they are the budget
        proxy = {"type": "integer", "minimum": 1, "default": 1, "description": "Epochs of a training during a search."}
        recipe = parts["Recipe"]
        parts["Evaluation"] = {
            **recipe,
            "title": "Evaluation",
            "properties": {**recipe["properties"], "proxy_epochs": proxy},
        }
        del parts["Recipe"]
    return schema


def half_cosine(epoch: int, epochs: int) -> float:
    """What falls from 1 in epoch 0 towards 0 along half a cosine, in an epoch of so many."""
    return (1 + math.cos(math.pi * epoch / epochs)) / 2


def with_own(settings: str, search: Mapping[str, Any], recipe: Mapping[str, Any]) -> str:
    """Settings as `LiveSettings.to_json` wrote them, with what a method has of its own.

    Parameters
    ----------
    settings
        Those of all methods.
    search
        Values in place of some of the table ``search``.
    recipe
        Lists of values by name, see `LiveSettings.choices`.

    Raises
    ------
    HarnessError
        If a key is unknown, a value is out of its range, or it says how many epochs the search has: that is the budget.
    """
    if not search and not recipe:
        return settings
    if "epochs" in search:
        raise HarnessError("search: epochs are the budget; write [budgets] epochs = ...")
    shared = LiveSettings.from_json(settings)
    own = shaped(SearchSettings, shared.search.as_dict() | dict(search), "search")
    return replace(shared, search=own, choices=_choices(recipe, shared.evaluation.as_dict())).to_json()


def _choices(lists: Mapping[str, Any], evaluation: Mapping[str, Any]) -> tuple[tuple[str, tuple[float, ...]], ...]:
    """See `LiveSettings.choices`; a training is at most as long as that of the suite, and the order of names is one."""
    for key, values in lists.items():
        if key not in CHOSEN:
            raise unknown_name("key", key, CHOSEN, where="recipe")
        if not isinstance(values, list) or not values or any(values.count(value) > 1 for value in values):
            raise HarnessError(f"recipe: {key}: wanted a list of different values, not {values!r}")
        for value in values:
            recipe = shaped(Recipe, {**evaluation, key: value}, f"recipe: {key}")
            if recipe.epochs > evaluation["epochs"]:
                raise HarnessError(
                    f"recipe: epochs: at most the {evaluation['epochs']} of [evaluation], not {value}: methods are compared "
                    "at equal training"
                )
    kinds = {"epochs": int}
    return tuple((key, tuple(map(kinds.get(key, float), lists[key]))) for key in CHOSEN if key in lists)


def recipe_from(values: Mapping[str, Any], where: str) -> Recipe:
    """A recipe of stand-alone training from a TOML table; what it does not say is as `Recipe` has it.

    Raises
    ------
    HarnessError
        If a key is unknown or a value out of its range; `where` stands before the message.
    """
    return shaped(Recipe, values, where)
