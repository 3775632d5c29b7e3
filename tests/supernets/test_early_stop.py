"""MiLeNAS's early stop by the size of the derived cells: when it may stop, what it states, and how often chance would stop."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy.stats import binom

from harness.errors import HarnessError
from harness.levels import MixedLevel
from harness.spaces.darts import DartsSpace
from harness.spaces.nasbench201 import OPERATIONS
from harness.spaces.registry import cell_space
from harness.streams import Streams
from harness.supernets.loop import Search
from harness.supernets.net import Supernet
from harness.supernets.selections import Strongest
from harness.supernets.sizes import chance_of_size, convolutions, early_stop
from harness.supernets.steps import LevelStep
from harness.training.settings import SearchSettings

STREAMS = Streams("live/test", 0)
CLOCKS = ("seconds", "processor_seconds", "evaluation_seconds", "tracking_seconds", "peak_memory")


def searched(splits, settings, checkpoint=None, on_epoch=None):
    search = Search(
        Supernet("nasbench201", splits, settings, 0, checkpoint=checkpoint), LevelStep(MixedLevel()), Strongest()
    )
    search.run(STREAMS, on_epoch)
    return search.net.rows


def without(rows, *names):
    return [{key: value for key, value in row.items() if key not in (*CLOCKS, *names)} for row in rows]


STATED = ("size_reached", "epochs_saved")


def test_it_stops_at_the_first_small_cell_from_a_share_of_the_epochs_on(small, settings):
    many = replace(settings, epochs=6)
    whole = searched(small, many)
    sizes = [row["convolutions_cell"] for row in whole]
    expected = sizes[0]  # reached by chance, at once
    for share, earliest in ((0.0, 1), (0.3, 2), (0.5, 3), (1.0, 6)):
        rows = searched(small, replace(many, expected_size=(expected,), size_from=share))
        stop = next((n for n in range(earliest, 6) if sizes[n - 1] <= expected), 6)
        assert without(rows, *STATED) == without(whole[:stop])
        assert [row["size_reached"] for row in rows] == [1] * stop
        assert ["epochs_saved" in row for row in rows] == [False] * (stop - 1) + [True]
        assert rows[-1]["epochs_saved"] == 6 - stop
    rows = searched(small, replace(many, expected_size=(-1,), size_from=0.3))
    assert not any("size_reached" in row for row in rows)
    assert rows[-1]["epochs_saved"] == 0


def test_without_a_share_nothing_is_stated(small, settings):
    rows = searched(small, replace(settings, expected_size=(6,)))
    assert len(rows) == 1
    assert not set(STATED) & set(rows[0])
    assert early_stop(rows) is None


def test_a_killed_search_stops_at_the_same_epoch(small, settings, tmp_path):
    settings = replace(settings, epochs=6, expected_size=(6,), size_from=0.5)
    whole, path = searched(small, settings), tmp_path / "search.pt"

    def die(row):
        if row["epoch"] == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        searched(small, settings, path, die)
    assert without(searched(small, settings, path)) == without(whole)
    assert len(whole) == 3
    assert without(searched(small, settings, path)) == without(whole)  # of a search that has ended, too


@pytest.mark.parametrize(
    ("share", "epochs", "earliest"), [(0.3, 50, 15), (0.1, 30, 3), (0.0, 5, 1), (0.31, 10, 4), (1, 7, 7)]
)
def test_a_share_of_the_epochs(share, epochs, earliest):
    assert SearchSettings(epochs=epochs, expected_size=(2,), size_from=share).earliest_stop == earliest


def test_settings_without_it_are_as_they_were():
    assert "size_from" not in SearchSettings(expected_size=(6, 0)).as_dict()
    chosen = SearchSettings(expected_size=(6, 0), size_from=0)
    assert repr(chosen.as_dict()["size_from"]) == "0.0"
    for wrong in (1.5, -0.1, float("nan"), True, "0.3"):
        with pytest.raises(HarnessError, match="size_from must be a share from 0 to 1, not "):
            SearchSettings(expected_size=(6, 0), size_from=wrong)
    with pytest.raises(HarnessError, match="size_from says when expected_size may end a search"):
        SearchSettings(size_from=0.3)


def test_what_it_saved():
    rows = [{"seconds": 2.0, "evaluation_seconds": 1.0, "tracking_seconds": 0.5} for _ in range(4)]
    rows[2]["size_reached"] = 3
    rows[3] |= {"size_reached": 3, "epochs_saved": 6, "seconds": 6.0}
    assert early_stop(rows) == (3, 4, 6, pytest.approx(6 * (4 * 3.5 + 4) / 4))
    rows[3] |= {"size_reached": float("nan"), "epochs_saved": 0.0}  # as a frame has what is missing
    assert early_stop(rows) == (None, 4, 0, 0.0)
    assert early_stop([]) is None


# Chance


def test_chance_on_nasbench201_is_that_of_all_cells():
    cells = [convolutions(names) for names in product(OPERATIONS, repeat=6)]
    for most in range(-1, 8):
        assert chance_of_size("nasbench201", [most]) == pytest.approx(np.mean(np.array(cells) <= most), abs=1e-15)
    assert chance_of_size("nasbench201", [2]) == pytest.approx(0.54432)


def test_chance_on_darts_is_that_of_derived_genotypes():
    expected = binom.cdf(5, 8, 4 / 7) * binom.cdf(3, 8, 4 / 7)
    assert chance_of_size("darts", [5, 3]) == pytest.approx(expected, rel=1e-12)
    where, rng, small = cell_space("darts"), np.random.default_rng(0), 0
    for _ in range(1000):
        raw = np.exp(rng.standard_normal((2, 14, 8)))
        arch = where.derive(list(raw / raw.sum(axis=2, keepdims=True)))
        sizes = [convolutions(names) for names in where.operations(arch).values()]
        small += sizes[0] <= 5 and sizes[1] <= 3
    assert DartsSpace().validate(arch) == arch
    assert abs(small / 1000 - expected) < 4 * np.sqrt(expected * (1 - expected) / 1000)


@pytest.mark.parametrize(
    ("space", "expected", "message"),
    [
        ("dart", [6, 0], "unknown cell space 'dart'; did you mean 'darts'"),
        ("darts", [6], r"expected size: wanted one number for each of normal, reduce, not \[6\]"),
    ],
)
def test_wrong_input(space, expected, message):
    with pytest.raises(HarnessError, match=message):
        chance_of_size(space, expected)
