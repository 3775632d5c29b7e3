"""What the cells of a space have in common, whether they are an architecture's or a supernet's."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from harness.spaces.cells import CellSpace
from harness.training.networks import Place, preprocess
from harness.training.operations import Norm, operation, side_by_side


class Cell(nn.Module):
    """A cell at its place in a network: its inputs, brought to its channels, its nodes, and what it puts out.

    Parameters
    ----------
    where
        The cell space.
    place
        Where it stands.
    norm
        Batch norm.
    """

    def __init__(self, where: CellSpace, place: Place, norm: Norm) -> None:
        super().__init__()
        self.where, self.place, self.norm = where, place, norm
        self.groups = 1  # networks in one, see `harness.training.grouped`
        for number, (channels, reduced) in enumerate(place.inputs):
            self.add_module(f"preprocess_{number}", preprocess(channels, place.channels, reduced, norm))

    def operation(self, name: str, source: int, divisor: int = 1) -> nn.Module:
        """An operation of the space on an edge from a state: of stride 2 where it starts at an input of a reduction.

        Parameters
        ----------
        name, source
            The operation, and the state.
        divisor
            Of how many parts of the state's channels it takes one.
        """
        channels = self.place.channels // divisor
        stride = 2 if self.place.reduction and source < self.where.inputs else 1
        if name in self.where.own_operations:
            made: nn.Module = self.where.own_operations[name](channels, stride, self.norm)
            return made
        return operation(name, channels, stride, self.norm)

    def forward(self, inputs: Sequence[Tensor], group: Any = None) -> Tensor:
        """What the cell puts out, (n, width * channels, height, width).

        Parameters
        ----------
        inputs
            One a state that is an input, (n, channels, height, width).
        group
            What the network was given of the cell's group.
        """
        states = list(inputs)
        for number in range(len(self.place.inputs)):
            states[number] = self.get_submodule(f"preprocess_{number}")(inputs[number])
        nodes = self.nodes(states, group)
        return nodes[-1] if self.where.output == "last" else side_by_side(nodes, self.groups)

    @abstractmethod
    def nodes(self, states: Sequence[Tensor], group: Any) -> Sequence[Tensor]:
        """Values of the nodes from those of the input states."""
