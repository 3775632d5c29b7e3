"""Networks around the cells of a space, by name, and the size that a network of a space has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import nn

from harness.errors import unknown_name
from harness.spaces.cells import CellSpace
from harness.training.networks import DartsNetwork, MakeCell, NASBench201Network, Shape, Stages
from harness.training.operations import OPERATIONS, Norm


@dataclass(frozen=True)
class Skeleton:
    """The network around the cells of a space.

    Attributes
    ----------
    network
        Makes it from its size, what makes a cell of it, the batch norm of all that is outside the cells, and how many times its
        channels a cell puts out. Its call is ``network(images, *groups)``, and a cell's ``cell(inputs, group)``: what is given
        of the cell's group, or None.
    shape
        Makes its size.
    auxiliary
        Whether it can be trained with an auxiliary head, which is written for `DartsNetwork`.
    """

    network: Callable[[Shape, MakeCell, Norm, int], nn.Module]
    shape: type[Shape] = Shape
    auxiliary: bool = False


SKELETONS: Mapping[str, Skeleton] = {
    "darts": Skeleton(DartsNetwork, auxiliary=True),
    "nasbench201": Skeleton(NASBench201Network, Stages),
}


def skeleton_of(where: CellSpace) -> Skeleton:
    """The network around the cells of a space."""
    return where.own_skeleton() or SKELETONS[where.skeleton]


def shape_of(
    where: CellSpace, channels: int, cells: int, image: tuple[int, int, int], classes: int, reductions: int = 2
) -> Shape:
    """The size of a network of a space; see `harness.training.networks.Shape`.

    Raises
    ------
    HarnessError
        If there is no such network, or the space names an operation that nothing makes.
    """
    known = {**OPERATIONS, **where.own_operations}
    for name in where.primitives:
        if name not in known:
            raise unknown_name("operation", name, known, where=f"cell space {where.name}")
    return skeleton_of(where).shape(channels, cells, image, classes, reductions)
