"""The kinds of runs that can be opened: those of this harness, and results from elsewhere."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.errors import HarnessError
from harness.reporting.answer import facts
from harness.reporting.build import beside, make_document
from harness.reporting.frames.robust import normalised, scaled
from harness.reporting.model import Document, TableBlock
from harness.reporting.run import Run
from harness.results.document import facts as facts_of_results
from harness.results.document import make_document as document_of_results
from harness.results.faults import all_faults
from harness.results.model import RUN_COLUMNS, Results
from harness.running.columns import RECORD_COLUMNS

FloatArray = NDArray[np.float64]


class Kind(ABC):
    """What an opened run is read from.

    Attributes
    ----------
    folder
        Where it lies.
    name
        What it is called.
    methods
        For every method its name without a budget, by its name in frames and figures.
    benchmarks
        For every benchmark what figures call it, by its name.
    """

    folder: Path
    name: str
    methods: Mapping[str, str]
    benchmarks: Mapping[str, str]

    @property
    @abstractmethod
    def facts(self) -> str:
        """What was run, in one line."""

    @property
    @abstractmethod
    def records(self) -> pd.DataFrame:
        """A row a run."""

    @abstractmethod
    def scores(self, normalized: bool) -> dict[str, FloatArray]:
        """(runs, benchmarks) final scores by method; NaN where there is none."""

    @cached_property
    @abstractmethod
    def document(self) -> Document:
        """What its report says."""

    def beside(self) -> list[TableBlock]:
        """Frames that stand beside the document."""
        return []


class OfHarness(Kind):
    """A run of this harness, on tables, live or one-shot."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.folder, self.name = run.folder, str(run.resolved["name"])
        self.methods = {entrant.name: entrant.method.label for entrant in run.entrants}
        self.benchmarks = run.titles

    @property
    def facts(self) -> str:
        """Methods, benchmarks, seeds and budgets."""
        return facts(self._run)

    @property
    def records(self) -> pd.DataFrame:
        """The records of the suite's cells, in its order."""
        return self._run.cells[list(RECORD_COLUMNS)].copy()

    def scores(self, normalized: bool) -> dict[str, FloatArray]:
        """Test scores: rows as the suite's seeds, columns as its benchmarks."""
        run = self._run
        if normalized and (without := [one.name for one in run.benchmarks if one not in scaled(run)]):
            raise HarnessError(
                f"{run.folder}: no normalised scores on {without[0]}: they need the table, with an architecture above the "
                "average, and a budget that says how many architectures random search draws; take scores() as they are"
            )
        found: dict[str, list[FloatArray]] = {entrant.name: [] for entrant in run.entrants}
        for benchmark in run.benchmarks:
            for entrant in run.entrants:
                cells = run.finished(run.group(benchmark, entrant)).set_index("seed")
                column = cells["test"].reindex(list(run.seeds)).to_numpy(dtype=np.float64)
                found[entrant.name].append(normalised(benchmark, column) if normalized else column)
        return {name: np.column_stack(columns) for name, columns in found.items()}

    @cached_property
    def document(self) -> Document:
        """What the report says, before anything is rendered."""
        return make_document(self._run)

    def beside(self) -> list[TableBlock]:
        """Times and curves."""
        return beside(self._run)


class FromElsewhere(Kind):
    """Results that this harness did not produce, as ``nas-harness import-results`` keeps them."""

    def __init__(self, folder: Path, results: Results) -> None:
        self._results = results
        self.folder, self.name = folder, "results from elsewhere"
        self.methods = {method: method for method in results.baselines}
        self.benchmarks = {dataset: dataset for dataset in results.datasets}

    @property
    def facts(self) -> str:
        """Methods, data sets and scores."""
        return facts_of_results(self._results)

    @property
    def records(self) -> pd.DataFrame:
        """Every score as it was read."""
        return self._results.runs[list(RUN_COLUMNS)].copy()

    def scores(self, normalized: bool) -> dict[str, FloatArray]:
        """Scores of methods and baselines: rows in the order of the files, columns as `datasets`."""
        if normalized:
            raise HarnessError(
                f"{self.folder}: no normalised scores of results from elsewhere: they need a table of all architectures; take "
                "scores() as they are"
            )
        results = self._results
        found = {}
        for method in results.methods:
            columns = [results.of(dataset, method)["score"].to_numpy() for dataset in results.datasets]
            found[method] = np.full((max(map(len, columns)), len(columns)), np.nan)
            for place, column in enumerate(columns):
                found[method][: len(column), place] = column
        return found

    @cached_property
    def document(self) -> Document:
        """What the report says, before anything is rendered."""
        return document_of_results(self._results, all_faults(self._results))
