"""Small searches on real digits; every test here needs torch."""

import pytest

torch = pytest.importorskip("torch", reason="needs the extra `live`")


@pytest.fixture(scope="session")
def splits():
    from harness.live.data import split
    from harness.live.sources import load

    return split(load("digits"), 0)


@pytest.fixture(scope="session")
def small(splits):
    """A few images of every split: searches of a second."""
    from dataclasses import replace

    return replace(splits, train=splits.train[:96], valid=splits.valid[:96], test=splits.test[:64])


@pytest.fixture
def settings():
    from harness.live.settings import SearchSettings

    return SearchSettings(channels=2, cells=1, epochs=2, batch_size=32, alpha_learning_rate=3e-3)
