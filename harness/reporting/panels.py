"""Figures of panels: all of one, or a part of it, in a figure of its own or a single panel in somebody's axes."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from harness.errors import HarnessError, unknown_name
from harness.reporting.style import DPI, Marks, in_style, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 9.0  # inches
LEGEND_ROWS, LEGEND_ROW = 2, 0.17  # rows of a legend that a figure has room for; inches of every further one
OF_AXES = 7  # points of a legend within an axes

Share = Literal["none", "all", "row", "col"]


@dataclass(frozen=True)
class View:
    """What of a figure is drawn, and where; by default all of it, in a figure of its own.

    Attributes
    ----------
    hidden_methods, hidden_benchmarks
        Names of what is left out. Only the drawing changes: numbers, tests and colours are those of the whole run.
    ax
        Where a single panel is drawn; None makes a figure.
    panel
        Which one that is, where the figure has several.
    """

    hidden_methods: frozenset[str] = frozenset()
    hidden_benchmarks: frozenset[str] = frozenset()
    ax: Axes | None = None
    panel: str | None = None

    def of(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of a frame that are drawn, by its columns ``method`` and ``benchmark``, as far as it has these.

        Raises
        ------
        HarnessError
            If none is left.
        """
        rows = frame
        for column, hidden in (("method", self.hidden_methods), ("benchmark", self.hidden_benchmarks)):
            if hidden and column in rows:
                rows = rows[~rows[column].isin(hidden)]
        if len(rows) == 0 < len(frame):
            raise HarnessError("nothing is left to draw of these methods on these benchmarks; choose others")
        return rows

    def place(self, names: Sequence[str], main: int | None = None) -> int:
        """Return which of the panels `names` is drawn into `ax`; `main` is that which is meant where none is named.

        Raises
        ------
        HarnessError
            If there are several and none is named, or there is none of that name.
        """
        if self.panel is not None:
            if self.panel not in names:
                raise unknown_name("panel", self.panel, names)
            return names.index(self.panel)
        if len(names) == 1:
            return 0
        if main is None:
            listed = ", ".join(map(repr, names))
            raise HarnessError(f"an axes holds one panel, and there are {len(names)}; say panel= one of {listed}")
        return main


WHOLE = View()


def figure_of(ax: Axes) -> Figure:
    """Return the figure that an axes is in."""
    figure = ax.get_figure(root=True)
    assert isinstance(figure, Figure)  # an axes that was removed has none
    return figure


class Drawing(Figure):
    """A figure that a notebook shows by itself, whatever backend is in force."""

    def _repr_png_(self) -> bytes:
        stream = io.BytesIO()
        with in_style():
            self.savefig(stream, format="png", dpi=DPI, metadata={"Software": None})
        return stream.getvalue()


class Panels:
    """The panels of a figure, in rows, under one legend; iterating gives the number and the axes of each that is drawn.

    Parameters
    ----------
    view
        Whether all are drawn, or one of them into an axes that is there.
    names
        What they are called, in order.
    figsize
        (2,) inches of a figure of its own.
    columns
        Panels a row.
    places
        Places within the rows, from 0; None for one after the other.
    sharex, sharey
        As `matplotlib.figure.Figure.subplots` has them.
    main
        Number of the panel that is meant where an axes is given and no panel named; None if there is no such.
    """

    def __init__(
        self,
        view: View,
        names: Sequence[str],
        figsize: tuple[float, float],
        columns: int = 1,
        *,
        places: Sequence[int] | None = None,
        sharex: Share = "none",
        sharey: Share = "none",
        main: int | None = None,
    ) -> None:
        self.alone = view.ax is not None
        if view.ax is not None:
            self._shown = [(view.place(names, main), view.ax)]
            self.figure: Figure = figure_of(view.ax)
            return
        if view.panel is not None:
            raise HarnessError(f"panel {view.panel!r}: wanted an axes for it, ax=")
        self.figure = Drawing(figsize=figsize, layout="constrained")
        places = range(len(names)) if places is None else places
        rows = max(places) // columns + 1
        axes = self.figure.subplots(rows, columns, squeeze=False, sharex=sharex, sharey=sharey).ravel()
        for place in set(range(len(axes))).difference(places):
            axes[place].remove()
        self._shown = [(number, axes[place]) for number, place in enumerate(places)]

    def __iter__(self) -> Iterator[tuple[int, Axes]]:
        return iter(self._shown)

    @property
    def axes(self) -> list[Axes]:
        """Axes of the panels that are drawn."""
        return [ax for _, ax in self._shown]

    def xlabel(self, text: str) -> None:
        """Put a label below all panels."""
        if self.alone:
            self.axes[0].set_xlabel(text)
        else:
            self.figure.supxlabel(text, fontsize=8)

    def ylabel(self, text: str) -> None:
        """Put a label on the left of all panels."""
        if self.alone:
            self.axes[0].set_ylabel(text)
        else:
            self.figure.supylabel(text, fontsize=8)

    def legend(
        self, marks: Marks, names: Iterable[str], markers: bool = False, labels: Mapping[str, str] | None = None
    ) -> None:
        """Put a legend above all panels, as wide as the figure; `labels` has the shown names where they differ."""
        handles: list[Any] = []
        texts = []
        for name in names:
            mark = marks[name]
            marker = mark.marker if markers else None
            handles.append(
                Line2D([], [], color=mark.colour, linestyle=mark.line, linewidth=1.6, marker=marker, markersize=4)
            )
            label = short(labels[name] if labels else name)
            # A label with an underscore in front would be left out; a joiner of no width in front keeps it.
            texts.append(f"\u2060{label}" if label.startswith("_") else label)
        inches = 0.6 + 0.065 * max(map(len, texts), default=0)
        if not self.alone and len(texts) > LEGEND_ROWS * int(self.figure.get_figwidth() / inches):
            self.figure.set_figwidth(WIDTH)
        columns = max(1, min(len(texts), int(self.figure.get_figwidth() / inches)))
        self.put_legend(handles, texts, columns)

    def put_legend(self, handles: Sequence[Any], texts: Sequence[str], columns: int) -> None:
        """Put a legend with these entries above all panels, or into the one that is drawn."""
        if self.alone:
            self.axes[0].legend(handles, texts, fontsize=OF_AXES)
            return
        # Panels keep their height under a tall legend.
        rows = math.ceil(len(texts) / columns)
        self.figure.set_figheight(self.figure.get_figheight() + LEGEND_ROW * max(0, rows - LEGEND_ROWS))
        self.figure.legend(handles, texts, loc="outside upper center", ncols=columns)
