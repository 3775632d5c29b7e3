"""What a notebook shows of a benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from harness.system.texts import facts_html

if TYPE_CHECKING:
    from harness.spaces.base import Space
    from harness.taxonomy import Taxonomy


class Shown(Protocol):
    """What tables and live benchmarks have in common."""

    @property
    def name(self) -> str:
        """Name in a suite."""

    @property
    def dataset(self) -> str:
        """What architectures were, or are, trained on."""

    @property
    def space(self) -> Space:
        """The search space."""

    @property
    def metric(self) -> str:
        """What scores measure."""

    @property
    def unit(self) -> str:
        """Unit of scores."""

    @property
    def direction(self) -> str:
        """Whether larger or smaller scores are better."""

    @property
    def taxonomy(self) -> Taxonomy:
        """What kind of benchmark it is, in four words."""


def benchmark_html(benchmark: Shown, about: str, more: Mapping[str, str]) -> str:
    """Return a table of facts as HTML."""
    facts = {
        "about": about,
        "data set": benchmark.dataset,
        "space": f"{benchmark.space.name}, {benchmark.space.size:,} encodings",
        "scores": f"{benchmark.metric} in {benchmark.unit}, better is {benchmark.direction}",
        "kind": ", ".join(f"{key.replace('_', ' ')} {word}" for key, word in benchmark.taxonomy.as_json().items()),
    }
    return facts_html(benchmark.name, facts | dict(more))
