"""The JSON schemas that editors are given, and what comes with the project held against them."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.errors import HarnessError
from harness.recording.spec import find_spec, spec_schema
from harness.suites.file import suite_schema
from harness.suites.reading import load_suite, make_suite

ROOT = Path(__file__).parents[2]
SUITES = sorted((ROOT / "benchmarks" / "suites").rglob("*.toml"))
SPECS = sorted((ROOT / "benchmarks" / "tables").glob("*.toml"))
SMALL: dict[str, Any] = {
    "seeds": "0:2",
    "benchmarks": ["synthetic/ridge"],
    "budgets": {"evaluations": 5},
    "methods": [{"name": "random"}],
}


def valid(values: Any, schema: dict[str, Any]) -> bool:
    """Whether another library finds that the values are of the schema."""
    jsonschema = pytest.importorskip("jsonschema", reason="comes with nbclient, of the extra `test`")
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema).is_valid(values)


@pytest.mark.parametrize(("what", "file"), [("suite", "suites/suite"), ("record", "tables/record")])
def test_the_schema_that_is_kept_is_the_one_that_is_printed(what: str, file: str, cli: Callable[..., Any]) -> None:
    done = cli("schema", what)
    assert (done.code, done.err) == (0, "")
    assert (ROOT / "benchmarks" / f"{file}.schema.json").read_text() == done.out


@pytest.mark.parametrize("path", [*SUITES, *SPECS], ids=lambda path: path.stem)
def test_what_comes_with_the_project_is_of_its_schema(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    first = text.splitlines()[0]
    up = "../" * (len(path.relative_to(ROOT / "benchmarks").parts) - 2)
    assert first == f"#:schema {up}{'suite' if path in SUITES else 'record'}.schema.json"
    schema = json.loads((path.parent / first.removeprefix("#:schema ")).read_text())
    assert valid(tomllib.loads(text), schema)


def test_there_are_some() -> None:
    assert len(SUITES) >= 8
    assert find_spec("digits201").name in {path.stem for path in SPECS}


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"name": "../up"},
        {"name": "two\n"},
        {"description": 3},
        {"seeds": [-1]},
        {"benchmarks": 3},
        {"benchmarks": {"develop": ["synthetic/ridge"]}},
        {"budgets": {"evaluations": 0}},
        {"budgets": {"evaluation": 5}},
        {"budgets": 5},
        {"metrics": [1]},
        {"constraint": {"latency": 20}},
        {"methods": [{"label": "random"}]},
        {"methods": {"name": "random"}},
        {"methods": [{"name": "random", "label": 3}]},
        {"methods": [{"name": "random", "metrics": 3}]},
        {"search": 3},
        {"device": 3},
    ],
    ids=str,
)
def test_what_the_schema_refuses_is_refused(change: dict[str, Any]) -> None:
    assert valid(SMALL, suite_schema())
    assert not valid(SMALL | change, suite_schema())
    make_suite(SMALL)
    with pytest.raises(HarnessError) as raised:
        make_suite(SMALL | change)
    assert "\n" not in str(raised.value)


def test_settings_are_those_that_people_write() -> None:
    live = SMALL | {"benchmarks": ["live/darts-digits"], "budgets": {"epochs": 2}}
    assert valid(live | {"search": {"channels": 4}, "evaluation": {"proxy_epochs": 3, "epochs": 9}}, suite_schema())
    for wrong in ({"search": {"epochs": 3}}, {"search": {"chanels": 3}}, {"evaluation": {"channels": "3"}}):
        assert not valid(live | wrong, suite_schema())
    own = [
        {"name": "one-shot", "search": "random"},
        {"name": "darts-1st", "search": {"momentum": 0.5}, "update": "w_first"},
    ]
    assert valid(live | {"methods": own}, suite_schema())
    assert not valid({"name": "mine"}, spec_schema())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"benchmarks": {"develop": ["synthetic/ridge"]}},
            "benchmarks: wanted a list of texts, or a table of two, dev and test",
        ),
        (
            {"benchmarks": {"dev": ["synthetic/ridge"], "test": ["synthetic/*"]}},
            "benchmarks: synthetic/ridge is in dev and in test: what methods are tuned on is no test; leave it out of one",
        ),
        (
            {"benchmarks": {"dev": ["synthetic/rigde"]}},
            "unknown benchmark 'synthetic/rigde'; did you mean 'synthetic/ridge'",
        ),
        ({"benchmarks": {"dev": [], "test": []}}, "benchmarks is missing or empty"),
        ({"device": 3}, "device: wanted cpu, cuda or cuda:<number>, not 3"),
        ({"search": [1]}, r"search: wanted a table such as \[search\] channels = 16, not \[1\]"),
    ],
)
def test_wrong_values_are_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(HarnessError, match=message):
        make_suite(SMALL | change)


def test_parts_of_the_benchmarks(tmp_path: Path) -> None:
    file = tmp_path / "tuned.toml"
    file.write_text(
        'seeds = "0:2"\n[benchmarks]\ndev = "synthetic/ridge"\ntest = ["nasbench-graph/cora", "nasbench-graph/cs"]\n'
        '[budgets]\nevaluations = 5\n[[methods]]\nname = "random"\n'
    )
    whole, dev, test = load_suite(file), load_suite(file, part="dev"), load_suite(file, part="test")
    assert (whole.name, dev.name, test.name) == ("tuned", "tuned-dev", "tuned-test")
    assert (
        whole.benchmarks
        == dev.benchmarks + test.benchmarks
        == (
            "synthetic/ridge",
            "nasbench-graph/cora",
            "nasbench-graph/cs",
        )
    )
    # Cells are the same, whichever part they are run as.
    keys = [group.key(0) for group in whole.groups()]
    assert keys == [group.key(0) for suite in (dev, test) for group in suite.groups()]
    assert type(whole).from_resolved(json.loads(json.dumps(whole.resolved()))).parts == whole.parts
    assert "parts" not in make_suite(SMALL).resolved()
    with pytest.raises(HarnessError, match="unknown part 'tset'; did you mean 'test'"):
        load_suite(file, part="tset")
    file.write_text(file.read_text().replace('dev = "synthetic/ridge"\n', ""))
    with pytest.raises(
        HarnessError, match=r"--part dev: its benchmarks have no such part; write \[benchmarks\] dev = "
    ):
        load_suite(file, part="dev")


def test_a_report_says_that_it_mixes_parts(tmp_path: Path, cli: Callable[..., Any]) -> None:
    file = tmp_path / "tuned.toml"
    file.write_text(
        'seeds = "0:6"\n[benchmarks]\ndev = ["nasbench-graph/cora"]\ntest = ["nasbench-graph/pubmed"]\n'
        '[budgets]\nevaluations = 10\n[[methods]]\nname = "local-search"\n'
    )
    said = {}
    for part in ("", "dev", "test"):
        out = tmp_path / f"out{part}"
        done = cli("run", file, *(("--part", part) if part else ()), "-o", out, "-j", "1", "-q")
        assert done.code == 0, done.err
        said[part] = [line for line in (out / "report" / "report.md").read_text().splitlines() if "tuned on" in line]
    assert len(said[""]) == 1
    assert "tuned on cora (part dev), and this report mixes it with 1 table of part test" in said[""][0]
    assert "tuned on all of these benchmarks (part dev): this is no test" in said["dev"][0]
    assert said["test"] == []
    assert (
        cli("run", "--benchmark", "synthetic/ridge", "--method", "random", "--part", "dev", "-o", tmp_path / "x").code
        == 2
    )
