"""Images and cell spaces of a script or an interactive session: workers are sent them, since they would not know them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.images.registry import Loader, register_all, registered_elsewhere
from harness.spaces.cells import CellSpace
from harness.spaces.registry import register_spaces, spaces_elsewhere


@dataclass(frozen=True)
class Elsewhere:
    """What is registered neither in the package nor in a plug-in file.

    Attributes
    ----------
    images, spaces
        By name.
    """

    images: Mapping[str, Loader] = field(default_factory=dict)
    spaces: Mapping[str, type[CellSpace]] = field(default_factory=dict)

    @classmethod
    def of_this_process(cls) -> Elsewhere:
        """What this process has."""
        return cls(registered_elsewhere(), spaces_elsewhere())

    def register(self) -> None:
        """Called in a worker: make it known there too."""
        register_all(self.images)
        register_spaces(self.spaces)
