"""Spaces of ConfigSpace, the form that SMAC, HpBandSter and their kin describe search spaces in (extra `configspace`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError
from harness.spaces.base import Arch, CategoricalSpace, Space

if TYPE_CHECKING:
    from ConfigSpace import Configuration, ConfigurationSpace

MOST = 1000  # choices of a variable that stands for a range of whole numbers


def from_configspace(given: ConfigurationSpace, name: str | None = None) -> CategoricalSpace:
    """A categorical space with the hyperparameters of a ConfigSpace as its variables, in their order.

    Parameters
    ----------
    given
        Categorical, ordinal, constant and integer hyperparameters; every value is a choice, by its text.
    name
        Name of the space; that of the ConfigSpace if it has one.

    Raises
    ------
    HarnessError
        If a hyperparameter is continuous, depends on another, or combinations are forbidden: nothing of these is in the space.
    """
    _need()
    name = name or given.name or "configspace"
    if given.conditions:
        raise HarnessError(
            f"space {name}: {given.conditions[0]}: no variable may depend on another; write the choice 'none' instead"
        )
    if given.forbidden_clauses:
        raise HarnessError(f"space {name}: {given.forbidden_clauses[0]}: no combination may be forbidden; leave it out")
    return CategoricalSpace(name, {key: list(_texts(name, one)) for key, one in given.items()})


def to_configspace(space: Space) -> ConfigurationSpace:
    """A ConfigSpace with the variables of a space, whose values are texts.

    Variables of a `CategoricalSpace` have their names and choices; those of any other are ``x0, x1, ...`` with the numbers of the
    choices, as in an encoding.
    """
    _need()
    from ConfigSpace import Categorical, ConfigurationSpace

    found = ConfigurationSpace(name=space.name)
    found.add([Categorical(key, choices) for key, choices in _variables(space)])
    return found


def to_configuration(space: Space, arch: Sequence[int], within: ConfigurationSpace) -> Configuration:
    """An architecture as a configuration of the space's ConfigSpace, see `to_configspace`."""
    _need()
    from ConfigSpace import Configuration

    pairs = zip(_variables(space), space.validate(arch), strict=True)
    return Configuration(within, values={key: choices[choice] for (key, choices), choice in pairs})


def from_configuration(space: Space, configuration: Configuration) -> Arch:
    """The architecture of a configuration.

    Raises
    ------
    HarnessError
        If it lacks a variable, or has a value that is no choice.
    """
    values, arch = dict(configuration), []
    for key, choices in _variables(space):
        if key not in values or str(values[key]) not in choices:
            raise HarnessError(
                f"space {space.name}: a configuration needs {key}, one of {', '.join(choices)}; not {values.get(key)!r}"
            )
        arch.append(choices.index(str(values[key])))
    return tuple(arch)


def _variables(space: Space) -> list[tuple[str, list[str]]]:
    if isinstance(space, CategoricalSpace):
        return [(key, list(choices)) for key, choices in space.variables.items()]
    return [(f"x{place}", list(map(str, range(size)))) for place, size in enumerate(space.cardinalities)]


def _texts(space: str, hyperparameter: Any) -> Iterator[str]:
    from ConfigSpace import CategoricalHyperparameter, Constant, OrdinalHyperparameter
    from ConfigSpace.hyperparameters import IntegerHyperparameter

    where = f"space {space}: {hyperparameter.name}"
    if isinstance(hyperparameter, CategoricalHyperparameter):
        yield from map(str, hyperparameter.choices)
    elif isinstance(hyperparameter, OrdinalHyperparameter):
        yield from map(str, hyperparameter.sequence)
    elif isinstance(hyperparameter, Constant):
        yield str(hyperparameter.value)
    elif isinstance(hyperparameter, IntegerHyperparameter):
        low, high = int(hyperparameter.lower), int(hyperparameter.upper)
        if high - low >= MOST:
            raise HarnessError(
                f"{where}: has {high - low + 1:,} values; at most {MOST:,} are choices: name those to try"
            )
        yield from map(str, range(low, high + 1))
    else:
        raise HarnessError(f"{where}: is continuous; wanted a list of values to choose among")


def _need() -> None:
    try:
        import ConfigSpace  # noqa: F401
    except ImportError as error:
        raise HarnessError("ConfigSpace is missing; pip install 'nas-harness[configspace]'") from error
