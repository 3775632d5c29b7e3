"""Every wrong input ends in one line that says what is right, exit code 2, and an output folder as it was."""

from __future__ import annotations

import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.running.runner import run
from harness.tabular import nasbench_graph, store
from harness.tabular.catalogue import load_table

SUITE = """
name = "small"
seeds = "0:2"
benchmarks = ["synthetic/ridge"]
[budgets]
evaluations = 5
[[methods]]
name = "random"
[[methods]]
name = "regularized-evolution"
population = 3
"""
FINE = {
    "seeds": "0:2",
    "benchmarks": ["synthetic/ridge"],
    "budgets": {"evaluations": 5},
    "methods": [{"name": "random"}],
}
CSV = """architecture,valid,test,latency
|none~0|+|none~0|none~1|+|none~0|none~1|none~2|,10.5,10.25,1
|avg_pool_3x3~0|+|none~0|none~1|+|none~0|none~1|none~2|,50.5,51.5,2
|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|skip_connect~2|,90.5,91.5,3
"""
IMPORT = "import table.csv --name mine/table --space nasbench201 --arch architecture --valid valid --test test"
PLUGIN = """
from dataclasses import dataclass
from harness import AskTell, OwnLoop, Taxonomy, register_benchmark, register_method
WORDS = Taxonomy("any", "random", "none", "none")
"""
ASK_TELL = "(AskTell):\n    taxonomy = WORDS\n    def ask(self): pass\n    def tell(self): pass"

