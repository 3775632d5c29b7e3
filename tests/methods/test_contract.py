"""What the contract gives methods that use a model: identity, seeds, overhead, batches, fronts, packages that they need."""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

import harness
from harness import AskTell, BatchAskTell, SearchResult, Streams, Taxonomy
from harness.errors import HarnessError
from harness.methods.base import make_method, register_method, run_search
from harness.problem.base import Evaluation, Problem
from harness.problem.budget import Budget
from harness.problem.whole import WholeSpace
from harness.spaces.base import Arch
from harness.spaces.nasbench201 import NASBench201Space
from harness.suites.reading import make_suite
from harness.tabular.catalogue import load_table
from harness.tabular.problem import TabularProblem
from harness.tabular.table import Table

WORDS = Taxonomy("any", "random", "none", "none")


def test_identity_is_the_encoding_of_the_row() -> None:
    table = load_table("digits201")  # 15,625 encodings in 6,466 rows
    problem = TabularProblem(table, Budget("evaluations", 1))
    encodings, rows, _ = problem.encodings
    identities = {problem.identity(arch) for arch in encodings.tolist()}
    assert identities == set(map(tuple, table.codes.tolist()))
    for arch, row in zip(encodings[::997].tolist(), rows[::997].tolist(), strict=True):
        assert problem.identity(arch) == tuple(table.codes[row].tolist())


def test_identity_of_what_has_no_row(make_table: Callable[..., Table]) -> None:
    problem = TabularProblem(make_table(missing=0.5), Budget("evaluations", 1))
    there = {tuple(arch) for arch in problem.encodings[0].tolist()}
    missing = next(arch for arch in map(problem.space.arch, range(problem.space.size)) if arch not in there)
    with pytest.raises(HarnessError, match="is not in this table"):
        problem.identity(missing)


class Whole(WholeSpace):
    """A problem without a table."""

    space = NASBench201Space()
    exhausted = False

    def evaluate(self, arch: Sequence[int], fidelity: int | None = None) -> Evaluation:
        return Evaluation(0.0, 0.0, {})


def test_without_a_table_every_encoding_is_its_own() -> None:
    skip = Whole.space.parse("|skip_connect~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|")
    assert Whole.space.canonical(skip) != skip
    assert Whole().identity(skip) == skip


def test_local_search_pays_no_row_twice(make_table: Callable[..., Table]) -> None:
    table = load_table("digits201")
    problem = TabularProblem(table, Budget("evaluations", 500))
    run_search(make_method("local-search"), problem, Streams(table.name, 3))
    assert np.unique(problem.history).size == 500
    table = make_table(missing=0.5)
    rows = np.where(table.rows < 0, np.arange(len(table.rows)) % len(table), table.rows)
    shared = dataclasses.replace(table, rows=rows.astype(np.int32))  # every encoding has a row, most rows have several
    problem = TabularProblem(shared, Budget("evaluations", 10 * len(table)))
    run_search(make_method("local-search"), problem, Streams(table.name, 3))
    assert sorted(problem.history) == list(range(len(table)))  # every row once, and then it ends


