"""A small live suite, run once; every test here needs torch."""

import json

import numpy as np
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

SPEC = {
    "name": "tiny-cells",
    "description": "Some cells, for tests.",
    "space": "nasbench201",
    "data": "digits",
    "seeds": [0],
    "recipe": {"channels": 2, "cells": 1, "reductions": 0, "epochs": 1, "batch_size": 256, "learning_rate": 0.1},
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


@pytest.fixture(scope="module")
def tiny_cells(cache):
    """A whole table over the space with made-up scores: recording all cells would take an hour."""
    from harness.recording.spec import architectures_of, make_spec
    from harness.tabular import catalogue
    from harness.tabular.formats import recorded

    spec = make_spec(SPEC)
    space = spec.images.space
    archs = sorted(architectures_of(spec, space))
    rng = np.random.default_rng(0)
    columns = {
        "arch": np.array([space.format(arch) for arch in archs], dtype=object),
        "weight": np.ones(len(archs), dtype=np.int32),
        "params": np.ones(len(archs), dtype=np.int32),
        "flops": np.ones(len(archs), dtype=np.int64),
        "latency_ms": np.ones(len(archs), dtype=np.float32),
        "train_seconds": np.ones(len(archs), dtype=np.float32),
    }
    for split in recorded.SPLITS:
        columns[f"{split}_loss_0"] = rng.random((len(archs), 1), dtype=np.float32)
        columns[f"{split}_correct_0"] = rng.integers(400, size=(len(archs), 1), dtype=np.int32)
    about = {"spec": spec.resolved(), "sizes": {"train": 899, "valid": 449, "test": 449}, "latency": {}, "classes": 10}
    table = recorded.table_of(recorded.Recording(about, columns), {})
    catalogue.save_benchmark(table)
    return table
