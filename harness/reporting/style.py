"""One look for all figures: the methods' colours and marks, and the style in force while a figure is drawn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import matplotlib

from harness.reporting.frames.curves import EXACT
from harness.reporting.run import Run

# Okabe & Ito's colours, which colour-blind readers tell apart; yellow, faint on white, comes last. Random search has the greys.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442")
MARKERS = "osD^vPX"
LINES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (5, 1, 1, 1)))

RC: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 8,
    "axes.titlesize": 8.5,
    "axes.titlelocation": "left",
    "axes.labelcolor": "#333333",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#888888",
    "axes.linewidth": 0.7,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.6,
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "legend.frameon": False,
    "text.parse_math": False,  # a dollar in a label is a dollar
    "svg.fonttype": "path",  # the same everywhere
    "svg.hashsalt": "nas-harness",
}

DPI = 130  # of figures as pixels


@dataclass(frozen=True)
class Mark:
    """How a method is drawn in every figure."""

    colour: str
    marker: str = "o"
    line: Any = "-"


Marks = Mapping[str, Mark]
EXACT_MARK, CHECK_COLOUR = Mark("#222222", "d"), "#7a7a7a"
FRONT_MARK = Mark("#222222", line=(0, (1, 1)))  # a table's own Pareto front


def in_style() -> AbstractContextManager[None]:
    """Return the context in which figures are drawn and saved; matplotlib's own settings are as before after it."""
    return matplotlib.rc_context(RC)


def in_their_style() -> AbstractContextManager[None]:
    """Return the context for drawing into somebody's axes: fonts, grids and places of titles stay as they have them."""
    return matplotlib.rc_context({"text.parse_math": False})


def marks_of(run: Run) -> Marks:
    """Return the mark of every entrant: a colour a method, a line a budget, grey for simulated random search."""
    labels = list(dict.fromkeys(entrant.method.label for entrant in run.entrants if not entrant.is_check))
    budgets = list(dict.fromkeys(entrant.budget for entrant in run.entrants))
    found = {EXACT: EXACT_MARK}
    for entrant in run.entrants:
        line = budgets.index(entrant.budget)
        if entrant.is_check:
            found[entrant.name] = Mark(CHECK_COLOUR, "x", LINES[line % len(LINES)])
        else:
            found[entrant.name] = _mark(labels.index(entrant.method.label), line)
    return found


def marks_for(methods: Iterable[str]) -> Marks:
    """Return marks for methods in the order given, for a plot that is drawn on its own."""
    others = (method for method in dict.fromkeys(methods) if method != EXACT)
    return {EXACT: EXACT_MARK} | {method: _mark(place) for place, method in enumerate(others)}


def short(label: str, width: int = 32) -> str:
    """Return a label cut to what fits into a figure."""
    return label if len(label) <= width else f"{label[: width - 1]}…"


def _mark(place: int, line: int = 0) -> Mark:
    # Where the colours are used up, another marker and another line keep methods apart.
    turn = place // len(COLOURS)
    return Mark(
        COLOURS[place % len(COLOURS)], MARKERS[(place + turn) % len(MARKERS)], LINES[(line + turn) % len(LINES)]
    )