def work(seconds: float) -> None:
    """Keep the processor busy for so many of its seconds."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def test_overhead_is_counted_and_costs_no_budget(make_table: Callable[..., Table]) -> None:
    problem = TabularProblem(make_table(), Budget("evaluations", 1))
    assert problem.overhead_s == 0
    time.sleep(0.01)
    with problem.overhead("fit"):
        work(0.02)
        time.sleep(0.2)  # is no work
    with pytest.raises(ZeroDivisionError), problem.overhead("fit"):
        _ = 1 / 0
    with problem.overhead("scores"):
        work(0.01)
    assert list(problem.overheads) == ["fit", "scores"]
    assert 0.02 <= problem.overheads["fit"] < 0.15
    assert problem.overhead_s == sum(problem.overheads.values())
    assert not problem.exhausted


@dataclass
class Pairs(BatchAskTell):
    """Proposes what is drawn, a batch at a time, and notes what it learns."""

    batch: int = 4
    taxonomy: ClassVar[Taxonomy] = WORDS

    def start(self, problem: Problem, streams: Streams) -> None:
        super().start(problem, streams)
        self.draws = streams.uniforms("sample")
        self.asked: list[int] = []
        self.lessons: list[list[tuple[Arch, float]]] = []

    def propose(self, k: int) -> list[Arch]:
        self.asked.append(k)
        with self.problem.overhead("fit"):
            work(0.001)
        return [self.problem.sample(self.draws) for _ in range(min(k, 10 - sum(map(len, self.lessons))))]

    def learn(self, pairs: Sequence[tuple[Arch, Evaluation]]) -> None:
        self.lessons.append([(arch, evaluation.score) for arch, evaluation in pairs])

    def result(self) -> SearchResult:
        super().result()
        met = [arch for lesson in self.lessons for arch, _ in lesson]
        return SearchResult(front=tuple(met[:2]))


@pytest.fixture
def pairs(registries: None) -> type[Pairs]:
    return register_method("pairs")(Pairs)


@pytest.mark.parametrize(("budget", "lessons"), [(3, [3]), (4, [4]), (9, [4, 4, 1]), (50, [4, 4, 2])])
def test_batches_are_proposed_and_learnt_whole(
    budget: int, lessons: list[int], pairs: type[Pairs], make_table: Callable[..., Table]
) -> None:
    table = make_table()
    method, problem = pairs(), TabularProblem(table, Budget("evaluations", budget))
    found = run_search(method, problem, Streams(table.name, 0))
    assert [len(lesson) for lesson in method.lessons] == lessons
    told = [pair for lesson in method.lessons for pair in lesson]
    rows = problem.history[: len(told)]
    assert told == [(tuple(table.codes[row].tolist()), table.valid[row]) for row in rows.tolist()]
    assert set(method.asked) == {4}
    assert problem.history.size == min(budget, 10)
    assert found.front == tuple(arch for arch, _ in told[:2])


def test_overhead_stands_in_records(pairs: type[Pairs], tmp_path: Path) -> None:
    document = {"seeds": "0:2", "benchmarks": ["synthetic/ridge"], "budgets": {"evaluations": 8}}
    suite = document | {"methods": [{"name": "pairs"}, {"name": "random"}]}
    records = harness.run(suite, tmp_path, backend="sequential").records.set_index("method")
    assert (records.loc["random", "overhead_s"] == 0).all()
    assert records.loc["pairs", "overhead_s"].between(0.002, 0.5).all()
    assert (records["overhead_s"] <= records["wall_s"]).all()
    assert (records["status"] == "ok").all()


def test_records_without_overhead_are_read(pairs: type[Pairs], tmp_path: Path) -> None:
    from harness.running.columns import RECORD_COLUMNS
    from harness.running.records import RECORDS, read_run, write_parquet

    document = {"seeds": "0:2", "benchmarks": ["synthetic/ridge"], "budgets": {"evaluations": 8}}
    harness.run(document | {"methods": [{"name": "random"}]}, tmp_path, backend="sequential")
    older = {key: kind for key, kind in RECORD_COLUMNS.items() if key != "overhead_s"}
    frame = pd.read_parquet(tmp_path / RECORDS)
    write_parquet(tmp_path / RECORDS, frame[list(older)], older)
    records, _, _ = read_run(tmp_path)
    assert list(records.columns) == list(RECORD_COLUMNS)
    assert records["overhead_s"].isna().all()


def test_a_front_holds_only_what_was_evaluated(registries: None, tmp_path: Path) -> None:
    @register_method("boaster")
    @dataclass
    class Boaster(AskTell):
        """Claims what it has not measured."""

        taxonomy: ClassVar[Taxonomy] = WORDS

        def ask(self) -> Arch:
            return (0,) * 5

        def tell(self, arch: Arch, evaluation: Evaluation) -> None:
            pass

        def result(self) -> SearchResult:
            return SearchResult(front=((0,) * 5, (1,) * 5))

    suite = {
        "seeds": [0],
        "benchmarks": ["synthetic/ridge"],
        "budgets": {"evaluations": 3},
        "methods": [{"name": "boaster"}],
    }
    record = harness.run(suite, tmp_path, backend="sequential").records.iloc[0]
    assert record["status"] == "failed"
    assert "which it did not evaluate" in record["error"]
    with pytest.raises(AssertionError, match="boaster: its front has"):
        harness.testing.check_method("boaster")


def test_seeds_belong_to_their_names() -> None:
    streams, again = Streams("table", 0), Streams("table", 0)
    seeds = [streams.seed("model", fit) for fit in range(100)]
    assert seeds == [again.seed("model", fit) for fit in range(100)]
    others = [streams.seed("model"), streams.seed("other", 0), Streams("table", 1).seed("model", 0)]
    others.append(Streams("elsewhere", 0).seed("model", 0))
    assert len({*seeds, *others}) == 104
    assert all(0 <= seed < 2**32 for seed in seeds)
    expected = np.random.RandomState(streams.seed("model", 3)).uniform(size=5)
    np.testing.assert_array_equal(streams.random_state("model", 3).uniform(size=5), expected)


def test_global_states_are_lent_and_put_back() -> None:
    streams, before = Streams("table", 0), (random.getstate(), str(np.random.get_state()))  # noqa: NPY002
    drawn: list[tuple[float, float]] = []

    def fail() -> None:
        with streams.global_state("library", 1):
            drawn.append((random.random(), np.random.uniform()))  # noqa: NPY002
            raise ZeroDivisionError

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            fail()
        assert (random.getstate(), str(np.random.get_state())) == before  # noqa: NPY002
    with streams.global_state("library", 2):
        drawn.append((random.random(), np.random.uniform()))  # noqa: NPY002
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.torch
def test_the_state_of_torch_is_lent_and_put_back() -> None:
    torch = pytest.importorskip("torch")
    before, drawn = torch.get_rng_state(), []
    for _ in range(2):
        with Streams("table", 0).global_state("library"):
            drawn.append(torch.rand(3).tolist())
        assert torch.equal(torch.get_rng_state(), before)
    assert drawn[0] == drawn[1]


def requiring(*names: str) -> dict[str, Any]:
    """A suite of a method that needs these distributions."""

    @register_method("needy")
    @dataclass
    class Needy(AskTell):
        """Needs something."""

        taxonomy: ClassVar[Taxonomy] = WORDS
        version: ClassVar[str] = "1"
        requires: ClassVar[tuple[str, ...]] = names

        def ask(self) -> Arch:
            return (0,) * 5

        def tell(self, arch: Arch, evaluation: Evaluation) -> None:
            pass

    document = {"seeds": [0], "benchmarks": ["synthetic/ridge"], "budgets": {"evaluations": 3}}
    return document | {"methods": [{"name": "needy"}]}


def test_versions_of_what_a_method_needs_are_in_the_key(registries: None, monkeypatch: pytest.MonkeyPatch) -> None:
    (group,) = make_suite(requiring("numpy")).groups()
    assert group.resolved["requires"] == {"numpy": np.__version__}
    monkeypatch.setattr("harness.system.extras.version_of", lambda name: "0.1")
    (other,) = make_suite(requiring("numpy")).groups()
    assert other.key(0) != group.key(0)
    (plain,) = make_suite(requiring()).groups()
    assert "requires" not in plain.resolved


def test_a_resolved_suite_keeps_them(registries: None) -> None:
    from harness.suites.group import groups_of

    suite = make_suite(requiring("numpy"))
    assert groups_of(suite.resolved())[0].key(0) == suite.groups()[0].key(0)
    (method,) = make_suite(requiring()).resolved()["methods"]
    assert "requires" not in method


@pytest.mark.parametrize(
    ("needed", "command"),
    [("scikit-learn", "pip install 'nas-harness[models]'"), ("no-such-package", "pip install no-such-package")],
)
def test_what_is_missing_is_one_line(
    needed: str, command: str, registries: None, monkeypatch: pytest.MonkeyPatch, cli: Callable[..., Any]
) -> None:
    monkeypatch.setattr("harness.system.extras.version_of", lambda name: None)
    line = f"method needy: needs {needed}, which is missing; {command}"
    with pytest.raises(HarnessError, match=f"suite: {line}".replace("[", r"\[")):
        make_suite(requiring(needed))
    found = cli("run", "--benchmark", "synthetic/ridge", "--method", "needy", "--seeds", "0:1", "--budget", "3")
    assert found.code == 2
    assert found.err.strip().endswith(line)
    assert len(found.err.strip().splitlines()) == 1
    problem = TabularProblem(load_table("synthetic/ridge"), Budget("evaluations", 3))
    with pytest.raises(HarnessError, match="needs"):
        run_search(make_method("needy"), problem, Streams("synthetic/ridge", 0))
