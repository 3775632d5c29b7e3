"""A cell space in a plug-in: two nodes in DARTS's network, one kind of cell, one edge into each node, an operation of its own."""

from typing import ClassVar

from harness import CellSpace, register_cell_space


def mean(channels, stride, norm):
    """A mean over 3x3 pixels, with a batch norm."""
    from torch import nn

    return nn.Sequential(nn.AvgPool2d(3, stride, padding=1), norm(channels))


@register_cell_space("fork")
class Fork(CellSpace):
    """The text is ``|op~0|op~1|+|op~0|op~1|op~2|``."""

    inputs = 2
    edges = ((0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
    primitives = ("skip_connect", "mean", "none")
    cells: ClassVar = {"both": "normal and reduction cell"}
    output = "concat"
    fan_in = 1
    skeleton = "darts"
    own_operations: ClassVar = {"mean": mean}
