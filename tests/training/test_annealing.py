"""Annealing of the learning rate: cosine and power."""

import json
import math

import pytest

from harness.errors import HarnessError
from harness.system.shapes import shaped
from harness.training.settings import LiveSettings, Recipe, SearchSettings

ENDS = {"epochs": 10, "learning_rate": 0.1, "learning_rate_end": 0.001}


def rates(**options):
    settings = SearchSettings(**ENDS, **options)
    return [settings.rate(epoch) for epoch in range(11)]


@pytest.mark.parametrize(
    ("base", "first"), [(10.0, [0.1, 0.09397, 0.07829, 0.05844]), (2.0, [0.1, 0.09667])]
)  # of the formula, by hand
def test_known_rates(base, first):
    found = rates(annealing="power", base=base)
    assert found[: len(first)] == pytest.approx(first, abs=5e-6)
    assert found[-1] == pytest.approx(0.001)
    assert sorted(found, reverse=True) == found


def test_a_base_of_1_is_the_cosine():
    cosine = [0.001 + 0.099 * (1 + math.cos(math.pi * epoch / 10)) / 2 for epoch in range(11)]
    assert rates() == cosine
    assert rates(annealing="power", base=1.0) == cosine
    assert 0 < max(abs(a - b) for a, b in zip(rates(annealing="power", base=1.001), cosine, strict=True)) < 2e-4


def test_settings_by_the_cosine_are_what_they_were():
    assert not {"annealing", "base"} & SearchSettings().as_dict().keys()
    power = shaped(SearchSettings, {"annealing": "power", "base": 10}, "search")
    assert {"annealing": "power", "base": 10.0}.items() <= power.as_dict().items()
    for search in (SearchSettings(), power, SearchSettings(annealing="power")):
        settings = LiveSettings(search, Recipe(), Recipe(), "cpu")
        assert LiveSettings.from_json(settings.to_json()) == settings
        assert ("annealing" in json.loads(settings.to_json())["search"]) == (search.annealing == "power")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"annealing": "powr"}, "search: unknown annealing 'powr'; did you mean 'power'"),
        ({"annealing": "power", "base": 0.0}, "search: base must be a number > 0, not 0.0"),
        ({"annealing": "power", "base": math.inf}, "search: base must be a number > 0, not inf"),
        ({"base": 10.0}, 'base is of power annealing; write annealing = "power"'),
    ],
)
def test_wrong_settings(options, message):
    with pytest.raises(HarnessError, match=message):
        SearchSettings(**options)
