"""A cell space in a plug-in: NAS-Bench-201's with three nodes and three operations, so 27 cells."""

from harness import CellSpace, register_cell_space


@register_cell_space("triangle")
class Triangle(CellSpace):
    """The text is ``|op~0|+|op~0|op~1|``."""

    edges = ((0, 1), (0, 2), (1, 2))
    primitives = ("none", "skip_connect", "nor_conv_3x3")
