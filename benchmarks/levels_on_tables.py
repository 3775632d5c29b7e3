"""What levels find on a table of losses: the path of λ by enumeration, and the regret of the two searches to it.

    python -m benchmarks.levels_on_tables [TABLE]

The minimiser of every λ is exact. The relaxation that the searches descend is not convex, so that they end above it from some
starts: by how much is printed, over 20 of them.
"""

from __future__ import annotations

import math
import sys

import numpy as np
import pandas as pd

from harness.levels import MixedLevel
from harness.methods.base import make_method, run_search
from harness.methods.descent import objective
from harness.methods.levels import TRAIN_LOSS, VALID_LOSS
from harness.problem.budget import Budget
from harness.streams import Streams
from harness.tabular.catalogue import load_table
from harness.tabular.problem import TabularProblem
from harness.tabular.table import Table

LAMBDAS = (0.0, 0.1, 1.0, 10.0, 999.0, math.inf)
STARTS = 20
EVALUATIONS = 2000


def row_of(table: Table, lambda_valid: float, on_tables: str, seed: int = 0) -> int:
    """Row of the table that mixed-level search recommends."""
    method = make_method("milenas-1st", lambda_valid=lambda_valid, on_tables=on_tables)
    problem = TabularProblem(table, Budget("evaluations", EVALUATIONS), (TRAIN_LOSS, VALID_LOSS))
    arch = run_search(method, problem, Streams(table.name, seed)).arch
    assert arch is not None
    return int(table.rows[table.space.index(arch)])


def regrets(table: Table, starts: int = STARTS) -> pd.DataFrame:
    """The minimiser's losses by λ, and how far above its objective the searches end: median and greatest over starts."""
    train, valid = table.column(TRAIN_LOSS), table.column(VALID_LOSS)
    rows = []
    for value in LAMBDAS:
        losses = objective(MixedLevel(lambda_valid=value), train, valid)
        best = row_of(table, value, "enumerate")
        row: dict[str, float] = {"lambda": value, TRAIN_LOSS: train[best], VALID_LOSS: valid[best]}
        for search in ("gradient", "score"):
            found = np.array([losses[row_of(table, value, search, seed)] - losses[best] for seed in range(starts)])
            row |= {f"{search} median": float(np.median(found)), f"{search} max": float(found.max())}
        row["random median"] = float(np.median(losses) - losses[best])
        rows.append(row)
    return pd.DataFrame(rows)


def main(arguments: list[str]) -> None:
    table = load_table(arguments[0] if arguments else "synthetic/ridge")
    print(f"{table.name}: {len(table):,} architectures; regret to the minimiser over {STARTS} starts")
    print(regrets(table).to_string(index=False, float_format="%.4f"))


if __name__ == "__main__":
    main(sys.argv[1:])
