"""Seeds of a method searched side by side: run, killed and gone on with, each as by itself."""

import pandas as pd
import pytest

from harness.running.runner import run
from harness.supernets.loop import Search
from harness.training import checkpoints

SUITE = {
    "name": "side",
    "seeds": "0:3",
    "benchmarks": ["live/nasbench201-digits"],
    "budgets": {"epochs": 2},
    "search": {"channels": 8, "cells": 1, "reductions": 0, "batch_size": 64, "learning_rate": 0.1, "side_by_side": 4},
    "evaluation": {"channels": 2, "cells": 1, "epochs": 1, "batch_size": 320},
    "methods": [{"name": "darts-1st"}, {"name": "random-search-ws", "candidates": 2}],
}
OF_THE_MOMENT = ["wall_s", "peak_memory", "started_at"]


def compared(records):
    return records.drop(columns=OF_THE_MOMENT).sort_values("cell", ignore_index=True)


class Killed(BaseException):
    pass


@pytest.mark.slow
def test_each_seed_has_the_result_that_it_has_by_itself_also_after_a_kill(tmp_path, monkeypatch):
    whole = compared(run(SUITE, tmp_path / "whole"))
    assert set(whole["status"]) == {"ok"}
    one = compared(run(SUITE | {"seeds": [1]}, tmp_path / "one"))
    pd.testing.assert_frame_equal(one, whole[whole["seed"] == 1].reset_index(drop=True))

    saved, save = [], checkpoints.save

    def saves(path, *arguments):
        save(path, *arguments)
        saved.append(path)
        if len(saved) == 2:  # of three seeds two have an epoch behind them
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(checkpoints, "save", saves)
        with pytest.raises(Killed):
            run(SUITE, tmp_path / "killed", backend="sequential")
    assert len(list((tmp_path / "killed" / "checkpoints").glob("*.pt"))) == 2
    pd.testing.assert_frame_equal(compared(run(SUITE, tmp_path / "killed")), whole)


def test_a_seed_that_fails_fails_alone(tmp_path, monkeypatch):
    before = Search._steps

    def steps(search, epoch):
        if search.net.seed == 1:
            for weight in search.net.network.parameters():
                weight.data.fill_(float("nan"))
        return before(search, epoch)

    monkeypatch.setattr(Search, "_steps", steps)
    suite = SUITE | {"methods": SUITE["methods"][:1], "budgets": {"epochs": 1}}
    records = run(suite, tmp_path / "run", backend="sequential").set_index("seed")
    assert records["status"].to_dict() == {0: "ok", 1: "failed", 2: "ok"}
    assert "training loss is nan" in records.loc[1, "error"]
    monkeypatch.undo()
    alone = run(suite | {"seeds": [2]}, tmp_path / "alone").set_index("seed")
    assert records.loc[2, "arch"] == alone.loc[2, "arch"]
    assert records.loc[2, "valid"] == alone.loc[2, "valid"]
