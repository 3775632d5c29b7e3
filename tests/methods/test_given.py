"""Architectures that a suite names, on tables: looked up, one evaluation each."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness.errors import HarnessError
from harness.methods.base import make_method, method_params
from harness.problem.budget import Budget
from harness.problem.offer import Offer
from harness.running.runner import run
from harness.spaces.darts import DartsSpace
from harness.spaces.nasbench201 import NASBench201Space
from harness.streams import Streams
from harness.suites.reading import load_suite, make_suite
from harness.tabular import catalogue
from harness.tabular.catalogue import load_table
from harness.tabular.problem import TabularProblem
from harness.tabular.table import Table
from harness.testing import holds_test_values

RESNET = "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|skip_connect~2|"
DENSE = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
DARTS_V2 = """DARTS_V2 = Genotype(  # Liu et al.
  normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1),
          ('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)], normal_concat=range(2, 6),
  reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1),
          ('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=range(2, 6))"""


def document(*methods: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "name": "named",
        "seeds": "0:2",
        "benchmarks": ["digits201"],
        "budgets": {"evaluations": 10},
        "methods": [{"name": "random"}, *({"name": "given"} | method for method in methods)],
    } | more


def row_of(table: Table, text: str) -> int:
    return int(table.rows[table.space.index(table.space.parse(text))])


def test_the_record_has_the_mean_of_what_the_table_says(tmp_path: Path) -> None:
    table = load_table("digits201")
    rows = [row_of(table, text) for text in (RESNET, DENSE)]
    suite = document({"architectures": [RESNET, DENSE], "label": "both"}, {"architectures": RESNET, "label": "one"})
    records = run(suite, tmp_path / "out", backend="sequential").set_index(["label", "seed"])
    for seed in (0, 1):
        both, one = records.loc[("both", seed)], records.loc[("one", seed)]
        for column, values in (("valid", table.valid), ("test", table.test), ("params", table.columns["params"])):
            assert both[column] == pytest.approx(values[rows].mean(), rel=1e-14)
            assert one[column] == values[rows[0]]
        assert (both["n_evaluations"], one["n_evaluations"]) == (2, 1)
        assert both["test_best"] == table.test[rows].max()
        assert (both["status"], both["arch"]) == ("ok", "")
        assert table.space.parse(one["arch"]) == tuple(table.codes[rows[0]])  # an encoding of the same computation
        assert json.loads(both["method_params"]) == {"architectures": [RESNET, DENSE], "file": ""}
    traces = pd.read_parquet(tmp_path / "out" / "traces.parquet").groupby("cell").size()
    assert records.loc["both"]["cell"].isin(traces.index).sum() == 0  # no architecture stands for a sample
    assert traces[records.loc["one"]["cell"]].tolist() == [1, 1]


def test_it_stands_in_reports_under_its_label(tmp_path: Path, cli: Callable[..., Any]) -> None:
    command = [
        "run",
        "--benchmark",
        "digits201",
        "--seeds",
        "0:3",
        "--budget",
        "10",
        "-o",
        tmp_path / "out",
        "-q",
        "-j",
        "1",
    ]
    listed = f'architectures=["{RESNET}", "{DENSE}"]'
    done = cli(*command, "--method", f"given,{listed}", "--method", f"given,label=ResNet,architectures={RESNET}")
    assert done.code == 0, done
    shortened = f"given,{listed[:57]}..."
    table = pd.read_csv(tmp_path / "out" / "report" / "tables" / "relative_improvement.csv")
    found = table[table["baseline"] == "random@1"].set_index("method")["ri"]
    assert set(found.index) == {"random", shortened, "ResNet"}
    measured = load_table("digits201")
    average = (measured.weights * measured.test).sum() / measured.weights.sum()
    score = measured.test[row_of(measured, RESNET)]
    assert found["ResNet"] == pytest.approx(100 * (score - average) / average, rel=1e-9)


def test_a_sample_must_satisfy_constraints_wholly(
    make_table: Callable[..., Table], tmp_path: Path, registries: None
) -> None:
    table = make_table()
    catalogue.register_benchmark("made/up")(lambda: table)
    order = table.columns["latency"].argsort()
    few, many = (table.space.format(table.codes[order[place]]) for place in (0, -1))
    bound = float(table.columns["latency"][order[len(order) // 2]])
    suite = document(
        {"architectures": [few], "label": "few"},
        {"architectures": [few, many], "label": "both"},
        benchmarks=["made/up"],
        constraint={"latency": f"<= {bound}"},
    )
    records = run(suite, tmp_path / "out", backend="sequential").set_index(["label", "seed"])
    assert records.loc[("few", 0), "status"] == "ok"
    assert records.loc[("both", 0), "status"] == "infeasible"


# What is accepted


def test_a_file_takes_every_form_and_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    space = DartsSpace()
    second = space.format([0] * 22)
    (tmp_path / "named.txt").write_text(f"# of papers, the first's\n\n{DARTS_V2}\n\n  {second}  # poolings\n")
    method: Any = make_method("given", file="named.txt")
    method.check(Offer(space, Budget("epochs", 9), supernet={}))
    assert len(method.architectures) == 2
    assert method.architectures[0].startswith("DARTS_V2 = Genotype( normal=[")
    assert not any("\n" in text or "#" in text for text in method.architectures)
    assert method.architectures[1] == second
    (tmp_path / "named.txt").unlink()  # a worker needs it no more
    assert make_method("given", **method_params(method)) == method
    (tmp_path / "cells.txt").write_text(f'RESNET = "{RESNET}"\n{DENSE}\n')
    cells: Any = make_method("given", file="cells.txt")
    table = load_table("digits201")
    found = cells.search(TabularProblem(table, Budget("evaluations", 2)), Streams("digits201", 0))
    assert found.sample == tuple(map(NASBench201Space().parse, (RESNET, DENSE)))


def test_the_cell_follows_the_content_of_the_file(tmp_path: Path) -> None:
    def keys(text: str) -> list[str]:
        (tmp_path / "named.txt").write_text(text)
        return [group.key(0) for group in make_suite(document({"file": str(tmp_path / "named.txt")})).groups()]

    assert keys(RESNET) == keys(f"# the same\n{RESNET}\n") != keys(DENSE)
    assert keys(RESNET)[1] == [g.key(0) for g in make_suite(document({"architectures": [RESNET]})).groups()][1]


def test_on_tables_with_other_spaces(make_table: Callable[..., Table]) -> None:
    table = make_table(missing=0.3)
    text = table.space.format(table.codes[5])  # variable=choice,...
    problem = TabularProblem(table, Budget("evaluations", 1))
    method: Any = make_method("given", architectures=[text])
    assert method.search(problem, Streams("x", 0)).arch == tuple(table.codes[5])
    assert problem.history.tolist() == [5]
    assert not holds_test_values(method, table)


# What is refused


def refused(outcome: Any, *messages: str) -> None:
    assert outcome.code == 2, outcome
    assert outcome.err.count("\n") == 1, outcome.err
    assert outcome.err.startswith("nas-harness: error: ")
    for message in messages:
        assert message in outcome.err


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            'architectures=["|none~0|"]',
            "benchmark digits201: given: entry 1: space nasbench201: cannot read '|none~0|': 1 nodes",
        ),
        (f'architectures=["{RESNET}", "{RESNET}"]', "given: entry 2: the same architecture as entry 1"),
        (
            f'architectures=["{RESNET}", "GREAT = \'|x|\'"]',
            "given: entry 2 (GREAT): space nasbench201: cannot read '|x|'",
        ),
        ("architectures=__import__('os')", "given: entry 1: space nasbench201: cannot read"),
        ("architectures=[]", 'given: wanted either architectures = [...] or file = "..."'),
        ("architectures=[1]", "wanted list[str] or str, not [1]"),
        ("architectures=[1", "--method: ] is missing in 'given,architectures=[1'"),
        (f"file=x.txt,architectures={RESNET}", "given: wanted either architectures"),
        ("file=nowhere.txt", "given: file nowhere.txt: cannot be read: No such file or directory"),
        ("file=empty.txt", "given: file empty.txt: no architecture in it"),
        ("file=open.txt", "given: file open.txt: ) is missing in 'Genotype("),
        ("file=wrong.txt", "given: entry 2 (DARTS_V3): "),
    ],
)
def test_wrong_text_is_one_line_that_says_which(
    value: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Callable[..., Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.txt").write_text("# nothing\n")
    (tmp_path / "open.txt").write_text("Genotype(\n")
    (tmp_path / "wrong.txt").write_text(f"{RESNET}\nDARTS_V3 = Genotype(1)\n")
    before = sorted(tmp_path.rglob("*"))
    for verb in ("plan", "run"):
        refused(cli(verb, "--benchmark", "digits201", "--method", f"given,{value}", "--seeds", "0:2"), message)
    assert sorted(tmp_path.rglob("*")) == before


def test_genotypes_of_another_space_say_what_is_wrong(tmp_path: Path) -> None:
    method = make_method("given", architectures=[DARTS_V2.replace("dil_conv_3x3", "conv_7x1_1x7")])
    with pytest.raises(
        HarnessError, match=r"given: entry 1 \(DARTS_V2\): genotype: normal edge 7: unknown operation 'conv_7x1_1x7'"
    ):
        method.check(Offer(DartsSpace(), Budget("epochs", 9), supernet={}))


def test_a_budget_that_does_not_pay_for_all(
    make_table: Callable[..., Table], cli: Callable[..., Any], tmp_path: Path
) -> None:
    with pytest.raises(
        HarnessError, match=r"a budget of 1 evaluations does not pay for 2 architecture\(s\), looked up once each"
    ):
        list(make_suite(document({"architectures": [RESNET, DENSE]}, budgets={"evaluations": 1})).groups())
    table = make_table(epochs=5)
    texts = [table.space.format(code) for code in table.codes[:2]]
    method: Any = make_method("given", architectures=texts)
    with pytest.raises(HarnessError, match="a budget of 9 epochs does not pay for 2"):
        method.check(Offer(table.space, Budget("epochs", 9), max_fidelity=5))
    dearest = table.columns["cost"].argsort()[-2:]
    method = make_method("given", architectures=[table.space.format(table.codes[row]) for row in dearest])
    problem = TabularProblem(table, Budget("simulated_s", math.ceil(table.columns["cost"].max())))
    with pytest.raises(HarnessError, match="simulated_s does not pay for 2"):  # and not the best of those it paid for
        method.search(problem, Streams("x", 0))


def test_an_architecture_that_the_table_lacks(make_table: Callable[..., Table]) -> None:
    table = make_table(missing=0.3)
    absent = table.space.format(table.space.arch(int((table.rows < 0).argmax())))
    method: Any = make_method("given", architectures=[absent])
    with pytest.raises(HarnessError, match="given: entry 1: not in this table: v0="):
        method.search(TabularProblem(table, Budget("evaluations", 3)), Streams("x", 0))


def test_values_of_a_suite_file(tmp_path: Path) -> None:
    head = 'seeds = "0:1"\nbenchmarks = ["digits201"]\nbudgets = {evaluations = 5}\n'
    (tmp_path / "s.toml").write_text(f'{head}[[methods]]\nname = "given"\narchitectures = ["{RESNET}"]\n')
    suite = load_suite(tmp_path / "s.toml", [f"methods.0.architectures=['{DENSE}']"])
    assert suite.methods[0].params == {"architectures": [DENSE], "file": ""}
