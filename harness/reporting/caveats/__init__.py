"""Caveats that apply to a run, each computed from it.

A new one is a function in the file of its kind, and its name in `CAVEATS`, or in `WARNINGS` if it stands at the head of the page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from harness.reporting.caveats.baselines import baseline_means, check_of_the_law, sampled_baseline, skewed_baseline
from harness.reporting.caveats.benchmarks import (
    constraint,
    leaking_tables,
    made_up,
    mixed_parts,
    not_comparable,
    over_selection,
    table_caveats,
    validation_ties,
)
from harness.reporting.caveats.methods import nothing_evaluated, several_budgets, unbounded, unspent_budgets
from harness.reporting.caveats.records import (
    edited_files,
    failed_cells,
    missing_cells,
    missing_tables,
    nothing_feasible,
    unequal_seeds,
)
from harness.reporting.caveats.sequential import seeds_until_decided
from harness.reporting.caveats.significance import detectable, few_data_sets, zero_variance
from harness.reporting.caveats.supernets import flat_alphas, mixed_update_orders, partial_channels
from harness.reporting.run import Run

Caveat = Callable[[Run], Iterator[str]]
WARNINGS: tuple[Caveat, ...] = (
    edited_files,
    seeds_until_decided,
    mixed_parts,
    missing_tables,
    leaking_tables,
    missing_cells,
    failed_cells,
    nothing_feasible,
    nothing_evaluated,
    made_up,
    mixed_update_orders,
)
CAVEATS: tuple[Caveat, ...] = (
    constraint,
    sampled_baseline,
    skewed_baseline,
    not_comparable,
    over_selection,
    detectable,
    baseline_means,
    several_budgets,
    unbounded,
    unspent_budgets,
    unequal_seeds,
    flat_alphas,
    partial_channels,
    zero_variance,
    few_data_sets,
    validation_ties,
    check_of_the_law,
    table_caveats,
)


def caveats(run: Run) -> list[str]:
    """Return all caveats that apply."""
    return [text for caveat in CAVEATS for text in caveat(run)]


def warnings(run: Run) -> list[str]:
    """Return what a reader must know before anything else: what is not there, or is not what it seems."""
    return [text for warning in WARNINGS for text in warning(run)]
