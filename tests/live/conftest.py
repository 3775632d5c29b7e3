"""Small searches on real digits; every test here needs torch."""

import pytest

torch = pytest.importorskip("torch", reason="needs the extra `live`")


def pytest_collection_modifyitems(items):
    here = __file__.rpartition("conftest.py")[0]
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.torch)


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


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
    from harness.live.search import SearchSettings

    return SearchSettings(channels=2, cells=1, epochs=2, batch_size=32, alpha_learning_rate=3e-3)