# What is wrong -> (text of the suite to replace, its replacement, what the message must say).
SUITES: dict[str, tuple[str, str, str]] = {
    "unknown key": ("seeds =", "seed = 1\nseeds =", "unknown key 'seed'; did you mean 'seeds'"),
    "unknown method": ('"random"', '"randon"', "unknown method 'randon'; did you mean 'random'"),
    "unknown parameter": ("population", "populaton", "'populaton'; did you mean 'population'"),
    "parameter of the wrong type": ("population = 3", "population = 3.5", "population: wanted int, not 3.5"),
    "parameter as text": ("population = 3", 'population = "3"', "population: wanted int, not '3'"),
    "parameter out of range": ("population = 3", "population = 0", "population must be at least 1"),
    "unknown benchmark": ("synthetic/ridge", "synthetic/rigde", "did you mean 'synthetic/ridge'"),
    "unknown data set": ("synthetic/ridge", "nasbench-graph/coraa", "did you mean 'nasbench-graph/cora'"),
    "pattern for nothing": ("synthetic/ridge", "nasbench-grap/*", "unknown benchmark 'nasbench-grap/*'"),
    "data set not imported": ("synthetic/ridge", "nasbench201/svhn", "unknown benchmark 'nasbench201/svhn'"),
    "negative budget": ("evaluations = 5", "evaluations = -5", "wanted a whole number of at least 1"),
    "zero budget": ("evaluations = 5", "evaluations = 0", "wanted a whole number of at least 1"),
    "budget with a fraction": ("evaluations = 5", "evaluations = 5.5", "wanted a whole number of at least 1"),
    "budget as text": ("evaluations = 5", 'evaluations = "5"', "wanted a whole number of at least 1"),
    "budget as truth": ("evaluations = 5", "evaluations = true", "wanted a whole number of at least 1"),
    "enormous budget": ("evaluations = 5", "evaluations = 1000000000000", "at most 10,000,000"),
    "no budget in a list": ("evaluations = 5", "evaluations = []", "budgets"),
    "budget twice": ("evaluations = 5", "evaluations = [5, 5]", "5 evaluations stands twice"),
    "unknown budget": ("evaluations = 5", "evaluation = 5", "unknown budget kind 'evaluation'"),
    "budgets as a number": ("[budgets]\nevaluations = 5", "budgets = 5", "budgets must be a table"),
    "seeds upside down": ('"0:2"', '"5:2"', "is empty or upside down"),
    "no seeds": ('"0:2"', '"2:2"', "is empty or upside down"),
    "negative seed": ('"0:2"', '"-3:2"', "seeds must be like '0:100'"),
    "negative seed in a list": ('"0:2"', "[-1]", "seeds must be like"),
    "seed twice": ('"0:2"', "[1, 1]", "a seed stands twice"),
    "overlapping seeds": ('"0:2"', '"0:2,1:3"', "a seed stands twice"),
    "seeds with a fraction": ('"0:2"', "1.5", "seeds must be like"),
    "seeds as words": ('"0:2"', '"many"', "seeds must be like"),
    "seeds as truth": ('"0:2"', "true", "seeds must be like"),
    "seeds as a date": ('"0:2"', "2024-01-01", "seeds must be like"),
    "seeds as a table": ('"0:2"', "{a = 1}", "seeds must be like"),
    "a digit that is no number": ('"0:2"', '"0:²"', "seeds must be like"),
    "enormous seed": ('"0:2"', "[99999999999999999999999]", "seeds must be like"),
    "endless seeds": ('"0:2"', '"0:9999999999999"', "seeds"),
    "empty seeds": ('"0:2"', '""', "seeds is missing or empty"),
    "no benchmark": ('["synthetic/ridge"]', "[]", "benchmarks is missing or empty"),
    "benchmarks as numbers": ('["synthetic/ridge"]', "[1]", "benchmarks: wanted a list of texts"),
    "no methods": ("[[methods]]", "[[method]]", "unknown key 'method'; did you mean 'methods'"),
    "methods as texts": ('[[methods]]\nname = "random"', '[x]\nname = "random"', "unknown key 'x'"),
    "methods as a table": ('[[methods]]\nname = "random"\n[[methods]]', "[methods]", "methods must be tables"),
    "method without a name": ('name = "random"', 'label = "random"', "a [[methods]] table has no name"),
    "label as a number": ('name = "random"', 'name = "random"\nlabel = 3', "label"),
    "label twice": ('name = "random"', 'name = "random"\nlabel = "regularized-evolution"', "two methods are called"),
    "a method twice": (
        'name = "random"',
        'name = "random"\n[[methods]]\nname = "random"\nlabel = "again"',
        "'random' and 'again' are the same method with the same parameters",
    ),
    "name as a number": ('"small"', "3", "name"),
    "name as a list": ('"small"', "[1]", "name"),
    "name that leads elsewhere": ('"small"', '"../elsewhere"', "name"),
    "empty name": ('"small"', '""', "name"),
    "name of two lines": ('"small"', '"a\\nb"', "name"),
    "description as a number": ('name = "small"', 'name = "small"\ndescription = 3', "description"),
    "unknown metric": (
        'name = "small"',
        'name = "small"\nmetrics = ["coste"]',
        "unknown column 'coste'; did you mean 'cost'",
    ),
    "test as a metric": ('name = "small"', 'name = "small"\nmetrics = ["test"]', "'test' is for the report only"),
    "metrics as a number": ('name = "small"', 'name = "small"\nmetrics = 3', "metrics: wanted a list of texts"),
    "bad TOML": ('"small"', '"small', "not valid TOML"),
    "not text": ('"small"', '"small\udcff"', "not valid TOML"),
}
# What is wrong -> (arguments, what the message must say). OUT is the output folder.
COMMANDS: dict[str, tuple[str, str]] = {
    "unknown suite": ("run quickstrat -o OUT", "unknown suite 'quickstrat'; did you mean 'quickstart'"),
    "missing suite file": ("run missing.toml -o OUT", "missing.toml: no such suite file"),
    "a folder as suite": ("run folder.toml -o OUT", "folder.toml: no such suite file"),
    "no suite": ("run -o OUT", "wanted a suite"),
    "a benchmark without method": ("run --benchmark synthetic/ridge -o OUT", "both --benchmark and --method"),
    "suite and method": ("run suite.toml --method random -o OUT", "--method makes a suite on the spot"),
    "unknown back end": ("run suite.toml --backend lokky -o OUT", "unknown backend 'lokky'; did you mean 'loky'"),
    "no jobs": ("run suite.toml -j 0 -o OUT", "jobs: wanted a number of workers"),
    "minus five jobs": ("run suite.toml -j -5 -o OUT", "jobs: wanted a number of workers"),
    "jobs as a word": ("run suite.toml -j two -o OUT", "argument -j/--jobs: invalid int value: 'two'"),
    "dask without scheduler": ("run suite.toml --backend dask -o OUT", "--scheduler tcp://host:port"),
    "scheduler without dask": ("run suite.toml --scheduler tcp://h:1 -o OUT", "--backend dask"),
    "seeds upside down by option": ("run suite.toml --seeds 9:3 -o OUT", "is empty or upside down"),
    "a number of seeds": ("run suite.toml --seeds 5 -o OUT", "write 0:5 for 5 seeds, or 5:6 for seed 5 alone"),
    "a seed on the spot": (
        "run --benchmark synthetic/ridge --method random --seeds 1 -o OUT",
        "command line: seeds '1': a number of seeds or one seed? write 0:1 for 1 seed, or 1:2 for seed 1 alone",
    ),
    "seed 0": ("plan suite.toml --seeds 0 -o OUT", "one seed? write 0:1 for seed 0 alone"),
    "seeds by --set": ("run suite.toml --set seeds=5 -o OUT", "write 0:5 for 5 seeds, or 5:6 for seed 5 alone"),
    "seeds with a dash": ("run suite.toml --seeds 0-5 -o OUT", "seeds must be like '0:100' (half open) or a list"),
    "seeds without an end": ("run suite.toml --seeds 5: -o OUT", "seeds must be like '0:100' (half open) or a list"),
    "empty seeds by option": ("run --benchmark synthetic/ridge --method random --seeds= -o OUT", "seeds"),
    "zero budget by option": ("run --benchmark synthetic/ridge --method random --budget 0 -o OUT", "at least 1"),
    "negative budget by option": ("run --benchmark synthetic/ridge --method random --budget -3 -o OUT", "at least 1"),
    "fraction of a budget": (
        "run --benchmark synthetic/ridge --method random --budget 1.5 -o OUT",
        "--budget 1.5: wanted a whole number of evaluations, or KIND=N such as simulated_s=20000",
    ),
    "unknown unit of a budget": (
        "run --benchmark synthetic/ridge --method random --budget seconds=90 -o OUT",
        "unknown budget kind 'seconds'; valid: evaluations, epochs, simulated_s",
    ),
    "hyperband with epochs that no training has": (
        "run --benchmark synthetic/ridge --method hyperband,min_fidelity=28 -o OUT",
        "benchmark synthetic/ridge: method hyperband: min_fidelity 28 is above the 27 epochs of a whole training",
    ),
    "two units of budgets": (
        "run --benchmark synthetic/ridge --method random --set budgets.epochs=90 -o OUT",
        "budgets: evaluations and epochs do not compare; give each kind a suite of its own",
    ),
    "tables and live benchmarks": (
        "run --benchmark synthetic/ridge --benchmark live/darts-digits --method random --budget epochs=90 -o OUT",
        "tables and supernets do not compare; give each a suite of its own",
    ),
    "unknown method by option": ("run --benchmark synthetic/ridge --method randam -o OUT", "did you mean 'random'"),
    "unknown benchmark by option": (
        "run --benchmark synthetic/rigde --method random -o OUT",
        "did you mean 'synthetic/ridge'",
    ),
    "parameter without value": ("run --benchmark synthetic/ridge --method random,replace -o OUT", "wanted"),
    "unknown parameter by option": (
        "run --benchmark synthetic/ridge --method random,replac=true -o OUT",
        "did you mean 'replace'",
    ),
    "--set without value": ("run suite.toml --set budgets.evaluations -o OUT", "wanted dotted.key=value"),
    "--set without key": ("run suite.toml --set =3 -o OUT", "wanted dotted.key=value"),
    "--set of an unknown key": ("run suite.toml --set budget.evaluations=3 -o OUT", "did you mean 'budgets'"),
    "--set of a negative budget": ("run suite.toml --set budgets.evaluations=-1 -o OUT", "at least 1"),
    "--set through a text": ("run suite.toml --set name.first=x -o OUT", "name is not a table of the suite"),
    "--set of a method that is not there": ("run suite.toml --set methods.7.population=3 -o OUT", "7 is not a table"),
    "--set of a list's place": ("run suite.toml --set methods.0=3 -o OUT", "behind a list"),
    "missing plug-in": ("run suite.toml --plugin absent.py -o OUT", "--plugin absent.py: no such file"),
    "plug-in that raises": ("run suite.toml --plugin raises.py -o OUT", "--plugin raises.py: ValueError: first line"),
    "plug-in that exits": ("run suite.toml --plugin exits.py -o OUT", "--plugin exits.py: SystemExit"),
    "plug-in with an error": ("run suite.toml --plugin syntax.py -o OUT", "--plugin syntax.py: SyntaxError"),
    "plug-in that is no Python": ("run suite.toml --plugin suite.toml -o OUT", "not a Python file"),
    "method without a taxonomy": (
        "run suite.toml --plugin wordless.py -o OUT",
        "class Mine states no taxonomy; add a line",
    ),
    "taxonomy of other words": ("run suite.toml --plugin misworded.py -o OUT", "did you mean 'evolution'"),
    "method that does nothing": (
        "run suite.toml --plugin toothless.py -o OUT",
        "class Mine has no search; subclass AskTell",
    ),
    "method that is none": ("run suite.toml --plugin baseless.py -o OUT", "class Mine is neither; subclass AskTell"),
    "method without a default": (
        "run --benchmark synthetic/ridge --method mine --plugin wanting.py -o OUT",
        "method mine: parameter size has no default; give it a value",
    ),
    "plug-in that takes a name": ("run suite.toml --plugin takes.py -o OUT", "'random' is registered twice"),
    "plug-in that takes a benchmark": (
        "run suite.toml --plugin benchmark.py -o OUT",
        "'nasbench-graph/cora' is a packaged benchmark",
    ),
    "plug-in without dataclass": (
        "run --benchmark synthetic/ridge --method plain --plugin plain.py -o OUT",
        "@dataclass",
    ),
    "plug-in whose table fails": (
        "run --benchmark broken/table --method random --plugin broken.py -o OUT",
        "benchmark 'broken/table'",
    ),
    "plug-in whose table is none": (
        "run --benchmark broken/none --method random --plugin broken.py -o OUT",
        "benchmark 'broken/none'",
    ),
    "plug-in whose table has another name": (
        "run --benchmark broken/name --method random --plugin broken.py -o OUT",
        "benchmark 'broken/name'",
    ),
    "output in a file": ("run suite.toml -o suite.toml", "cannot be used as an output folder"),
    "output below a file": ("run suite.toml -o suite.toml/out", "cannot be used as an output folder"),
    "plan of an unknown suite": ("plan quickstrat -o OUT", "did you mean 'quickstart'"),
    "plan with no jobs": ("plan suite.toml -j 0 -o OUT", "jobs: wanted a number of workers"),
    "status of nothing": ("status nothing", "wanted the output folder of `nas-harness run`"),
    "status of garbage": ("status garbage", "no readable suite.resolved.json"),
    "status of a list": ("status list", "no readable suite.resolved.json"),
    "report of nothing": ("report nothing", "wanted the output folder of `nas-harness run`"),
    "doctor of a one-shot benchmark": ("doctor --benchmark one-shot/digits201", "judged by digits201: audit that"),
    "doctor of a live benchmark": ("doctor --benchmark live/darts-digits", "no table to audit; it trains in the run"),
    "doctor of an unknown benchmark": ("doctor --benchmark nasbench-graph/cory", "did you mean 'nasbench-graph/cora'"),
    "unknown command": ("rnu suite.toml -o OUT", "invalid choice: 'rnu'"),
    "no command": ("", "required"),
    "unknown option": ("run suite.toml --outptu OUT", "unrecognized arguments"),
    "an option cut short": ("run suite.toml --back loky -o OUT", "unrecognized arguments"),
    "quiet and verbose": ("run suite.toml -q -v -o OUT", "not allowed with"),
    "ls of something": ("ls benchmark", "invalid choice: 'benchmark'"),
}
# What is wrong -> (text of the CSV to replace, its replacement, further arguments, what the message must say).
TABLES: dict[str, tuple[str, str, str, str]] = {
    "missing column": ("valid,test", "val,test", "", "unknown column 'valid'; did you mean 'val'"),
    "duplicate architecture": ("|avg_pool_3x3~0|", "|none~0|", "", "stands in rows 1 and 2"),
    "NaN": ("50.5", "nan", "", "column 'valid' has no finite number in 1 row(s), first in row 2"),
    "empty cell": ("50.5", "", "", "column 'valid' has no finite number in 1 row(s), first in row 2"),
    "word in a cell": ("50.5", "good", "", "first in row 2: 'good'"),
    "unparsable architecture": ("avg_pool_3x3~0", "max_pool_3x3~0", "", "row 2: space nasbench201: cannot read"),
    "missing architecture": (
        "|avg_pool_3x3~0|+|none~0|none~1|+|none~0|none~1|none~2|",
        "",
        "",
        "names no architecture in 1 row(s), first in row 2",
    ),
    "percent and fraction": ("50.5", "0.505", "", "mixes percent and fraction: 0.505 in row 2"),
    "columns in two units": ("10.25,1\n", "0.1025,1\n", "", "percent and fraction"),
    "stated unit": ("", "", "--unit fraction", "stated as fraction, but the values look like percent"),
    "unknown unit": ("", "", "--unit percents", "unknown unit 'percents'; did you mean 'percent'"),
    "unknown direction": ("", "", "--direction maximum", "unknown direction 'maximum'"),
    "unknown space": ("", "", "--space nasbench-201", "unknown space 'nasbench-201'; did you mean 'nasbench201'"),
    "another space": ("", "", "--space nasbench-graph", "row 1: space nasbench-graph: cannot read"),
    "validation is test": ("", "", "--valid test", "named both as validation and as test"),
    "test as extra": ("", "", "--extra hint=test", "is for the report only"),
    "extra without name": ("", "", "--extra latency", "wanted NAME=COLUMN"),
    "missing extra": ("", "", "--extra speed=latncy", "did you mean 'latency'"),
    "zero weights": ("91.5,3", "91.5,0", "--weights latency", "weights must be above 0"),
    "unusable name": ("", "", "--name ../table", "benchmark name '../table'"),
    "packaged name": ("", "", "--name nasbench-graph/cora", "belongs to a packaged benchmark"),
    "no row": (CSV[CSV.index("\n") + 1 :], "", "", "there is no row in it"),
    "empty file": (CSV, "", "", "cannot be read as CSV"),
    "ragged lines": ("91.5,3", "91.5,3,4,5,6", "", "cannot be read as CSV"),
    "not text": ("50.5", "\udcff\udcfe", "", "table.csv"),
    "missing file": ("", "", "absent.csv", "absent.csv"),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registries: None) -> Path:
    """A working directory with the files that the commands name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NAS_HARNESS_DATA", str(tmp_path / "data"))
    files = {
        "suite.toml": SUITE,
        "raises.py": "raise ValueError('first line\\nsecond line')",
        "exits.py": "import sys\nsys.exit(0)",
        "syntax.py": "def (",
        "takes.py": PLUGIN + f"@register_method('random')\n@dataclass\nclass Mine{ASK_TELL}",
        "benchmark.py": PLUGIN + "@register_benchmark('nasbench-graph/cora')\ndef load(): pass",
        "plain.py": PLUGIN + f"@register_method('plain')\nclass Plain{ASK_TELL}",
        "wordless.py": PLUGIN
        + f"@register_method('mine')\n@dataclass\nclass Mine{ASK_TELL}".replace("taxonomy", "other"),
        "misworded.py": PLUGIN + "Taxonomy('any', 'evolutoin', 'none', 'none')",
        "toothless.py": PLUGIN + "@register_method('mine')\n@dataclass\nclass Mine(OwnLoop):\n    taxonomy = WORDS",
        "baseless.py": PLUGIN + "@register_method('mine')\n@dataclass\nclass Mine:\n    taxonomy = WORDS",
        "wanting.py": PLUGIN + f"@register_method('mine')\n@dataclass\nclass Mine{ASK_TELL}\n    size: int",
        "broken.py": PLUGIN
        + "@register_benchmark('broken/table')\ndef load(): raise RuntimeError('no\\nnetwork')\n"
        + "@register_benchmark('broken/none')\ndef nothing(): pass\n"
        + "from harness import load_benchmark\n"
        + "@register_benchmark('broken/name')\ndef other(): return load_benchmark('synthetic/ridge')\n",
        "garbage/suite.resolved.json": "{",
        "list/suite.resolved.json": "[]",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "folder.toml").mkdir()
    return tmp_path


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run."""
    output = tmp_path_factory.mktemp("finished") / "out"
    run(FINE, output, backend="sequential")
    return output


