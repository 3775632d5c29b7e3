"""The figures of a report by name: whole, a part, or one panel in an axes of one's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, overload

from harness.errors import HarnessError, unknown_name
from harness.opened.texts import Names
from harness.reporting.model import FigureBlock
from harness.reporting.panels import View
from harness.reporting.style import in_style, in_their_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from harness.opened.kinds import Kind

FOREST = ("relative_improvement", "forest")  # its name in the report's folder, and here


class UnknownFigure(HarnessError, AttributeError):
    """There is no figure of this name; an attribute error too, since `Plots` is asked for it as for an attribute."""


class Plot:
    """A figure of the report, drawn when it is called."""

    def __init__(self, name: str, block: FigureBlock, kind: Kind) -> None:
        self._name, self._block, self._kind = name, block, kind
        self.__doc__ = block.caption

    def __repr__(self) -> str:
        picks = "".join(f", {pick}=" for pick in self._block.picks)
        return f"{self._name}(ax=None{picks}): {self._block.alt}"

    @overload
    def __call__(
        self,
        ax: None = None,
        *,
        methods: str | Sequence[str] | None = None,
        benchmarks: str | Sequence[str] | None = None,
    ) -> Figure: ...
    @overload
    def __call__(
        self,
        ax: Axes,
        *,
        methods: str | Sequence[str] | None = None,
        benchmarks: str | Sequence[str] | None = None,
        panel: str | None = None,
    ) -> Axes: ...
    def __call__(
        self,
        ax: Axes | None = None,
        *,
        methods: str | Sequence[str] | None = None,
        benchmarks: str | Sequence[str] | None = None,
        panel: str | None = None,
    ) -> Figure | Axes:
        """Draw the figure as the report has it, or a part of it.

        Only the drawing changes: numbers, adjusted p-values and colours are those of the whole run.

        Parameters
        ----------
        ax
            An axes for a single panel; None makes a figure.
        methods, benchmarks
            What is drawn, by name; None for all. A method's label stands for it at all budgets.
        panel
            Which panel is drawn into `ax`, where there are several; relative improvements are those over the main baseline.

        Returns
        -------
        Figure or Axes
            The axes that was given, or else a new figure, which a notebook shows.

        Raises
        ------
        HarnessError
            If a name is unknown, nothing is left to draw, or `ax` is given for several panels.
        """
        chosen = {"methods": methods, "benchmarks": benchmarks}
        for pick, value in chosen.items():
            if value is not None and pick not in self._block.picks:
                raise HarnessError(f"plot.{self._name}: there are no {pick} to choose from in it; leave {pick}= out")
        view = View(
            _hidden("method", methods, self._kind.methods),
            _hidden("benchmark", benchmarks, self._kind.benchmarks),
            ax,
            panel,
        )
        try:
            with in_style() if ax is None else in_their_style():
                figure = self._block.draw(view=view)
        except HarnessError as error:
            raise HarnessError(f"plot.{self._name}: {error}") from error
        return figure if ax is None else ax


class Plots:
    """The figures of a report, each an attribute by its name."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind

    def _all(self) -> dict[str, FigureBlock]:
        return {dict([FOREST]).get(block.name, block.name): block for block in self._kind.document.figures()}

    def __getattr__(self, name: str) -> Plot:
        if name.startswith("_"):  # asked by notebooks, copy and the like
            raise AttributeError(name)
        figures = self._all()
        if name not in figures:
            raise UnknownFigure(str(unknown_name("figure", name, figures, where=str(self._kind.folder))))
        return Plot(name, figures[name], self._kind)

    def __dir__(self) -> Iterable[str]:
        return self._all()

    def __repr__(self) -> str:
        return repr(Names({name: block.alt for name, block in self._all().items()}))


def _hidden(what: str, wanted: str | Sequence[str] | None, known: Mapping[str, str]) -> frozenset[str]:
    """Return the names that are left out where `wanted` are drawn; these are keys or values of `known`."""
    if wanted is None:
        return frozenset()
    texts = [wanted] if isinstance(wanted, str) else list(wanted)
    if not texts:
        raise HarnessError(f"{what}s: wanted some names, or None for all, not an empty list")
    for text in texts:
        if text not in known and text not in known.values():
            raise unknown_name(what, text, dict.fromkeys([*known, *known.values()]))
    return frozenset(name for name, other in known.items() if name not in texts and other not in texts)
