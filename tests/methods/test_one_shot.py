"""Options of one-shot: their keys, and what is refused."""

import pytest

from harness.errors import HarnessError
from harness.methods.base import make_method, method_params
from harness.suites.reading import make_suite

SUITE = {
    "name": "x",
    "seeds": [0],
    "benchmarks": ["one-shot/digits201"],
    "budgets": {"epochs": 2},
    "methods": [{"name": "one-shot", "candidates": 2, "recalibrate": True}],
}


def test_options_that_came_later_are_in_keys_only_where_they_are_used():
    defaults = {"search": "random", "params": {}, "candidates": 100, "unsampled": "decay"}
    assert method_params(make_method("one-shot")) == defaults
    assert method_params(make_method("one-shot", sampler="uniform", recalibrate=False)) == defaults
    options = {"sampler": "novelty", "recalibrate": True}
    method = make_method("one-shot", **options)
    assert method_params(method) == defaults | options
    assert make_method("one-shot", **method_params(method)) == method


def test_wrong_options():
    with pytest.raises(HarnessError, match="one-shot: sampler: wanted 'uniform' or 'novelty', not 'novel'"):
        make_method("one-shot", sampler="novel")
    with pytest.raises(HarnessError, match="one-shot: recalibrate: wanted bool, not 1"):
        make_method("one-shot", recalibrate=1)


@pytest.mark.torch
def test_nothing_to_recalibrate_is_refused_before_anything_is_run():
    pytest.importorskip("torch", reason="needs the extra `live`")
    message = (
        '^benchmark one-shot/digits201: one-shot: recalibrate wants .search. batch_norm = "running"; "batch" has no'
    )
    with pytest.raises(HarnessError, match=message):
        list(make_suite(SUITE).groups())
    assert len(list(make_suite(SUITE | {"search": {"batch_norm": "running"}}).groups())) == 1


@pytest.mark.torch
def test_a_search_refuses_it_too():
    pytest.importorskip("torch", reason="needs the extra `live`")
    from harness.testing import check_supernet_method

    with pytest.raises(HarnessError, match="one-shot: recalibrate wants"):
        check_supernet_method("one-shot", epochs=1, candidates=1, recalibrate=True)
