"""Columns of architectures on benchmarks that train them: counted, or those of the table that a supernet is judged by."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from harness.errors import HarnessError
from harness.spaces.base import Arch
from harness.tabular.table import Table
from harness.training import discrete
from harness.training.networks import Shape


@dataclass(frozen=True)
class Counted:
    """What is counted of the network of an architecture.

    Parameters
    ----------
    space, shape
        The network; that of the evaluation, as in records and in recorded tables.
    names
        Of ``params``, its weights, and ``flops``, floating point operations of one image: twice the multiply-adds.
    """

    space: str
    shape: Shape
    names: tuple[str, ...]

    def __call__(self, arch: Arch) -> dict[str, float]:
        """Count the columns of an architecture."""
        count: Mapping[str, Callable[[], float]] = {
            "params": lambda: float(discrete.parameters(self.space, arch, self.shape)),
            "flops": lambda: 2.0 * discrete.multiply_adds(self.space, arch, self.shape),
        }
        return {name: count[name]() for name in self.names}


class LookedUp:
    """Columns of a table.

    Parameters
    ----------
    table
        Where they are taken from; no reference to it is kept, and nothing of its other columns.
    names
        Columns that a method may see.
    """

    def __init__(self, table: Table, names: Sequence[str]) -> None:
        self._name, self._space, self._rows = table.name, table.space, table.rows
        self._columns = table.visible(tuple(names))

    def __call__(self, arch: Arch) -> dict[str, float]:
        """Look an architecture up."""
        row = int(self._rows[self._space.index(arch)])
        if row < 0:
            raise HarnessError(f"architecture {self._space.format(arch)} is not in table {self._name}")
        return {name: float(column[row]) for name, column in self._columns.items()}
