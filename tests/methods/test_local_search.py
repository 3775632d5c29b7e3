"""Local search in its variants, against the definition written out."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.methods.base import make_method, method_params, run_search
from harness.problem.budget import Budget
from harness.spaces.base import Arch
from harness.streams import Streams
from harness.tabular.problem import TabularProblem
from harness.tabular.table import Table
from harness.testing import check_method


@pytest.mark.parametrize("params", [{"improvement": "best"}, {"starts": 5}])
def test_conformance(params: dict[str, object]) -> None:
    check_method("local-search", **params)


def written_out(table: Table, seed: int, improvement: str, starts: int) -> Iterator[int]:
    """Rows in order, to the end of the table."""
    problem = TabularProblem(table, Budget("evaluations", 10_000))
    sample, move = (Streams(table.name, seed).uniforms(name) for name in ("sample", "move"))
    seen: set[int] = set()
    sign = 1 if table.direction == "max" else -1

    def row(arch: Arch) -> int:
        return int(table.rows[table.space.index(arch)])

    def neighbours(arch: Arch) -> list[Arch]:
        found = list(table.space.neighbours(arch))
        for last in range(len(found) - 1, 0, -1):  # Fisher and Yates
            other = int(next(move) * (last + 1))
            found[last], found[other] = found[other], found[last]
        return found

    while len(seen) < len(table):
        best: tuple[float, Arch | None] = (-np.inf, None)
        for _ in range(starts):
            if len(seen) == len(table):
                return
            while row(arch := problem.sample(sample)) in seen:
                pass
            seen.add(row(arch))
            yield row(arch)
            if sign * table.valid[row(arch)] > best[0]:
                best = (sign * table.valid[row(arch)], arch)
        at: Arch | None = None
        while best[1] != at:
            at = best[1]
            assert at is not None
            for arch in neighbours(at):
                if row(arch) < 0 or row(arch) in seen:
                    continue
                seen.add(row(arch))
                yield row(arch)
                if sign * table.valid[row(arch)] > best[0]:
                    best = (sign * table.valid[row(arch)], arch)
                    if improvement == "first":
                        break


@pytest.mark.parametrize("starts", [1, 4])
@pytest.mark.parametrize("improvement", ["first", "best"])
@pytest.mark.parametrize("direction", ["max", "min"])
def test_it_does_what_is_written(
    improvement: str, starts: int, direction: str, make_table: Callable[..., Table]
) -> None:
    table = make_table(missing=0.3, direction=direction)
    for seed in (0, 1):
        problem = TabularProblem(table, Budget("evaluations", 10_000))
        method = make_method("local-search", improvement=improvement, starts=starts)
        run_search(method, problem, Streams(table.name, seed))
        assert problem.history.tolist() == list(written_out(table, seed, improvement, starts))
        assert sorted(problem.history) == list(range(len(table)))


def test_the_variants_leave_the_keys_of_plain_local_search_alone() -> None:
    assert method_params(make_method("local-search")) == {}
    assert method_params(make_method("local-search", starts=3)) == {"starts": 3}


def test_what_is_refused() -> None:
    with pytest.raises(HarnessError, match=r"^local-search: starts must be at least 1, not 0$"):
        make_method("local-search", starts=0)
    with pytest.raises(HarnessError, match="improvement: wanted 'first' or 'best', not 'none'"):
        make_method("local-search", improvement="none")