@pytest.fixture
def refused(
    folder: Path, finished: Path, cli: Callable[..., Any], snapshot: Callable[[Path], Any]
) -> Callable[[str, str], None]:
    """Assert that a command is refused with one line, and that neither files nor stored tables have changed."""

    def check(command: str, message: str) -> None:
        output = folder / "out"
        for there in (False, True):
            if there:
                shutil.copytree(finished, output)
            before, stored = snapshot(folder), snapshot(store.store_root())
            outcome = cli(*command.replace("OUT", "out").split())
            assert outcome.code == 2, outcome
            assert outcome.out == ""
            assert outcome.err.count("\n") == 1, outcome.err
            assert outcome.err.startswith("nas-harness"), outcome.err
            assert "error: " in outcome.err
            assert message in outcome.err
            assert "Traceback" not in outcome.err
            after = snapshot(folder)
            assert after == before
            assert snapshot(store.store_root()) == stored

    return check


@pytest.mark.parametrize("wrong", SUITES)
def test_bad_suites(wrong: str, refused: Callable[[str, str], None], folder: Path) -> None:
    old, new, message = SUITES[wrong]
    assert SUITE.count(old) >= 1
    content = SUITE.replace(old, new, 1)
    (folder / "bad.toml").write_bytes(content.encode("utf-8", "surrogateescape"))
    refused("run bad.toml -o OUT", message)


