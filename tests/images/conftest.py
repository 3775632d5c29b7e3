"""Made-up images, and what a refused import is; every test here needs torch."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra `live`")


def some(n=40, classes=4, shape=(1, 8, 8), seed=0):
    """Images of n rows whose classes take turns, and labels."""
    images = np.random.default_rng(seed).integers(0, 256, size=(n, *shape), dtype=np.uint8)
    return images, np.arange(n) % classes


def refused(outcome, path, message):
    """Assert that an import was refused with one line, and that nothing was stored."""
    from harness.images import store as image_store

    assert outcome.code == 2, outcome
    assert outcome.out == ""
    assert outcome.err.count("\n") == 1, outcome.err
    assert outcome.err.startswith(f"nas-harness: error: {path}")
    assert message in outcome.err
    assert not list(image_store.path_of("x").parent.glob("*"))
