"""Every wrong suite and command ends in one line that says what is right, exit code 2, and an output folder as it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import SUITE

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
    "status of two suites": ("status garbage OUT", "no readable suite.resolved.json"),
    "a shard of zero": ("run suite.toml --shard 0/3 -o OUT", "at least 1 and at most their count, e.g. 3/50"),
    "a shard beyond": ("run suite.toml --shard 4/3 -o OUT", "at least 1 and at most their count, e.g. 3/50"),
    "a shard that is none": ("run suite.toml --shard third -o OUT", "wanted NUMBER/COUNT, e.g. 3/50"),
    "a limit of no time": ("run suite.toml --timeout 0 -o OUT", "wanted a number of seconds above 0"),
    "a limit in threads": ("run suite.toml --timeout 9 --backend threading -o OUT", "leave out --backend"),
    "merge of nothing": ("merge nothing -o OUT/all", "wanted the output folder of `nas-harness run SUITE --shard 1/2`"),
    "merge into nowhere": ("merge garbage", "the following arguments are required: -o/--output"),
    "merge of garbage": ("merge garbage -o OUT/all", "garbage: damaged"),
    "repeat of nothing": ("repeat nothing", "wanted the output folder of `nas-harness run`"),
    "repeat of garbage": ("repeat garbage", "wanted the output folder of `nas-harness run`"),
    "run of garbage": ("run garbage -o OUT", "garbage: damaged"),
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
