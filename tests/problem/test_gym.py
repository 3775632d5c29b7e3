"""Problems as environments of Gymnasium: its own checks, random search through it, holes and the end of the budget."""

from __future__ import annotations

import importlib.util
import re
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import harness
from harness.errors import BudgetExhausted, HarnessError
from harness.methods.base import make_method, run_search
from harness.problem.budget import Budget
from harness.streams import Streams
from harness.system import extras, plugins
from harness.tabular import synthetic
from harness.tabular.problem import TabularProblem
from harness.tabular.table import Table
from harness.testing import check_method

needs_gymnasium = pytest.mark.skipif(importlib.util.find_spec("gymnasium") is None, reason="needs the extra `gym`")


def problem_of(table: Table, evaluations: int, metrics: tuple[str, ...] = ()) -> TabularProblem:
    return TabularProblem(table, Budget("evaluations", evaluations), metrics)


@needs_gymnasium
def test_gymnasium_finds_nothing_wrong() -> None:
    from gymnasium.utils.env_checker import check_env

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # There is no name by which Gymnasium could make it again, and nothing to draw on a screen.
        check_env(harness.gym_env(problem_of(synthetic.convert(), 100)), skip_render_check=True)


@needs_gymnasium
def test_a_random_agent_is_random_search() -> None:
    table = synthetic.convert()
    plain, problem = problem_of(table, 50), problem_of(table, 50)
    run_search(make_method("random"), plain, Streams(table.name, 3))
    env, uniforms = harness.gym_env(problem), Streams(table.name, 3).uniforms("sample")
    rewards = []
    _, info = env.reset(seed=0)
    while not info["exhausted"]:
        observation, reward, terminated, truncated, info = env.step(np.array(problem.sample(uniforms)))
        assert (observation == 0).all()
        assert (terminated, truncated) == (True, False)
        rewards.append(reward)
    np.testing.assert_array_equal(problem.history, plain.history)
    assert rewards == table.valid[plain.history].tolist()


@needs_gymnasium
def test_the_budget_ends_it() -> None:
    table = synthetic.convert()
    env = harness.gym_env(problem_of(table, 2, ("cost",)))
    action = np.array(table.codes[7])
    infos = [env.step(action)[-1] for _ in range(2)]
    assert [info["exhausted"] for info in infos] == [False, True]
    assert infos[0]["cost"] == infos[0]["metrics"]["cost"] == table.columns["cost"][7]
    assert infos[0]["feasible"]
    with pytest.raises(BudgetExhausted):
        env.step(action)


@needs_gymnasium
@pytest.mark.parametrize("direction", ["max", "min"])
def test_what_is_missing_is_truncated_and_unpaid(direction: str, make_table: Callable[..., Table]) -> None:
    table = make_table(missing=0.5, direction=direction)
    problem = problem_of(table, 10)
    env = harness.gym_env(problem)
    hole = next(arch for index in range(table.space.size) if not problem.contains(arch := table.space.arch(index)))
    assert env.step(np.array(hole))[1:4] == (0.0, False, True)
    rewards = [env.step(np.array(code))[1] for code in table.codes[:3]]
    assert rewards == [(1 if direction == "max" else -1) * value for value in table.valid[:3]]
    assert env.step(np.array(hole))[1] == min(rewards)
    assert len(problem.history) == 3


@needs_gymnasium
def test_the_agent_of_the_guide_is_a_method(tmp_path: Path, registries: None) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "guide.md").read_text(encoding="utf-8")
    (agent,) = [code for code in re.findall(r"```python\n(.*?)```", guide, re.S) if "gym_env(problem)" in code]
    (tmp_path / "agent.py").write_text(agent, encoding="utf-8")
    plugins.load([str(tmp_path / "agent.py")])
    check_method("softmax-agent", evaluations=20)


def test_without_gymnasium_it_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "version_of", lambda name: None)
    with pytest.raises(
        HarnessError, match=r"^gym_env: needs gymnasium, which is missing; pip install 'nas-harness\[gym\]'$"
    ):
        harness.gym_env(problem_of(synthetic.convert(), 5))