@pytest.mark.parametrize("wrong", COMMANDS)
def test_bad_commands(wrong: str, refused: Callable[[str, str], None]) -> None:
    refused(*COMMANDS[wrong])


@pytest.mark.parametrize("wrong", TABLES)
def test_bad_tables(wrong: str, refused: Callable[[str, str], None], folder: Path, own_cache: Path) -> None:
    old, new, arguments, message = TABLES[wrong]
    assert old in CSV
    (folder / "table.csv").write_bytes((CSV.replace(old, new, 1) if old else CSV).encode("utf-8", "surrogateescape"))
    command = IMPORT.replace("table.csv", arguments) if wrong == "missing file" else f"{IMPORT} {arguments}"
    refused(command, message)


def test_an_import_does_not_replace_silently(
    refused: Callable[[str, str], None], folder: Path, own_cache: Path, cli: Callable[..., Any]
) -> None:
    (folder / "table.csv").write_text(CSV)
    assert cli(*IMPORT.split()).code == 0
    assert cli(*IMPORT.split()).code == 0  # the same again
    (folder / "table.csv").write_text(CSV.replace("50.5", "50.25"))
    refused(IMPORT, "exists with other content; choose another name, or pass --replace")
    assert cli(*IMPORT.split(), "--replace").code == 0
    assert load_table("mine/table").valid[1] == 50.25


