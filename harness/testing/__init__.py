"""The conformance kit: what every search method and every benchmark must hold, for plug-in authors to run too.

    from harness.testing import check_benchmark, check_method

    def test_my_method():
        check_method("my-method", population=20)

Each check raises `AssertionError` with a sentence that says what does not hold.
"""

from __future__ import annotations

import contextlib
import dataclasses
from typing import Any

from harness.errors import HarnessError
from harness.methods.base import Method, make_method, method_params
from harness.problem.budget import Budget
from harness.problem.offer import Offer
from harness.tabular import synthetic
from harness.tabular.table import Table
from harness.testing.reach import reachable
from harness.testing.tables import check_benchmark, check_on_tables, holds_test_values


def check_method(name: str, table: Table | None = None, evaluations: int = 40, epochs: int = 3, **params: Any) -> None:
    """Check that a registered method keeps the contract of the harness, on tables or, if it refuses these, on a supernet.

    Parameters
    ----------
    name, **params
        The method as a suite would name it.
    table
        Where it is tried; a small made-up table by default. It is also tried on a table with architectures missing, one with
        weights, and one of which smaller scores are better.
    evaluations
        Budget of each search; on tables that can count them, epochs and simulated seconds are tried as well.
    epochs
        Budget of each search of a supernet.

    Raises
    ------
    AssertionError
        If something does not hold.
    """
    method = make_method(name, **params)
    assert make_method(name, **method_params(method)) == method, f"{name}: its parameters do not make it again"
    _check_constructor(method)
    table = table if table is not None else synthetic.convert()
    if _runs_on(table, method, evaluations):
        check_on_tables(method, table, evaluations)
    else:
        check_supernet_method(name, epochs, **params)


def check_supernet_method(name: str, epochs: int = 3, **params: Any) -> None:
    """Check that a registered method keeps the contract on supernets of all known cell spaces; needs the extra `live`.

    Parameters
    ----------
    name, **params
        The method as a suite would name it.
    epochs
        Budget of each search.

    Raises
    ------
    AssertionError
        If two searches of a seed differ, or one that was killed after an epoch and gone on with; if it depends on the global
        random state; if a test image can be reached from what it is handed; if it spends more than its budget; or if its rows do
        not state what it did. A method that calls itself a zero-cost proxy must score untrained networks and spend no epoch.
    """
    from harness.testing.supernets import check_on_supernets

    method = make_method(name, **params)
    _check_constructor(method)
    check_on_supernets(method, epochs)


def _runs_on(table: Table, method: Method, evaluations: int) -> bool:
    """Whether there are tables of this space, with fidelities or without, that the method does not refuse."""
    for max_fidelity in (None, 100):
        with contextlib.suppress(HarnessError):
            method.check(Offer(table.space, Budget("evaluations", evaluations), max_fidelity))
            return True
    return False


def _check_constructor(method: Method) -> None:
    fields = {field.name for field in dataclasses.fields(method)}  # type: ignore[arg-type]
    extra = set(vars(method)) - fields
    assert not extra, (
        f"{method.name}: its constructor sets {', '.join(sorted(extra))}; keep parameters only, begin in start()"
    )


__all__ = ["check_benchmark", "check_method", "check_supernet_method", "holds_test_values", "reachable"]
