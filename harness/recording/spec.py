"""What is to be recorded: a space, images, a recipe and seeds, from a TOML file."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError, unknown_name
from harness.images.registry import dataset_names
from harness.live.benchmark import SPACES, LiveBenchmark
from harness.spaces.base import Arch, Space
from harness.streams import generator
from harness.tabular.recorded import shipped_files
from harness.training.settings import recipe_from

if TYPE_CHECKING:
    from harness.training.data import Splits
    from harness.training.settings import Recipe

LARGEST = 1_000_000  # encodings of a space that is recorded whole


@dataclass(frozen=True)
class Spec:
    """A table to be recorded.

    Attributes
    ----------
    name
        Name of the table.
    space, data
        Cell space and images, as in ``live/<space>-<data>``.
    seeds
        Training seeds of every architecture.
    split
        Seed of the split into train, valid and test, the same for all trainings.
    shares
        Shares of the images that train, validate and test. A published test set is used where there is one.
    architectures
        How many are recorded: so many distinct computations, drawn at random; 0 for all.
    recipe
        How each is trained.
    description
        A sentence for the card.
    """

    name: str
    space: str
    data: str
    seeds: tuple[int, ...]
    recipe: Recipe
    split: int = 0
    shares: tuple[float, float, float] = (0.5, 0.25, 0.25)
    architectures: int = 0
    description: str = ""

    @property
    def images(self) -> LiveBenchmark:
        """The live benchmark whose architectures are trained."""
        return LiveBenchmark(f"live/{self.space}-{self.data}")

    def splits(self) -> Splits:
        """The images, split."""
        from harness.training.data import check_stratified, split_by_shares

        return check_stratified(split_by_shares(self.images.images, self.split, self.shares))

    def resolved(self) -> dict[str, Any]:
        """Everything that decides what is recorded, as plain JSON values."""
        return asdict(self) | {
            "seeds": list(self.seeds),
            "shares": list(self.shares),
            "recipe": self.recipe.as_dict(),
            "data_sha256": self.images.sha256,
        }


def find_spec(name: str) -> Spec:
    """A specification by its TOML file, or by the name of a table that comes with the project."""
    shipped = shipped_files(".toml")
    if name in shipped:
        return load_spec(shipped[name])
    if not name.endswith(".toml"):
        raise unknown_name("table specification", name, shipped)
    return load_spec(Path(name))


def load_spec(path: Path) -> Spec:
    """Read a TOML file.

    Raises
    ------
    HarnessError
        If it cannot be read, a key is unknown or missing, or a value is out of its range.
    """
    try:
        return make_spec(tomllib.loads(path.read_text()))
    except (OSError, UnicodeDecodeError) as error:
        raise HarnessError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    except tomllib.TOMLDecodeError as error:
        raise HarnessError(f"{path}: not TOML: {error}") from error
    except HarnessError as error:
        raise HarnessError(f"{path}: {error}") from error


def make_spec(values: Mapping[str, Any]) -> Spec:
    """A specification from the content of a TOML file; see `load_spec`."""
    known = {field.name: field for field in fields(Spec)}
    for key in values:
        if key not in known:
            raise unknown_name("key", key, known)
    if missing := [key for key in ("name", "space", "data", "seeds", "recipe") if key not in values]:
        raise HarnessError(f"no {missing[0]}; wanted name, space, data, seeds and a table [recipe]")
    for key in ("name", "space", "data", "description"):
        if not isinstance(values.get(key, ""), str):
            raise HarnessError(f"{key}: wanted a text, not {values[key]!r}")
    if not re.fullmatch(r"\w[\w.+@-]*", values["name"]):  # files are called after it
        raise HarnessError(f"name: wanted letters, digits and .+@-_, not {values['name']!r}")
    for key, options in (("space", SPACES), ("data", dataset_names())):
        if values[key] not in options:
            raise unknown_name(key, values[key], options)
    seeds = values["seeds"]
    whole = isinstance(seeds, list) and all(type(seed) is int and seed >= 0 for seed in seeds)
    if not whole or not seeds or len(set(seeds)) < len(seeds):
        raise HarnessError(f"seeds: wanted a list of different whole numbers such as [0, 1, 2], not {seeds!r}")
    for key in ("split", "architectures"):
        if type(values.get(key, 0)) is not int or values.get(key, 0) < 0:
            raise HarnessError(f"{key}: wanted a whole number of at least 0, not {values[key]!r}")
    if not isinstance(values["recipe"], Mapping):
        raise HarnessError(f"recipe: wanted a table such as [recipe] epochs = 15, not {values['recipe']!r}")
    shares = values.get("shares", Spec.shares)
    if not isinstance(shares, list | tuple) or len(shares) != 3 or not all(type(share) is float for share in shares):
        raise HarnessError(
            f"shares: wanted three numbers, train, valid and test, such as [0.5, 0.25, 0.25], not {shares!r}"
        )
    if min(shares) <= 0 or not math.isclose(sum(shares), 1):
        raise HarnessError(f"shares: wanted three positive numbers with the sum 1, not {list(shares)}")
    return Spec(
        **{**values, "seeds": tuple(seeds), "shares": tuple(shares), "recipe": recipe_from(values["recipe"], "recipe")}
    )


def architectures_of(spec: Spec, space: Space) -> list[Arch]:
    """The architectures to be trained, one a distinct computation, in a random order.

    Random, so that the time that is left can be told, and what is there of an unfinished table is a sample of all.

    Raises
    ------
    HarnessError
        If the space is too large to be recorded whole, or has fewer architectures than are wanted.
    """
    rng = generator("record", spec.space, "order")
    if not spec.architectures:
        if space.size > LARGEST:
            raise HarnessError(
                f"space {spec.space}: {space.size:,} encodings are too many to record all; say architectures = 1000"
            )
        distinct = sorted({space.canonical(space.arch(index)) for index in range(space.size)})
        return [distinct[place] for place in rng.permutation(len(distinct))]
    found: dict[Arch, None] = {}
    draws = 0
    while len(found) < spec.architectures:
        if (draws := draws + 1) > 100 * spec.architectures + 1000:
            raise HarnessError(f"space {spec.space}: it has no {spec.architectures:,} distinct architectures to draw")
        found[space.canonical(space.sample(rng))] = None
    return list(found)
