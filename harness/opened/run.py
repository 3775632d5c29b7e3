"""A kept run as one object."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Literal, ParamSpec

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.errors import HarnessError, unknown_name
from harness.opened.kinds import FromElsewhere, Kind, OfHarness
from harness.opened.plots import Plots
from harness.opened.texts import Lines, Names
from harness.reporting.latex import render_latex
from harness.reporting.model import TableBlock
from harness.reporting.run import load_run
from harness.reporting.write import RESULTS
from harness.results.kept import load_results
from harness.running import runner
from harness.running.records import JOURNAL, RECORDS

P = ParamSpec("P")
_MOST = 3  # folders that a message names


class OpenedRun:
    """A kept run: its records, and the frames, figures and words of its report, made by the code that writes that.

    What it takes is computed when it is first asked for, and kept. `open_run` and `harness.run` return it.

    Attributes
    ----------
    folder
        Where it lies.
    methods, benchmarks
        Names, in order: of the rows and columns of frames, and of `scores`. With several budgets a method is
        ``label@budget``.
    plot
        The figures of the report: ``run.plot.forest()``, ``run.plot.anytime(methods=["local-search"])``; see
        `harness.opened.plots.Plot`.
    """

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self.folder = kind.folder
        self.methods, self.benchmarks = tuple(kind.methods), tuple(kind.benchmarks)
        self.plot = Plots(kind)

    @functools.cached_property
    def records(self) -> pd.DataFrame:
        """A row a cell, in the order of the suite, with the columns of `harness.running.records.RECORD_COLUMNS`.

        Of results from elsewhere a row a score, with those of `harness.results.model.RUN_COLUMNS`.
        """
        return self._kind.records

    def scores(self, *, normalized: bool = False) -> dict[str, NDArray[np.float64]]:
        """Return final test scores as arrays, a method each, as rliable takes them.

        Parameters
        ----------
        normalized
            Whether on the report's scale, which is 0 at the average architecture and 100 at the best of the table, so that
            higher is better; else in the benchmark's own unit and direction.

        Returns
        -------
        dict of str to (runs, benchmarks) floats
            Columns in the order of `benchmarks`, rows in that of the suite's seeds, or of the files that were imported. NaN
            where there is no score: a cell that failed, a method that was not run there.

        Raises
        ------
        HarnessError
            If a benchmark has no such scale.
        """
        return self._kind.scores(normalized)

    @functools.cached_property
    def frames(self) -> Names:
        """Names of all frames, with a line about each."""
        return Names({name: block.caption for name, block in self._blocks.items()})

    def frame(self, name: str) -> pd.DataFrame:
        """Return a frame of the report by name: what ``tables/NAME.csv`` of the report holds.

        Raises
        ------
        HarnessError
            If there is none of that name.
        """
        return self._block(name).exported().reset_index(drop=True)

    def to_latex(self, name: str, *, bold: Literal["best"] | None = None, bare: bool = False) -> str:
        """Return a table of the report as LaTeX.

        Parameters
        ----------
        name
            As of `frame`.
        bold
            ``"best"`` sets the best method of every comparison in bold (on one benchmark, over one baseline, at one budget).
            Best is by the number itself; whether it is told from the others, tests say.
        bare
            The tabular alone, for a float and a caption of one's own.

        Raises
        ------
        HarnessError
            If there is no such table, or nothing in it that compares.
        """
        block = self._block(name)
        if not block.columns:
            raise HarnessError(f"{name}: too long for a table; frame({name!r}) and the CSV file have it")
        if bold not in (None, "best"):
            raise HarnessError(f"bold: wanted 'best' or None, not {bold!r}")
        if bold and not block.best:
            valid = ", ".join(name for name, block in self._blocks.items() if block.best)
            raise HarnessError(f"{name}: nothing in it is best or worse; tables with bold='best': {valid}")
        return render_latex(block, block.best_cells() if bold else (), bare)

    @functools.cached_property
    def answer(self) -> Lines:
        """What the report says first: a sentence a method."""
        return Lines(map(str, self._kind.document.answer))

    @functools.cached_property
    def warnings(self) -> Lines:
        """What a reader of the answer must know."""
        return Lines(self._kind.document.warnings)

    def __repr__(self) -> str:
        return f"<OpenedRun {self._kind.name!r} in {self.folder}: {self._kind.facts}>"

    def _repr_html_(self) -> str:
        parts = [
            f"<p><b>{escape(self._kind.name)}</b> in <code>{escape(str(self.folder))}</code>: {escape(self._kind.facts)}</p>"
        ]
        parts += [f"<p><b>Warning.</b> {escape(warning)}</p>" for warning in self.warnings]
        return "".join([*parts, self.answer._repr_html_()])

    @functools.cached_property
    def _blocks(self) -> dict[str, TableBlock]:
        return {block.name: block for block in [*self._kind.document.tables(), *self._kind.beside()]}

    def _block(self, name: str) -> TableBlock:
        if name not in self._blocks:
            raise unknown_name("frame", name, self._blocks, where=str(self.folder))
        return self._blocks[name]


def open_run(folder: str | Path) -> OpenedRun:
    """Open a kept run: what `harness.run`, ``nas-harness run`` or ``nas-harness import-results`` left in a folder.

    Raises
    ------
    HarnessError
        If the folder holds no finished run, or a file of it is damaged.
    """
    folder = Path(folder)
    if (folder / RECORDS).is_file() or (folder / JOURNAL).is_file():
        return OpenedRun(OfHarness(load_run(folder)))
    if (folder / RESULTS).is_file():
        return OpenedRun(FromElsewhere(folder, load_results(folder)))
    near = [path for path in (folder.parent, *sorted(folder.glob("*/"))) if _holds_run(path)]
    hint = f"; there is one in {' and in '.join(map(str, near[:_MOST]))}" if near else ""
    raise HarnessError(
        f"{folder}: no run here, neither {RECORDS} nor {RESULTS}; wanted the output folder of `nas-harness run` or "
        f"`nas-harness import-results`{hint}"
    )


def _holds_run(folder: Path) -> bool:
    return any((folder / name).is_file() for name in (RECORDS, RESULTS))


def _opening(run: Callable[P, pd.DataFrame]) -> Callable[P, OpenedRun]:
    """Let a function that runs a suite return what it left, opened."""
    signature = inspect.signature(run)

    @functools.wraps(run)
    def opened(*args: P.args, **kwargs: P.kwargs) -> OpenedRun:
        run(*args, **kwargs)
        return open_run(signature.bind(*args, **kwargs).arguments["output"])

    opened.__signature__ = signature.replace(return_annotation="OpenedRun")  # type: ignore[attr-defined]
    return opened


run = _opening(runner.run)
