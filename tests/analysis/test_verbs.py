"""The verbs: what they print, write and refuse."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import harness
from harness.analysis import compare_pairs, lottery
from harness.errors import HarnessError
from harness.tabular import synthetic


@pytest.mark.parametrize(
    ("arguments", "tables"),
    [
        (["seeds", "RUN", "--detect", "0.5"], ["seeds"]),
        (["lottery", "RUN"], ["lottery"]),
        (["pairs", "RUN", "--rope", "0.1", "--seed", "4"], ["pairs", "over_datasets"]),
        (["ranking", "nasbench-graph/proteins", "--top", "10", "--bootstrap", "5"], ["ranking"]),
        (["ranking", "nasbench-graph/proteins", "--column", "latency", "--bootstrap", "5"], ["columns"]),
    ],
)
def test_verbs_print_write_and_speak_json(cli, rows, tmp_path, arguments, tables):
    arguments = [str(rows) if argument == "RUN" else argument for argument in arguments]
    done = cli("analyze", *arguments, "--csv", tmp_path / "out" / "t.csv", "--json")
    assert done.code == 0, done.err
    said = json.loads(done.out)
    assert list(said) == [*tables, "notes"]
    files = [tmp_path / "out" / f"t{'' if place == 0 else f'.{name}'}.csv" for place, name in enumerate(tables)]
    assert sorted((tmp_path / "out").iterdir()) == sorted(files)
    for name, path in zip(tables, files, strict=True):
        assert list(pd.read_csv(path)) == list(said[name][0])
        assert len(pd.read_csv(path)) == len(said[name])
    shown = cli("analyze", *arguments)
    assert shown.code == 0
    assert len(shown.out.splitlines()) == sum(len(said[name]) + 2 for name in tables) - 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["seeds", "RUN", "--detect", "0"], "detect: 0.0 is never found"),
        (["seeds", "RUN", "--detect", "1", "--power", "0.01"], "target_power: 0.01 is out of range"),
        (["seeds", "RUN"], "--detect"),
        (["pairs", "RUN", "--rope", "-1"], "rope: -1.0 is negative"),
        (["pairs", "RUN", "--seed", "-1"], "--seed -1"),
        (["pairs", "absent"], "no records.parquet here"),
        (["lottery", "absent"], "no records.parquet here"),
        (["ranking", "nasbench-graph/protein"], "nasbench-graph/proteins"),
        (["ranking", "nasbench-graph/proteins", "--column", "parms"], "did you mean 'params'"),
        (["ranking", "nasbench-graph/proteins", "--column", "params", "--top", "3"], "--column has no --top"),
        (["ranking", "nasbench-graph/proteins", "--top", "0"], "k: 0 is not a count"),
        (["wide-shallow", "absent.json", "absent.npz"], "absent.json: no such file"),
        (["nothing"], "invalid choice"),
    ],
)
def test_a_wrong_input_is_one_line_and_writes_nothing(cli, rows, tmp_path, arguments, words):
    arguments = [str(rows) if argument == "RUN" else argument for argument in arguments]
    csv = ["--csv", str(tmp_path / "t.csv")] if arguments != ["nothing"] else []
    done = cli("analyze", *arguments, *csv)
    assert (done.code, done.out) == (2, "")
    (line,) = done.err.splitlines()
    assert words in line
    assert not (tmp_path / "t.csv").exists()


def test_what_a_run_cannot_say_is_said(tmp_path):
    suite = {"name": "bare", "seeds": "0:3", "benchmarks": [synthetic.NAME], "budgets": {"evaluations": 5}}
    harness.run(suite | {"methods": [{"name": "random"}, {"name": "local-search"}]}, tmp_path, backend="sequential")
    with pytest.raises(HarnessError, match="no method has two parameterisations"):
        lottery(tmp_path)
    with pytest.raises(HarnessError, match="one method beside random search makes no pair"):
        compare_pairs(tmp_path, np.random.default_rng(0))
