"""Computing many paths on one batch, and what they have in common only once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from harness.supernets.graph import MixedGraph
from harness.supernets.mixed import Fan
from harness.training.cells import Cell


class Recalled:
    """A function that is not computed again where it is called with the very tensors of its last call.

    Parameters
    ----------
    function
        Of tensors, which nobody changes in place, and of nothing else.
    """

    def __init__(self, function: Callable[..., Tensor]) -> None:
        self._function = function
        self._arguments: tuple[Tensor, ...] = ()
        self._result: Tensor | None = None

    def __call__(self, *arguments: Tensor) -> Tensor:
        """The result; the same object for the same objects."""
        if self._result is None or any(one is not other for one, other in zip(arguments, self._arguments, strict=True)):
            self._arguments, self._result = arguments, self._function(*arguments)
        return self._result


@contextmanager
def recalling(network: nn.Module) -> Iterator[None]:
    """Inside, a supernet of one cell remembers what its stem, its inputs, every candidate and every sum last computed.

    Paths that agree in their first edges and come one after the other, on one batch object, then compute these once: the same
    numbers, to the bit. To be used without gradients, in evaluation mode, while no weight moves. In a network of several cells
    nothing is remembered: what the later ones read differs from path to path, and the memory would be that of all candidates.
    """
    graphs = [module for module in network.modules() if isinstance(module, MixedGraph)]
    if len(graphs) != 1:
        yield
        return
    (graph,) = graphs
    stems = [child for name, child in network.named_children() if name == "stem"]
    inputs = [child for cell in network.modules() if isinstance(cell, Cell) for child in cell.children()]
    fans = [module for module in graph.modules() if isinstance(module, Fan)]
    candidates = [candidate for fan in fans for edge in fan.edges for candidate in edge.children()]
    remembering = [*stems, *(child for child in inputs if child is not graph), *candidates]
    sums = graph.sums
    try:
        for module in remembering:
            module.forward = Recalled(module.forward)
        graph.sums = [Recalled(function) for function in sums]
        yield
    finally:
        for module in remembering:
            vars(module).pop("forward", None)  # the class has it again
        graph.sums = sums
