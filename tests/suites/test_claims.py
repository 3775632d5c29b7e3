"""What a suite claims: how it is read, and what is refused before anything is run."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scipy import stats

from harness.errors import HarnessError
from harness.statistics.regions import Region
from harness.suites.claims import Against, Claim, Correlation, Order, Published
from harness.suites.reading import load_suite, make_suite, suite_names
from harness.suites.suite import Suite

RIDGE = "synthetic/ridge"
SAID = {"says": "It is so.", "source": "Somebody, table 1"}
BETTER = {"method": "local-search", "beats": "random@budget"}
VALUE = {"method": "local-search", "value": 90.0, "margin": 1.0}


def document(*claims: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "seeds": "0:3",
        "benchmarks": [RIDGE],
        "budgets": {"evaluations": 10},
        "methods": [{"name": "random"}, {"name": "local-search"}, {"name": "regularized-evolution", "label": "EA"}],
        "claims": [SAID | claim for claim in claims],
    } | more


def read(claim: dict[str, Any], **more: Any) -> Claim:
    (found,) = make_suite(document(claim, **more)).claims
    return found


@pytest.mark.parametrize(
    ("claim", "what"),
    [
        (BETTER, Against("local-search", "random@budget", Region(low=0.0))),
        (BETTER | {"by": " 0.5 %"}, Against("local-search", "random@budget", Region(low=0.5))),
        (
            {"method": "local-search", "is": "no worse than", "baseline": "EA", "within": "1 %"},
            Against("local-search", "EA", Region(low=-1.0)),
        ),
        (
            {"method": "local-search", "is": "equivalent to", "baseline": "random@1", "within": "1 %"},
            Against("local-search", "random@1", Region(-1.0, 1.0)),
        ),
        (VALUE, Published("local-search", 90.0, 1.0)),
        (
            VALUE | {"spread": {"sd": 2.0}, "n": 4, "unit": "percent"},
            Published("local-search", 90.0, 1.0, "percent", 1.0, 4, 2.0),
        ),
        (VALUE | {"spread": {"sem": 0.3}, "n": 4}, Published("local-search", 90.0, 1.0, "", 0.3, 4, 0.3)),
        # Without a number of runs a spread says nothing of the error of a mean.
        (VALUE | {"spread": {"sd": 2.0}}, Published("local-search", 90.0, 1.0, spread=2.0)),
        ({"method": "random@50", "value": 9, "margin": 0}, Published("random@50", 9.0, 0.0)),
        ({"order": ["EA", "random"]}, Order(("EA", "random"))),
        ({"kendall": ">= 0.5", "between": ["valid", "test"]}, Correlation("", ("valid", "test"), Region(low=0.5))),
        ({"kendall": "<= -0.1", "between": ["valid", "test"]}, Correlation("", ("valid", "test"), Region(high=-0.1))),
    ],
    ids=str,
)
def test_kinds(claim: dict[str, Any], what: object) -> None:
    found = read(claim)
    assert found.what == what
    assert (found.number, found.benchmarks, found.budget.amount, found.test) == (1, (RIDGE,), 10, "fixed")


def test_methods_that_it_is_about() -> None:
    assert read(BETTER).methods == ("local-search",)
    assert read(BETTER | {"beats": "EA"}).methods == ("local-search", "EA")
    assert read({"order": ["EA", "random"]}).methods == ("EA", "random")
    assert read({"method": "optimum", "value": 1, "margin": 1}).methods == ()


def test_one_of_several_budgets_and_benchmarks() -> None:
    more: dict[str, Any] = {
        "budgets": {"evaluations": [5, 10]},
        "benchmarks": [RIDGE, "digits201"],
        "methods": [{"name": "random"}, {"name": "local-search", "benchmarks": ["digits201"]}],
    }
    found = read(BETTER | {"budget": 5, "benchmark": "digits*"}, **more)
    assert (found.budget.amount, found.benchmarks) == (5, ("digits201",))
    # Left out: all on which the method is run.
    assert read(BETTER | {"budget": 5}, **more).benchmarks == ("digits201",)
    with pytest.raises(HarnessError, match="claim 1: local-search is not run on synthetic/ridge"):
        read(BETTER | {"budget": 5, "benchmark": RIDGE}, **more)
    with pytest.raises(HarnessError, match="claim 1: budget: which of the suite's budgets; valid: 5, 10"):
        read(BETTER, **more)
    with pytest.raises(HarnessError, match="claim 1: budget: 7 is none of the suite's budgets; valid: 5, 10"):
        read(BETTER | {"budget": 7}, **more)


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        ({}, "claim 1: has none; a claim has one of beats, is, value, order, kendall"),
        (BETTER | {"value": 1.0}, "claim 1: has beats and value; a claim has one of"),
        (BETTER | {"margin": 1.0}, "claim 1: margin does not go with beats; beside it go method, by, says"),
        (BETTER | {"method": "lokal-search"}, "claim 1: unknown method 'lokal-search'; did you mean 'local-search'"),
        (BETTER | {"beats": "EB"}, "claim 1: unknown method 'EB'; did you mean 'EA'"),
        (BETTER | {"beats": "random@0"}, "claim 1: unknown method 'random@0'"),
        (BETTER | {"beats": "local-search"}, "claim 1: beats: local-search is compared with itself"),
        (BETTER | {"method": "random@1"}, "claim 1: random@1 is a baseline; give the label"),
        ({"beats": "random@1"}, "claim 1: method is missing"),
        (BETTER | {"by": "0.5"}, 'claim 1: by: wanted a relative improvement such as "0.5 %"'),
        (BETTER | {"by": "e %"}, 'claim 1: by: wanted a relative improvement such as "0.5 %"'),
        (BETTER | {"by": 0.5}, 'claim 1: by: wanted a text such as "0.5 %", not 0.5'),
        (BETTER | {"bye": "1 %"}, "claim 1: unknown key 'bye'; did you mean 'by'"),
        (BETTER | {"benchmark": "synthetic/rigde"}, "claim 1: unknown benchmark 'synthetic/rigde'; did you mean"),
        (BETTER | {"statistic": "tset"}, "claim 1: statistic: wanted one of test, valid"),
        (BETTER | {"test": "t"}, "claim 1: test: wanted fixed or sequential, not 't'"),
        (BETTER | {"says": " "}, "claim 1: says: wanted a text of one line"),
        ({"method": "EA", "is": "equivalent to", "baseline": "random"}, "claim 1: within is missing"),
        ({"method": "EA", "is": "equivalent to", "within": "1 %"}, "claim 1: baseline is missing"),
        ({"method": "EA", "is": "alike", "baseline": "random"}, 'claim 1: is: wanted "no worse than" or'),
        (
            {"method": "EA", "is": "no worse than", "baseline": "random", "within": "0 %"},
            "claim 1: within: wanted a percentage above 0",
        ),
        ({"method": "EA", "value": 1.0}, "claim 1: margin is missing: by how much the mean may differ from 1"),
        ({"value": 1.0, "margin": 1.0}, "claim 1: method is missing: one of the suite, random@N or optimum"),
        (VALUE | {"margin": -1.0}, "claim 1: margin: wanted a finite number of at least 0, not -1.0"),
        (VALUE | {"value": math.inf}, "claim 1: value: wanted a finite number, not inf"),
        (VALUE | {"n": 3}, "claim 1: n without spread"),
        (VALUE | {"n": 1, "spread": {"sd": 1.0}}, "claim 1: n: wanted a whole number of at least 2"),
        (VALUE | {"spread": {"sd": 1.0, "sem": 1.0}}, "claim 1: spread: wanted sd or sem, not both"),
        (VALUE | {"spread": {"se": 1.0}}, "claim 1: spread: wanted { sd = ... } or { sem = ... }"),
        ({"order": ["EA"]}, "claim 1: order: wanted two different methods or more"),
        ({"order": ["EA", "EA"]}, "claim 1: order: wanted two different methods or more"),
        ({"kendall": "0.5", "between": ["valid", "test"]}, 'claim 1: kendall: wanted a text such as ">= 0.5"'),
        ({"kendall": ">= 2", "between": ["valid", "test"]}, "claim 1: kendall: wanted a text .* from -1 to 1"),
        ({"kendall": ">= 0", "between": ["valid"]}, "claim 1: between: wanted two different columns"),
        (
            {"kendall": ">= 0", "between": ["valid", "test"], "statistic": "test"},
            "claim 1: statistic does not go with kendall",
        ),
        (
            {"method": "EA", "is": "", "baseline": "random", "within": "1 %"},
            "claim 1: beats and is: wanted a text that is",
        ),
        (
            VALUE | {"statistic": "evaluations", "reaches": math.nan},
            "claim 1: reaches: wanted a finite number, not nan",
        ),
        (BETTER | {"reaches": 0.9}, "claim 1: reaches goes with the statistics epochs and evaluations, not with test"),
    ],
    ids=str,
)
def test_what_is_no_claim(claim: dict[str, Any], message: str) -> None:
    with pytest.raises(HarnessError, match=message):
        make_suite(document(claim))


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        (BETTER | {"statistic": "gap"}, "claim 1: benchmark synthetic/ridge: statistic gap is of supernets"),
        (BETTER | {"statistic": "hypervolume"}, "claim 1: .*: statistic hypervolume is of a table and the only column"),
        (
            {"method": "EA", "beats": "random@1", "statistic": "evaluations"},
            "claim 1: .*: random@1 has no evaluations; compare scores",
        ),
        (VALUE | {"statistic": "evaluations", "unit": "percent"}, "claim 1: .*: unit: evaluations is no score"),
        ({"kendall": ">= 0", "between": ["valid", "tset"]}, "claim 1: .* between: unknown column 'tset'; did you mean"),
        (
            {"kendall": ">= 0", "between": ["valid", "test"], "method": "EA"},
            "claim 1: .*: method: columns of a table need none",
        ),
    ],
    ids=str,
)
def test_what_its_benchmark_cannot_tell(claim: dict[str, Any], message: str) -> None:
    with pytest.raises(HarnessError, match=message):
        make_suite(document(claim)).groups()


def test_random_search_by_chance_wants_searches() -> None:
    more: dict[str, Any] = {
        "benchmarks": ["digits201"],
        "budgets": {"simulated_s": 200},
        "methods": [{"name": "local-search"}],
    }
    with pytest.raises(HarnessError, match="random@budget has no exact law there; add the method random"):
        make_suite(document(BETTER, **more)).groups()
    make_suite(document(BETTER, **more | {"methods": [{"name": "local-search"}, {"name": "random"}]})).groups()


@pytest.mark.parametrize(
    ("benchmark", "claim", "message"),
    [
        ("live/nasbench201-digits", {"method": "optimum", "value": 9, "margin": 1}, "optimum is not known where"),
        ("live/nasbench201-digits", {"method": "darts-1st", "beats": "random@1"}, "add the method random-architecture"),
        ("live/nasbench201-digits", {"method": "darts-1st", "beats": "random@5"}, "no exact law there; compare with"),
        (
            "live/nasbench201-digits",
            {"method": "darts-1st", "beats": "single-level", "statistic": "regret"},
            "nobody knows the best",
        ),
        ("one-shot/digits201", {"method": "darts-1st", "beats": "random@budget"}, "no exact law there; compare with"),
        (
            "one-shot/digits201",
            {"method": "darts-1st", "kendall": "<= 0.5", "between": ["valid", "test"]},
            'between = \\["shared weights", "valid"\\]',
        ),
    ],
    ids=str,
)
def test_what_supernets_cannot_tell(benchmark: str, claim: dict[str, Any], message: str) -> None:
    more = {
        "benchmarks": [benchmark],
        "budgets": {"epochs": 1},
        "methods": [{"name": "darts-1st"}, {"name": "single-level"}],
    }
    with pytest.raises(HarnessError, match=message):
        make_suite(document(claim, **more)).groups()


def test_they_are_kept_with_the_suite() -> None:
    suite = make_suite(document(BETTER, {"order": ["EA", "random"]}, VALUE | {"spread": {"sd": 2.0}, "n": 4}))
    written = json.loads(json.dumps(suite.resolved()))
    assert Suite.from_resolved(written).claims == suite.claims
    # Of a part of it those that are about this part.
    part = Suite.from_resolved(written, methods={"random", "EA"})
    assert [claim.number for claim in part.claims] == [2]
    assert "claims" not in make_suite(document()).resolved()


def test_seeds_that_leave_a_method_out_leave_its_claims_out() -> None:
    methods = [
        {"name": "random"},
        {"name": "local-search", "seeds": "0:3"},
        {"name": "regularized-evolution", "label": "EA"},
    ]
    suite = make_suite(document(BETTER, {"order": ["EA", "random"]}, methods=methods, seeds="5:9"))
    assert [claim.number for claim in suite.claims] == [2]


def test_a_benchmark_that_is_not_here() -> None:
    line = "nas-harness import FILE"
    more = {"benchmarks": [RIDGE, "mine/table"], "imports": {"mine/table": line}}
    with pytest.raises(HarnessError, match="benchmark mine/table is not here; import it with: nas-harness import FILE"):
        make_suite(document(BETTER, **more))
    suite = make_suite(document(BETTER, BETTER | {"benchmark": "mine/*"}, **more), without_absent=True)
    assert (suite.benchmarks, suite.absent) == ((RIDGE,), {"mine/table": line})
    assert [claim.benchmarks for claim in suite.claims] == [(RIDGE, "mine/table"), ("mine/table",)]
    with pytest.raises(HarnessError, match="unknown benchmark 'mine/tabel'"):
        make_suite(document(BETTER, **more | {"benchmarks": ["mine/tabel"]}), without_absent=True)


def test_plan_says_what_no_number_of_seeds_can_show(cli: Callable[..., Any], tmp_path: Path) -> None:
    half = stats.t.ppf(0.95, 3) * 2.0 / 2
    suite = """
