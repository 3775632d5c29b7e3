"""Four words for every method and benchmark: how hardware-aware architecture search is told apart.

The four categories are those of the survey of Benmeziane et al., "A comprehensive survey on hardware-aware neural architecture
search", 2021: search space, search strategy, acceleration technique and hardware cost estimation. The words are closed lists,
so that reports can be compared; a new kind of method is a new word here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from harness.errors import HarnessError, unknown_name

# What is searched. "any": whatever categorical space the benchmark has.
SearchSpace = Literal["any", "cell", "layer-wise", "sizes", "categorical"]
# How. "any": a benchmark on which every method can be run; "none": nothing is searched, architectures are named.
SearchStrategy = Literal[
    "any",
    "none",
    "random",
    "local search",
    "evolution",
    "reinforcement learning",
    "gradient",
    "bayesian",
    "bandit",
    "predictor",
]
# What makes judging an architecture cheaper than training it. "lookup": somebody has trained all of them.
Acceleration = Literal["none", "lookup", "weight sharing", "early stopping", "zero-cost proxy", "predictor"]
# Where the cost on a device comes from. "lookup": a column of the table; "analytical": parameters and operations are counted.
HardwareCost = Literal["none", "lookup", "analytical", "predicted", "measured"]

_VOCABULARIES: dict[str, tuple[str, ...]] = {
    "space": get_args(SearchSpace),
    "strategy": get_args(SearchStrategy),
    "acceleration": get_args(Acceleration),
    "hardware_cost": get_args(HardwareCost),
}
KINDS = _VOCABULARIES["space"][1:]  # of spaces: all but "any"
COST_COLUMNS = ("latency", "energy", "params", "flops")


@dataclass(frozen=True)
class Taxonomy:
    """What kind of thing a method or a benchmark is.

    Attributes
    ----------
    space, strategy, acceleration, hardware_cost
        A word of `SearchSpace`, `SearchStrategy`, `Acceleration` and `HardwareCost` each.

    Raises
    ------
    HarnessError
        If a word is not of its list.
    """

    space: SearchSpace
    strategy: SearchStrategy
    acceleration: Acceleration
    hardware_cost: HardwareCost

    def __post_init__(self) -> None:
        for key, words in _VOCABULARIES.items():
            if getattr(self, key) not in words:
                raise unknown_name(key.replace("_", " "), str(getattr(self, key)), words, where="taxonomy")

    def as_json(self) -> dict[str, str]:
        """The words by category."""
        return dataclasses.asdict(self)


CATEGORIES = tuple(field.name for field in dataclasses.fields(Taxonomy))


def taxonomy_of_class(cls: type, kind: str, name: str) -> Taxonomy:
    """The taxonomy that a class states.

    Raises
    ------
    HarnessError
        If it states none, with the line to add.
    """
    stated: Any = getattr(cls, "taxonomy", None)
    if not isinstance(stated, Taxonomy):
        raise HarnessError(
            f"{kind} {name!r}: class {cls.__name__} states no taxonomy; add a line such as "
            'taxonomy = Taxonomy("any", "local search", "none", "none"), with from harness import Taxonomy'
        )
    return stated


def taxonomy_of_table(kind: SearchSpace, columns: Iterable[str]) -> Taxonomy:
    """The taxonomy of a table over a space of this kind with these columns."""
    has_cost = any(column.startswith(COST_COLUMNS) for column in columns)
    return Taxonomy(kind, "any", "lookup", "lookup" if has_cost else "none")
