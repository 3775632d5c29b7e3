"""Architectures together with the recipes that they are trained by, as one space. No torch here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from harness.errors import HarnessError
from harness.spaces.base import Arch, CategoricalSpace, Space
from harness.training.settings import LiveSettings, Recipe

BETWEEN = " @ "  # the text of an architecture, and that of its recipe


class JointSpace(Space):
    """The variables of architectures, then those of recipes.

    Parameters
    ----------
    architectures
        What is trained.
    settings
        How, but for its `choices`, of which each is a variable.

    Notes
    -----
    Dai et al., "FBNetV3: Joint architecture-recipe search using predictor pretraining", CVPR 2021, search both together.
    """

    def __init__(self, architectures: Space, settings: LiveSettings) -> None:
        self.name = f"{architectures.name} with recipes"
        self.kind = architectures.kind
        self.architectures = architectures
        self.recipes = CategoricalSpace(
            "recipes", {key: [f"{v:g}" for v in values] for key, values in settings.choices}
        )
        self.cardinalities = (*architectures.cardinalities, *self.recipes.cardinalities)
        self._settings = settings

    def describe(self) -> dict[str, Any]:
        """Both parts."""
        parts = {"architectures": self.architectures.describe(), "recipes": self.recipes.describe()}
        return super().describe() | parts

    def split(self, arch: Sequence[int]) -> tuple[Arch, Arch]:
        """The architecture itself, and the choices of its recipe."""
        arch, border = self.validate(arch), len(self.architectures.cardinalities)
        return arch[:border], arch[border:]

    def canonical(self, arch: Sequence[int]) -> Arch:
        """One representative of the architecture, with its recipe."""
        architecture, choices = self.split(arch)
        return (*self.architectures.canonical(architecture), *choices)

    def parse(self, text: str) -> Arch:
        """Read ``architecture @ name=value,...``."""
        architecture, between, recipe = text.rpartition(BETWEEN)
        if not between:
            raise HarnessError(f"space {self.name}: {text!r} has no recipe; wanted ARCHITECTURE{BETWEEN}NAME=VALUE,...")
        return (*self.architectures.parse(architecture), *self.recipes.parse(recipe))

    def format(self, arch: Sequence[int]) -> str:
        """Write the text that `parse` reads."""
        architecture, choices = self.split(arch)
        return BETWEEN.join([self.architectures.format(architecture), self.recipes.format(choices)])

    def recipe(self, arch: Sequence[int], *, proxy: bool) -> Recipe:
        """How an architecture is trained in the end, or as a `proxy` during the search.

        A recipe with a share of the suite's epochs has the same share of those of a proxy, rounded, and at least one.
        """
        _, choices = self.split(arch)
        chosen: dict[str, Any] = {
            key: values[choice] for (key, values), choice in zip(self._settings.choices, choices, strict=True)
        }
        whole = self._settings.evaluation
        if proxy:
            share = chosen.get("epochs", whole.epochs) / whole.epochs
            chosen["epochs"] = max(1, round(share * self._settings.proxy.epochs))
        return replace(whole, **chosen)


def space_of_search(architectures: Space, settings: LiveSettings) -> Space:
    """What is searched: architectures, with their recipes where settings leave a choice."""
    return JointSpace(architectures, settings) if settings.choices else architectures
