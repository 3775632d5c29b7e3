"""What to be careful about, and how the numbers were computed."""

from __future__ import annotations

from harness.reporting.caveats import caveats
from harness.reporting.model import Prose, Section
from harness.reporting.run import Run


def caveats_of_run(run: Run) -> Section | None:
    """Return the caveats that apply; None where none does."""
    texts = caveats(run)
    return Section("caveats", "Caveats", [Prose(texts, listed=True)]) if texts else None


def definitions(run: Run) -> Section:
    """Return what the words and numbers mean."""
    texts = [_SCORE, *run.family.definitions(run), _NO_VARIANCE]
    return Section("definitions", "How the numbers were computed", [Prose(texts, listed=True)])


_SCORE = (
    "Score. A search is driven by validation scores and recommends one architecture; what is reported is that "
    "architecture's test score. Percentages and fractions are both shown in percent; the CSV files keep each table's own "
    "unit."
)
_NO_VARIANCE = (
    "Zero variance. Where all seeds give the same score there is no interval: no spread over these seeds is no proof of "
    "certainty. Where random search is known exactly the p-value is that of its law, two-sided, in which seeds that all went "
    "the same way count once; else there is none."
)
