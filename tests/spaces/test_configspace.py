"""Spaces that come from ConfigSpace and go there."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.spaces.base import CategoricalSpace
from harness.spaces.configspace import from_configspace, from_configuration, to_configspace, to_configuration
from harness.spaces.nasbench201 import NASBench201Space

ConfigSpace: Any = pytest.importorskip("ConfigSpace", reason="needs the extra `configspace`")


def small() -> Any:
    found = ConfigSpace.ConfigurationSpace(name="small", seed=0)
    found.add(
        ConfigSpace.Categorical("operation", ["conv", "pool"]),
        ConfigSpace.Categorical("width", [8, 16, 32], ordered=True),
        ConfigSpace.Integer("depth", (2, 5)),
        ConfigSpace.Constant("stem", "plain"),
    )
    return found


def test_every_value_is_a_choice() -> None:
    space = from_configspace(small())
    assert isinstance(space, CategoricalSpace)
    assert space.name == "small"
    assert space.variables == {
        "depth": ("2", "3", "4", "5"),
        "operation": ("conv", "pool"),
        "stem": ("plain",),
        "width": ("8", "16", "32"),
    }
    assert space.size == 4 * 2 * 3
    assert from_configspace(small(), "other").name == "other"


def test_configurations_are_architectures() -> None:
    theirs = small()
    space = from_configspace(theirs)
    for configuration in theirs.sample_configuration(20):
        arch = from_configuration(space, configuration)
        texts = dict(part.split("=") for part in space.format(arch).split(","))
        assert texts == {key: str(value) for key, value in dict(configuration).items()}


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_there_and_back(data: st.DataObject) -> None:
    ours = CategoricalSpace("ours", {"a": ["x", "y z", "1"], "b": ["0", "1"]})
    for space in (ours, NASBench201Space()):
        theirs = to_configspace(space)
        arch = tuple(data.draw(st.integers(0, size - 1)) for size in space.cardinalities)
        assert from_configuration(space, to_configuration(space, arch, theirs)) == arch
    back = from_configspace(to_configspace(ours))
    assert back.variables == ours.variables
    assert list(to_configspace(NASBench201Space())) == [f"x{place}" for place in range(6)]


def test_what_is_no_categorical_space_is_refused() -> None:
    theirs = small()
    theirs.add(ConfigSpace.Float("rate", (0.1, 1.0)))
    with pytest.raises(HarnessError, match="space small: rate: is continuous; wanted a list of values"):
        from_configspace(theirs)
    theirs = small()
    theirs.add(ConfigSpace.Integer("units", (1, 5000)))
    with pytest.raises(HarnessError, match="units: has 5,000 values; at most 1,000 are choices"):
        from_configspace(theirs)
    theirs = small()
    theirs.add(ConfigSpace.EqualsCondition(theirs["width"], theirs["operation"], "conv"))
    with pytest.raises(HarnessError, match="no variable may depend on another"):
        from_configspace(theirs)
    theirs = small()
    theirs.add(ConfigSpace.ForbiddenEqualsClause(theirs["operation"], "pool"))
    with pytest.raises(HarnessError, match="no combination may be forbidden"):
        from_configspace(theirs)


def test_a_configuration_of_another_space() -> None:
    other = to_configspace(CategoricalSpace("other", {"a": ["x"]})).get_default_configuration()
    with pytest.raises(HarnessError, match="a configuration needs a, one of y, z; not 'x'"):
        from_configuration(CategoricalSpace("ours", {"a": ["y", "z"]}), other)
