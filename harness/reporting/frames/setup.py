"""What was run: data, methods and budgets, and on what."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from harness.problem.budget import Budget
from harness.reporting.run import Benchmark, Run
from harness.taxonomy import CATEGORIES

PHASES = {"search": "search of a supernet", "evaluation": "training from scratch", "proxy": "training during a search"}


def data(run: Run) -> pd.DataFrame:
    """Return one row a benchmark: what its numbers measure.

    Returns
    -------
    DataFrame
        Columns ``benchmark, dataset, space, rows, metric, unit, direction, measure`` (from which a random architecture is
        drawn), ``valid_fidelity, test_fidelity, best_test, mean_test, distinct_valid, baseline`` (exact or sampled), and the
        taxonomy's columns.
    """
    return pd.DataFrame([_data_row(benchmark, run.budgets) for benchmark in run.benchmarks])


def sources(run: Run) -> pd.DataFrame:
    """Return one row a benchmark: ``benchmark, licence, data_sha256, source``, where its numbers come from."""
    rows = []
    for benchmark in run.benchmarks:
        source = dict(benchmark.card.get("source", {}))
        named = [f"{key}: {value}" for key, value in sorted(source.items()) if key != "licence"]
        rows.append(
            {
                "benchmark": benchmark.name,
                "licence": source.get("licence", "not stated"),
                "data_sha256": benchmark.data_sha256,
                "source": "; ".join(named),
            }
        )
    return pd.DataFrame(rows)


def methods(run: Run) -> pd.DataFrame:
    """Return one row a method: ``label, name, version, params``, and its taxonomy."""
    return pd.DataFrame(
        [
            {
                "label": spec["label"],
                "name": spec["name"],
                "version": spec["version"],
                "params": _params(spec["params"]),
                **_words(spec),
            }
            for spec in run.resolved["methods"]
        ]
    )


def budgets(run: Run) -> pd.DataFrame:
    """Return one row a method, benchmark and budget: what it might spend and what it spent.

    Returns
    -------
    DataFrame
        Columns ``benchmark, dataset, method, budget_kind, budget, n, evaluations_min, evaluations_mean, evaluations_max,
        unique_mean, simulated_s_mean, epochs_mean``.
    """
    ok = run.cells[run.cells["status"] == "ok"]
    spent = ok.groupby("group").agg(
        n=("seed", "size"),
        evaluations_min=("n_evaluations", "min"),
        evaluations_mean=("n_evaluations", "mean"),
        evaluations_max=("n_evaluations", "max"),
        unique_mean=("n_unique", "mean"),
        simulated_s_mean=("simulated_s", "mean"),
        epochs_mean=("epochs", "mean"),
    )
    names = [
        {
            "benchmark": benchmark.name,
            "dataset": benchmark.dataset,
            "method": entrant.name,
            "budget_kind": entrant.budget.kind,
            "budget": entrant.budget.amount,
        }
        for benchmark, entrant in run.pairs
    ]
    return pd.DataFrame(names).join(spent, how="inner").reset_index(drop=True)


def settings(run: Run) -> pd.DataFrame:
    """Return how supernets were searched and architectures trained: ``benchmark, budget, what, settings``; empty on tables."""
    pairs = itertools.product(run.resolved["benchmarks"], run.budgets)
    methods = {entrant.method.label: entrant.method for entrant in run.entrants}
    rows = []
    for (benchmark, budget), text in zip(pairs, run.resolved["settings"], strict=True):
        stated = json.loads(text or "{}")
        parts = {title: stated[phase] for phase, title in PHASES.items() if phase in stated}
        if text:
            parts |= {
                f"{PHASES['search']}, {label}": method.search
                for label, method in methods.items()
                if method.search and method.runs_on(benchmark)
            }
        rows += [
            {"benchmark": benchmark, "budget": budget.amount, "what": what, "settings": _params(values)}
            for what, values in parts.items()
        ]
    return pd.DataFrame(rows, columns=["benchmark", "budget", "what", "settings"])


def provenance(run: Run) -> pd.DataFrame:
    """Return what the run was made with, as ``what, value``."""
    environment = run.environment
    packages = environment.get("packages", {})
    rows = {
        "suite": run.resolved["name"],
        "cells": f"{len(run.cells):,}",
        "seeds": f"{len(run.seeds):,}",
        "schema of the records": _values(run.cells["schema_version"]),
        "nas-harness": _values(run.cells["code_version"]),
        "git commit": _values(run.cells["git_commit"]),
        "uncommitted changes": _values(run.cells["git_dirty"]),
        "digests of the code": _values(run.cells["code_digest"].str[:12]),
        "cells adopted from earlier code": str(int((run.cells["adopted_from"] != "").sum())),
        "environments among the cells": str(run.cells["environment"].nunique()),
        "Python": f"{environment.get('implementation', '')} {environment.get('python', '')}".strip(),
        "system": str(environment.get("system", "")),
        "processor": str(environment.get("processor", "")),
        "cores": str(environment.get("cores", "")),
        "memory": f"{environment['memory_mb']:,} MB" if environment.get("memory_mb") else "",
        **{str(package): str(version) for package, version in packages.items() if version},
    }
    return pd.DataFrame({"what": list(rows), "value": [value or "not known" for value in rows.values()]})


def _data_row(benchmark: Benchmark, budgets: Sequence[Budget]) -> dict[str, Any]:
    card, table, law = benchmark.card, benchmark.table, benchmark.law
    row = {
        "benchmark": benchmark.name,
        "dataset": benchmark.dataset,
        "space": card["space"]["name"],
        "rows": card["rows"],
        "metric": card["metric"],
        "unit": benchmark.unit,
        "direction": card["direction"],
        "measure": "not known here",
        "valid_fidelity": card.get("fidelity", {}).get("valid", ""),
        "test_fidelity": card.get("fidelity", {}).get("test", ""),
        "best_test": benchmark.best_test,
        "mean_test": np.nan,
        "distinct_valid": None,
        "baseline": "sampled",
        **{f"kind_{key}": word for key, word in _words(card).items()},
    }
    if table is not None and law is not None:
        spread = float(table.weights.max() / table.weights.min())
        row |= {
            "measure": "every row once" if table.has_equal_weights else f"by weight, at most {spread:.3g} to 1",
            "mean_test": float(law.mean(1)),
            "distinct_valid": int(np.unique(table.valid).size),
            "baseline": "sampled" if None in map(benchmark.draws, budgets) else "exact",
        }
    return row


def _words(described: Mapping[str, Any]) -> dict[str, str]:
    """Return the four words of a method or a benchmark; empty ones where the run is older than they are."""
    return {key: described.get("taxonomy", {}).get(key, "") for key in CATEGORIES}


def _params(params: dict[str, Any]) -> str:
    return ", ".join(f"{key} = {json.dumps(value)}" for key, value in sorted(params.items())) or "none"


def _values(column: pd.Series[Any]) -> str:
    return ", ".join(str(value) for value in column.drop_duplicates() if str(value))
