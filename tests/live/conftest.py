"""A small live suite, run once; every test here needs torch."""

import json

import pytest

torch = pytest.importorskip("torch", reason="needs the extra `live`")

TINY = {
    "name": "tiny",
    "seeds": "0:2",
    "benchmarks": ["live/nasbench201-digits"],
    "budgets": {"epochs": 2},
    "search": {"channels": 2, "cells": 1, "batch_size": 320, "alpha_learning_rate": 0.03},
    "evaluation": {"channels": 2, "cells": 1, "epochs": 2, "batch_size": 320},
    "methods": [{"name": "random"}, {"name": "single-level"}, {"name": "milenas-1st"}],
}


def toml(suite):
    """A suite as TOML: JSON's values are TOML's."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in suite.items() if not isinstance(value, dict)]
    lines = [line for line in lines if not line.startswith("methods")]
    for key, table in suite.items():
        if isinstance(table, dict):
            lines += [f"[{key}]", *(f"{name} = {json.dumps(value)}" for name, value in table.items())]
    for method in suite["methods"]:
        lines += ["[[methods]]", *(f"{name} = {json.dumps(value)}" for name, value in method.items())]
    return "\n".join(lines)


@pytest.fixture(scope="session")
def reference(tmp_path_factory):
    """The small suite run in the plainest way, and its report."""
    from harness.reporting import build_report
    from harness.running.runner import run

    output = tmp_path_factory.mktemp("reference") / "run"
    run(TINY, output, backend="sequential")
    build_report(output)
    return output
