"""Methods that search a supernet through drawn paths: parameters, and where they refuse to run."""

import pytest

from harness.errors import HarnessError
from harness.levels import Bilevel, MixedLevel, SingleLevel
from harness.methods.base import make_method
from harness.problem.budget import Budget
from harness.problem.offer import Offer
from harness.spaces.nasbench201 import NASBench201Space

LOOKUP = {"cost": "lookup", "cost_weight": 0.1}


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("gdas", {"temperature": 0.0}, "gdas: temperature must be a number above 0, not 0.0"),
        ("gdas", {"temperature_end": -1}, "gdas: temperature_end must be a number above 0, not -1.0"),
        (
            "milenas-gumbel",
            {"temperature": float("nan")},
            "milenas-gumbel: temperature must be a number above 0, not nan",
        ),
        (
            "milenas-gumbel",
            {"level": "milenas-1"},
            "milenas-gumbel: unknown level 'milenas-1'; did you mean 'milenas-1st'",
        ),
        ("milenas-gumbel", {"lambda_valid": -1}, "MixedLevel: lambda_valid must be a number >= 0, not -1.0"),
        ("proxyless", {"alpha_every": 0}, "proxyless: alpha_every must be at least 1, not 0"),
        ("proxyless", {"alpha_from": 1}, r"proxyless: alpha_from must be a share in \[0, 1\), not 1.0"),
        ("proxyless", {"unsampled": "thawed"}, "method proxyless: unsampled: wanted 'frozen' or 'decay', not 'thawed'"),
        ("proxyless", {"cost_weight": -1}, "proxyless: cost_weight must be a number of at least 0, not -1.0"),
        ("proxyless", {"cost": "latency"}, "proxyless: cost 'latency' has no weight; write cost_weight = 0.1"),
        ("proxyless", LOOKUP, 'proxyless: cost = "lookup" and lookup belong together'),
        ("proxyless", {"lookup": {"none": 1.0}}, 'proxyless: cost = "lookup" and lookup belong together'),
        ("proxyless", {**LOOKUP, "lookup": {"none": "x"}}, "lookup: none wants a number of at least 0, not 'x'"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(name, params, message):
    with pytest.raises(HarnessError, match=message) as caught:
        make_method(name, **params)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["gdas", "milenas-gumbel", "proxyless"])
def test_a_table_without_a_supernet_is_refused(name):
    with pytest.raises(HarnessError, match=f"^{name}: wants a supernet, and a table has no weights to share$"):
        make_method(name).check(Offer(NASBench201Space(), Budget("evaluations", 10)))
    make_method(name).check(Offer(NASBench201Space(), Budget("epochs", 1), supernet={}))


def test_levels():
    assert make_method("gdas").chosen_level() == Bilevel(update="w_first")
    assert make_method("milenas-gumbel", lambda_valid=3).chosen_level() == MixedLevel(
        lambda_valid=3.0, update="alpha_first"
    )
    assert make_method("milenas-gumbel", level="single-level").chosen_level() == SingleLevel(update="alpha_first")
    assert make_method("milenas-gumbel", level="darts-2nd").chosen_level() == Bilevel(order=2, update="alpha_first")


def test_a_column_that_is_not_shown_is_refused_before_anything_is_run():
    method = make_method("proxyless", cost="latency", cost_weight=0.1)
    with pytest.raises(
        HarnessError, match=r'unknown cost \'latency\'.*; a column must be shown: metrics = \["latency"\] in the suite$'
    ):
        method.check(Offer(NASBench201Space(), Budget("epochs", 1), supernet={}))
    method.check(Offer(NASBench201Space(), Budget("epochs", 1), columns=("latency",), supernet={}))
