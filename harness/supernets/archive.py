"""What a sampler remembers: the architectures that were trained so far, and how far others are from them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import overload

import numpy as np
from numpy.typing import NDArray

from harness.spaces.base import Arch
from harness.supernets.graph import Searchable

Counts = NDArray[np.unsignedinteger]


class Archive(Sequence[Arch]):
    """Architectures in the order in which they were trained.

    Beside them it keeps the candidate on every edge of the supernet in one array that doubles when it is full, so that neither
    adding an architecture nor comparing others with all of them walks through Python objects.

    Parameters
    ----------
    where
        The cell space.
    archs
        What was trained before.
    """

    def __init__(self, where: Searchable, archs: Sequence[Arch] = ()) -> None:
        self._where = where
        self._archs: list[Arch] = []
        self._edges = sum(where.groups.values())
        # Edge by edge, so that what is compared at once lies side by side.
        self._choices = np.empty((self._edges, 64), dtype=np.uint8)
        for arch in archs:
            self.append(arch)

    def append(self, arch: Arch) -> None:
        """Remember an architecture."""
        place, room = len(self._archs), self._choices.shape[1]
        if place == room:
            self._choices = np.concatenate([self._choices, np.empty_like(self._choices)], axis=1)
        self._choices[:, place] = self._on_edges(arch)
        self._archs.append(arch)

    def distances(self, archs: Sequence[Arch]) -> Counts:
        """Hamming distances on edges: on how many edges of the supernet another candidate stands, (archs, remembered)."""
        others, known = np.array([self._on_edges(arch) for arch in archs]), self._choices[:, : len(self)]
        found = np.zeros((len(archs), len(self)), dtype=np.min_scalar_type(self._edges))
        for other, edge in zip(others.T, known, strict=True):
            found += other[:, None] != edge
        return found

    def _on_edges(self, arch: Arch) -> NDArray[np.uint8]:
        choices = self._where.choices(arch)
        return np.fromiter(chain.from_iterable(choices[group] for group in self._where.groups), dtype=np.uint8)

    def __len__(self) -> int:
        return len(self._archs)

    @overload
    def __getitem__(self, place: int) -> Arch: ...
    @overload
    def __getitem__(self, place: slice) -> list[Arch]: ...
    def __getitem__(self, place: int | slice) -> Arch | list[Arch]:
        return self._archs[place]
