"""Recordings of a few architectures on real digits: a second each."""

import pytest

torch = pytest.importorskip("torch", reason="needs the extra `live`")

TINY = {
    "name": "tiny",
    "description": "Four cells, for tests.",
    "space": "nasbench201",
    "data": "digits",
    "seeds": [0, 1],
    "architectures": 4,
    "recipe": {"channels": 2, "cells": 1, "reductions": 0, "epochs": 2, "batch_size": 256, "learning_rate": 0.1},
}


@pytest.fixture(scope="session")
def tiny():
    """A specification as its TOML file would hold it."""
    return TINY


@pytest.fixture(scope="session")
def spec():
    from harness.recording.spec import make_spec

    return make_spec(TINY)


@pytest.fixture(scope="session")
def folder(spec, tmp_path_factory):
    """A finished recording: `tiny.parquet` and what it was made from."""
    from harness.recording.record import record
    from harness.recording.table import finish

    output = tmp_path_factory.mktemp("recording")
    assert record(spec, output) == 4
    assert finish(spec, output) == output / "tiny.parquet"
    return output