@pytest.mark.parametrize("file", ["column-valid.npy", "column-test.npy", "rows.npy", "card.json"])
@pytest.mark.parametrize("damage", ["cut short", "a bit"])
@pytest.mark.parametrize(
    "command", ["run --benchmark mine/table --method random -o OUT", "doctor --benchmark mine/table"]
)
def test_a_tampered_table(
    file: str,
    damage: str,
    command: str,
    refused: Callable[[str, str], None],
    folder: Path,
    own_cache: Path,
    cli: Callable[..., Any],
) -> None:
    (folder / "table.csv").write_text(CSV)
    assert cli(*IMPORT.split()).code == 0
    path = store.store_root() / "mine/table" / file
    content = path.read_bytes()
    path.write_bytes(content[:-7] if damage == "cut short" else content[:-9] + bytes([content[-9] ^ 4]) + content[-8:])
    load_table.cache_clear()
    refused(command, "mine/table")


class Payload:
    def __reduce__(self) -> Any:
        return os.system, ("touch executed",)


@pytest.mark.parametrize("content", [pickle.dumps(Payload()), pickle.dumps({1: {"perf": Payload()}}), b"", b"\x80\x05"])
def test_a_malicious_or_damaged_package_file(
    content: bytes, refused: Callable[[str, str], None], folder: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "cora.bench").write_bytes(content)
    monkeypatch.setattr(nasbench_graph, "_published_file", lambda dataset: folder / "cora.bench")
    refused("run --benchmark nasbench-graph/cora --method random -o OUT", "refused to read this pickle")
    assert not (folder / "executed").exists()


@pytest.mark.parametrize("file", ["records.parquet", "traces.parquet"])
@pytest.mark.parametrize("damage", ["cut short", "empty", "another table", "missing"])
def test_damaged_results(
    file: str, damage: str, cli: Callable[..., Any], finished: Path, folder: Path, snapshot: Any
) -> None:
    import pandas as pd

    output = folder / "out"
    shutil.copytree(finished, output)
    path = output / file
    if damage == "missing":
        if file == "records.parquet":
            pytest.skip("then nothing is finished, and all is run")
        path.unlink()
    elif damage == "another table":
        pd.DataFrame({"a": [1]}).to_parquet(path)
    else:
        path.write_bytes(path.read_bytes()[:-30] if damage == "cut short" else b"")
    before = snapshot(output)
    for command in (["run", "suite.toml", "-o", "out"], ["report", "out"], ["plan", "suite.toml", "-o", "out"]):
        outcome = cli(*command)
        assert outcome.code == 2, command
        assert outcome.err.count("\n") == 1, outcome.err
        assert "out" in outcome.err
        assert snapshot(output) == before
