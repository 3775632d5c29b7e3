"""Sections of the report: each a function that returns a section of a run, or None where it has nothing to say.

A new section is a function in a file of its own and its name in `SECTIONS`, in the order of the page.
"""

from __future__ import annotations

from collections.abc import Callable

from harness.reporting.model import Section
from harness.reporting.run import Run
from harness.reporting.sections.cells import failed_cells, records
from harness.reporting.sections.curves import anytime_curves, random_search
from harness.reporting.sections.improvement import relative_improvement, worth
from harness.reporting.sections.live import chosen_recipes, derived_cells, live_cost, protocol_ladder, supernets
from harness.reporting.sections.notes import caveats_of_run, definitions
from harness.reporting.sections.one_shot import one_shot
from harness.reporting.sections.pareto import pareto
from harness.reporting.sections.planned import planned
from harness.reporting.sections.published import published_results
from harness.reporting.sections.robust import normalised_scores
from harness.reporting.sections.scores import cost, final_scores
from harness.reporting.sections.seconds import to_seconds
from harness.reporting.sections.setup import data_and_methods, made_with
from harness.reporting.sections.significance import all_tables, tests

SECTIONS: tuple[Callable[[Run], Section | None], ...] = (
    relative_improvement,
    planned,
    failed_cells,
    tests,
    all_tables,
    normalised_scores,
    worth,
    to_seconds,
    anytime_curves,
    final_scores,
    pareto,
    derived_cells,
    supernets,
    live_cost,
    chosen_recipes,
    protocol_ladder,
    one_shot,
    random_search,
    cost,
    caveats_of_run,
    data_and_methods,
    published_results,
    made_with,
    definitions,
    records,
)
