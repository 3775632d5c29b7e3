"""What a search method is, and how one is made from its name and parameters."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import inspect
import typing
from abc import ABC, abstractmethod
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import entry_points
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from harness.code.digest import see
from harness.errors import BudgetExhausted, HarnessError, unknown_name
from harness.methods.values import checked
from harness.problem.base import Evaluation, Problem
from harness.problem.offer import Offer
from harness.spaces.base import Arch
from harness.streams import Streams
from harness.system import plugins
from harness.system.extras import versions_of
from harness.tabular.lockstep import LockstepProblem
from harness.taxonomy import Taxonomy, taxonomy_of_class


@dataclass(frozen=True)
class SearchResult:
    """What a search hands back.

    Attributes
    ----------
    arch
        The architecture that it recommends; None means the best one by validation among those that were trained longest.
    sample
        Architectures none of which it prefers, instead of `arch`: the result is the mean of theirs.
    front
        Of a method with several goals, architectures none of which is better than another in all of them. All must have been
        evaluated: what a model predicts to be on the front is no result.
    """

    arch: Arch | None = None
    sample: tuple[Arch, ...] = ()
    front: tuple[Arch, ...] = ()


class Method(ABC):
    """A search method: a dataclass of its parameters, nothing done in its constructor.

    Subclass `AskTell` or `OwnLoop`. A method may also offer ``lockstep(problem, benchmark, seeds)``, which advances many
    seeds at once over arrays and must take the same decisions as the sequential form, bit for bit.

    Attributes
    ----------
    name
        Registered name.
    version
        Part of a cell's key: raise it when results change. A method from a plug-in file that states none gets the hash of
        its source file, so that an edited method is run again.
    source
        Paper and equation or algorithm.
    taxonomy
        What kind of method it is, in four words; every method must state it.
    requires
        Distributions that it needs beside those of every install, as ``pip install`` names them. Their versions are part of a
        cell's key, and where one is missing `plan` says how to install it.
    """

    name: ClassVar[str]
    taxonomy: ClassVar[Taxonomy]
    version: ClassVar[str] = ""
    source: ClassVar[str] = ""
    requires: ClassVar[tuple[str, ...]] = ()

    @property
    def reads_whole_table(self) -> bool:
        """Whether on a table it looks at columns of all architectures at once, so that no budget bounds what it sees."""
        return False

    def required(self) -> dict[str, str]:
        """Versions of the distributions that it `requires`; a missing one is a `HarnessError` with the install command."""
        return versions_of(self.requires, f"method {self.name}")

    @property
    def statistic_names(self) -> tuple[str, ...]:
        """Statistics of architectures that it asks `Problem.statistics` for, such as ``params``; by default none."""
        return ()

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Self:
        """Construct from parameters by their public names, see `parameters_of`; nothing is checked."""
        names = {name: field.name for name, field in parameters_of(cls).items()}
        return cls(**{names[key]: value for key, value in params.items()})

    def check(self, offer: Offer) -> None:  # noqa: B027  (most refuse nothing)
        """Refuse a benchmark on which every search would fail, before anything is run; by default none.

        Parameters
        ----------
        offer
            What the benchmark offers.

        Raises
        ------
        HarnessError
            If the method cannot run there; the message says what it wants.
        """

    def check_statistics(self, columns: Mapping[str, NDArray[np.float64]]) -> None:  # noqa: B027  (most refuse nothing)
        """Refuse a table by its statistics, as `check` refuses a benchmark; by default none.

        Parameters
        ----------
        columns
            (n_rows,) arrays by name, those of `statistic_names`.

        Raises
        ------
        HarnessError
            If every search would fail there; the message says what the method wants.
        """


class AskTell(Method):
    """A method that is asked for an architecture and told its score until the budget is spent."""

    def start(self, problem: Problem, streams: Streams) -> None:
        """Begin a search. Keeps the problem and the streams; override to draw streams and to reset state."""
        self.problem = problem
        self.streams = streams

    @abstractmethod
    def ask(self) -> Arch | None:
        """The next architecture to evaluate, or None if the method has nothing left to try."""

    @abstractmethod
    def tell(self, arch: Arch, evaluation: Evaluation) -> None:
        """Learn the evaluation of what was asked for."""

    def result(self) -> SearchResult:
        """What the search hands back when it has ended; by default the best that it evaluated."""
        return SearchResult()


class OwnLoop(Method):
    """A method that owns its loop."""

    @abstractmethod
    def search(self, problem: Problem, streams: Streams) -> SearchResult:
        """Search until the budget is spent or nothing is left to do."""


@typing.runtime_checkable
class Lockstep(typing.Protocol):
    """A method that can advance many seeds at once."""

    def lockstep(self, problem: LockstepProblem, benchmark: str, seeds: Sequence[int]) -> None:
        """Spend the whole budget of every seed: `LockstepProblem.steps` evaluations, or until it raises `BudgetExhausted`.

        Row s of the problem's history belongs to ``seeds[s]``.
        """


def run_search(method: Method, problem: Problem, streams: Streams) -> SearchResult:
    """Run one search to its end, whichever form the method has; asking for more than the budget pays for is an end too."""
    method.required()
    method.check(problem.offer)
    for name in method.statistic_names:
        if name not in problem.statistic_names:
            raise unknown_name("statistic", name, problem.statistic_names, where=method.name)
    try:
        if isinstance(method, OwnLoop):
            result = method.search(problem, streams)
            if not isinstance(result, SearchResult):
                raise HarnessError(f"{method.name}: its search returned {result!r}; wanted a SearchResult")
            return result
        assert isinstance(method, AskTell)  # nothing else can be registered
        method.start(problem, streams)
        ask, tell, evaluate = method.ask, method.tell, problem.evaluate
        while not problem.exhausted:
            arch = ask()
            if arch is None:
                break
            tell(arch, evaluate(arch))
    except BudgetExhausted:
        pass
    return method.result() if isinstance(method, AskTell) else SearchResult()


def run_lockstep(method: Lockstep, problem: LockstepProblem, benchmark: str, seeds: Sequence[int]) -> None:
    """Run the searches of many seeds to their ends."""
    with contextlib.suppress(BudgetExhausted):
        method.lockstep(problem, benchmark, seeds)


_REGISTRY: dict[str, type[Method]] = {}
M = TypeVar("M", bound=type[Method])


def register_method(name: str) -> Callable[[M], M]:
    """Class decorator: make a method known by name.

    Raises
    ------
    HarnessError
        If another class has the name already, or the class is not fit to be run: neither `AskTell` nor `OwnLoop`, without a
        method that these want, or without a taxonomy.
    """

    def register(cls: M) -> M:
        lacking = sorted(getattr(cls, "__abstractmethods__", ()))
        if not issubclass(cls, AskTell | OwnLoop) or lacking:
            what = f"has no {' and '.join(lacking)}" if lacking else "is neither"
            raise HarnessError(
                f"method {name!r}: class {cls.__name__} {what}; subclass AskTell (ask and tell) or OwnLoop (search)"
            )
        taxonomy_of_class(cls, "method", name)
        known = _REGISTRY.get(name)
        if known is not None and (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
            raise HarnessError(f"method {name!r} is registered twice: {known.__module__} and {cls.__module__}")
        cls.name = name
        inherited = "version" not in vars(cls) and not cls.__module__.startswith("harness.")
        if not cls.version or inherited:
            cls.version = _source_hash(cls)
        _REGISTRY[name] = cls
        see(cls)
        return cls

    return register


def _forget(modules: Container[str]) -> None:
    """Forget the methods that these modules have registered: they are to be imported anew."""
    for name in [name for name, cls in _REGISTRY.items() if cls.__module__ in modules]:
        del _REGISTRY[name]


plugins.on_forget(_forget)


def method_names() -> list[str]:
    """Sorted names of all methods: built-in ones, those of entry points, and those of loaded plug-in files."""
    _load_all()
    return sorted(_REGISTRY)


def method_class(name: str) -> type[Method]:
    """The class registered under `name`; an unknown name is an error with the nearest ones."""
    _load_all()
    if name not in _REGISTRY:
        raise unknown_name("method", name, _REGISTRY)
    cls = _REGISTRY[name]
    if not dataclasses.is_dataclass(cls):
        raise HarnessError(f"method {name}: its class {cls.__name__} must be a @dataclass of its parameters")
    return cls


def make_method(name: str, **params: Any) -> Method:
    """Construct a method from its name and parameters.

    Raises
    ------
    HarnessError
        If the name or a parameter is unknown, or a value has the wrong type or range.
    """
    cls = method_class(name)
    fields = parameters_of(cls)
    for key in params:
        if key not in fields:
            raise unknown_name(f"parameter of method {name}:", key, fields)
    for key, field in fields.items():
        if key not in params and field.default is field.default_factory is dataclasses.MISSING:
            raise HarnessError(f"method {name}: parameter {key} has no default; give it a value")
    hints = typing.get_type_hints(cls)
    return cls.of(
        {key: checked(f"method {name}: {key}", value, hints[fields[key].name]) for key, value in params.items()}
    )


def parameters_of(cls: type[Method]) -> dict[str, dataclasses.Field[Any]]:
    """Fields that are parameters of a method, by public name: that of the field, or what its metadata say is its ``name``."""
    fields = dataclasses.fields(cls)  # type: ignore[arg-type]
    return {str(field.metadata.get("name", field.name)): field for field in fields if field.init}


def method_params(method: Method) -> dict[str, Any]:
    """All parameters of a method with their values by public name, which are part of a cell's key; defaults are included.

    Those that a method was given later, whose fields' metadata say ``later=True``, are left out at their defaults: the cells that
    were run before there was such a parameter are the same.
    """
    values = {name: (field, getattr(method, field.name)) for name, field in parameters_of(type(method)).items()}
    return {
        name: value
        for name, (field, value) in values.items()
        if not (field.metadata.get("later") and value == field.default)
    }


def require(condition: bool, message: str) -> None:
    """Refuse a parameter: for use in a method's ``__post_init__``."""
    if not condition:
        raise HarnessError(message)


def first_best(scores: NDArray[np.float64]) -> NDArray[np.intp]:
    """Position of the best score, the first of equal ones: (..., n) -> (...)."""
    return scores.argmax(axis=-1)


def _source_hash(cls: type) -> str:
    try:
        with open(inspect.getfile(cls), "rb") as source:
            return "source-" + hashlib.sha256(source.read()).hexdigest()[:16]
    except (OSError, TypeError):  # defined in an interactive session
        return "unversioned"


@lru_cache(maxsize=1)  # looking through the installed packages takes milliseconds
def _load_all() -> None:
    import harness.methods

    harness.methods.load_builtin()
    for point in entry_points(group="nas_harness.methods"):
        if point.name not in _REGISTRY:
            point.load()