seeds = "0:2"
benchmarks = ["synthetic/ridge"]
budgets = { evaluations = 5 }
methods = [{ name = "random" }]
[[claims]]
says = "a"
source = "b"
method = "random"
value = 90
spread = { sd = 2.0 }
n = 4
margin = """
    file = tmp_path / "suite.toml"
    file.write_text(suite + str(half + 0.01))
    assert "no number" not in cli("plan", file, "-o", tmp_path / "out").out
    file.write_text(suite + str(half - 0.01))
    done = cli("plan", file, "-o", tmp_path / "out")
    assert done.code == 0
    assert f"note: claim 1: the published value is known to ±{half:.3g} only" in done.out
    assert "no number of seeds can reproduce it" in json.loads(cli("plan", file, "--json").out)["notes"][0]
    file.write_text(suite + "-1")
    done = cli("plan", file)
    assert (done.code, done.err.count("\n")) == (2, 1)


def test_those_that_come_with_the_project_state_their_sources() -> None:
    names = [name for name in suite_names() if name.startswith("reproduce/")]
    claims = [claim for name in names for claim in load_suite(name, without_absent=True).claims]
    assert len(claims) >= 12
    assert len({claim.source.split(",")[0] + claim.source.split(",")[1] for claim in claims}) >= 3
    assert all(any(digit.isdigit() for digit in claim.source) for claim in claims)
