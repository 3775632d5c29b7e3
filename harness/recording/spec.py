"""What is to be recorded: a space, images, a recipe and seeds, from a TOML file."""

from __future__ import annotations

import dataclasses
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta, Struct
from msgspec.structs import asdict

from harness.errors import HarnessError, unknown_name
from harness.images.registry import dataset_names
from harness.live.benchmark import LiveBenchmark
from harness.spaces.base import Arch, Space
from harness.spaces.registry import cell_space_names
from harness.streams import generator
from harness.system.shapes import json_schema, says, shaped
from harness.tabular.recorded import shipped_files
from harness.training.settings import Recipe, recipe_from, schema_parts

if TYPE_CHECKING:
    from harness.training.data import Splits

LARGEST = 1_000_000  # encodings of a space that is recorded whole
# What messages say of values.
_SEEDS = ": wanted a list of different whole numbers such as [0, 1, 2]"
_WHOLE = ": wanted a whole number of at least 0"
_SHARES = (
    ": wanted three numbers, train, valid and test, such as [0.5, 0.25, 0.25]: three positive numbers with the sum 1"
)


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
        return dataclasses.asdict(self) | {
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


class SpecFile(Struct, kw_only=True, forbid_unknown_fields=True):
    """What the TOML file of a specification holds."""

    name: Annotated[
        str,
        # Files are called after it.
        says(": wanted a text of letters, digits and .+@-_", "Name of the table.", pattern=r"^\w[\w.+@-]*$(?!\n)"),
    ]
    space: Annotated[str, says(": wanted a text", "Cell space, e.g. nasbench201.")]
    data: Annotated[str, says(": wanted a text", "Images that `nas-harness ls images` lists.")]
    seeds: Annotated[
        list[Annotated[int, Meta(ge=0)]],
        says(_SEEDS, "Training seeds of every architecture.", min_length=1, extra_json_schema={"uniqueItems": True}),
    ]
    recipe: Annotated[
        dict[str, Any],
        says(
            ": wanted a table such as [recipe] epochs = 15",
            "How each architecture is trained.",
            extra_json_schema={"$ref": "#/$defs/Recipe"},
        ),
    ]
    split: Annotated[int, says(_WHOLE, "Seed of the split, the same for all trainings.", ge=0)] = 0
    shares: Annotated[
        tuple[float, float, float], says(_SHARES, "Shares of the images that train, validate and test.")
    ] = (0.5, 0.25, 0.25)
    architectures: Annotated[int, says(_WHOLE, "How many are recorded, drawn at random; 0 for all.", ge=0)] = 0
    description: Annotated[str, says(": wanted a text", "One sentence for the card.")] = ""


def spec_schema() -> dict[str, Any]:
    """Return the JSON schema of a specification's file."""
    return schema_parts(json_schema("nas-harness record", SpecFile, Recipe))


def make_spec(values: Mapping[str, Any]) -> Spec:
    """A specification from the content of a TOML file; see `load_spec`."""
    if missing := [key for key in ("name", "space", "data", "seeds", "recipe") if key not in values]:
        raise HarnessError(f"no {missing[0]}; wanted name, space, data, seeds and a table [recipe]")
    file = shaped(SpecFile, values)
    for key, name, options in (("space", file.space, cell_space_names()), ("data", file.data, dataset_names())):
        if name not in options:
            raise unknown_name(key, name, options)
    if len(set(file.seeds)) < len(file.seeds):
        raise HarnessError(f"seeds{_SEEDS}, not {file.seeds!r}")
    if min(file.shares) <= 0 or not math.isclose(sum(file.shares), 1):
        raise HarnessError(f"shares{_SHARES}, not {list(file.shares)}")
    recipe = recipe_from(file.recipe, "recipe")
    return Spec(**asdict(file) | {"seeds": tuple(file.seeds), "recipe": recipe})


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
