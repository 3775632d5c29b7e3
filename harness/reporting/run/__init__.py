"""A finished run as the report sees it: the suite's own cells and, for every benchmark, the law of random search."""

from harness.reporting.run.compared import PERCENT_UNITS, Benchmark, Entrant, FloatArray
from harness.reporting.run.model import Run
from harness.reporting.run.reading import load_run

__all__ = ["PERCENT_UNITS", "Benchmark", "Entrant", "FloatArray", "Run", "load_run"]
