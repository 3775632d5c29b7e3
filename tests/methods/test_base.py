"""Parameters of methods: what their type hints promise is what a method gets."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Literal

import pytest

import harness
from harness.cli.listing import describe
from harness.errors import HarnessError
from harness.methods.base import AskTell, make_method, method_params


@pytest.fixture(autouse=True)
def typed(registries: None) -> None:
    @harness.register_method("typed")
    @dataclasses.dataclass
    class Typed(AskTell):
        needed: int
        sizes: list[int] = dataclasses.field(default_factory=lambda: [1, 2])
        pair: tuple[int, str] = (1, "a")
        rates: tuple[float, ...] = ()
        maybe: list[float] | None = None
        mode: Literal["fast", "slow"] = "fast"
        names: dict[str, int] = dataclasses.field(default_factory=dict)
        anything: Any = None
        either: float | int = 1
        taxonomy: ClassVar[harness.Taxonomy] = harness.Taxonomy("any", "random", "none", "none")

        def ask(self) -> None: ...

        def tell(self, arch: Any, evaluation: Any) -> None: ...


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"sizes": [3, 4]}, [3, 4]),
        ({"sizes": []}, []),
        ({"pair": [2, "b"]}, (2, "b")),
        ({"rates": [1, 0.5]}, (1.0, 0.5)),
        ({"maybe": [1]}, [1.0]),
        ({"maybe": None}, None),
        ({"mode": "slow"}, "slow"),
        ({"names": {"a": 1}}, {"a": 1}),
        ({"anything": [1, "a"]}, [1, "a"]),
        ({"anything": True}, True),
        ({"either": 2}, 2),
    ],
)
def test_values_that_fit(given: dict[str, Any], kept: Any) -> None:
    method = make_method("typed", needed=1, **given)
    (name,) = given
    assert getattr(method, name) == kept
    assert type(getattr(method, name)) is type(kept)
    assert make_method("typed", **method_params(method)) == method


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"sizes": 3}, r"sizes: wanted list\[int\], not 3"),
        ({"sizes": [3, "4"]}, "sizes, entry 2: wanted int, not '4'"),
        ({"sizes": [True]}, "sizes, entry 1: wanted int, not True"),
        ({"pair": [2]}, r"pair: wanted tuple\[int, str\], not \[2\]"),
        ({"pair": [2, 3]}, "pair, entry 2: wanted str, not 3"),
        ({"maybe": ["x"]}, r"maybe: wanted list\[float\] or None, not \['x'\]"),
        ({"mode": "medium"}, "mode: wanted 'fast' or 'slow', not 'medium'"),
        ({"names": []}, r"names: wanted dict\[str, int\], not \[\]"),
        ({"either": "2"}, "either: wanted float or int, not '2'"),
    ],
)
def test_values_that_do_not_fit(given: dict[str, Any], words: str) -> None:
    with pytest.raises(HarnessError, match=f"method typed: {words}"):
        make_method("typed", needed=1, **given)


def test_a_parameter_without_a_default_is_asked_for() -> None:
    with pytest.raises(HarnessError, match="method typed: parameter needed has no default; give it a value"):
        make_method("typed")
    (row,) = [row for row in describe("methods") if row["name"] == "typed"]
    assert row["about"].startswith("(needed=?, sizes=[1, 2], ")
