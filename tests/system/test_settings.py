"""Numbers that the environment sets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.errors import HarnessError
from harness.system import settings


def test_defaults_and_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NAS_HARNESS_THREADS", raising=False)
    monkeypatch.delenv("NAS_HARNESS_DASK_WAIT", raising=False)
    assert (settings.threads(), settings.dask_wait_s()) == (1, 300.0)
    monkeypatch.setenv("NAS_HARNESS_THREADS", "3")
    monkeypatch.setenv("NAS_HARNESS_DASK_WAIT", "1.5")
    assert (settings.threads(), settings.dask_wait_s()) == (3, 1.5)


@pytest.mark.parametrize(
    ("name", "text"),
    [("NAS_HARNESS_THREADS", text) for text in ("", "0", "-1", "two", "1.5", "nan", "10000000000")]
    + [("NAS_HARNESS_DASK_WAIT", text) for text in ("", "-1", "5m", "nan", "inf")],
)
@pytest.mark.parametrize("verb", [["run", "-j", "1"], ["run", "-j", "2"], ["plan"]])
def test_a_wrong_one_is_refused_before_anything_runs(
    name: str, text: str, verb: list[str], tmp_path: Path, cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(HarnessError, match=name):
        settings.check_settings()
    outcome = cli(
        *verb, "--benchmark", "synthetic/ridge", "--method", "random", "--seeds", "0:2", "-o", tmp_path / "run"
    )
    assert (outcome.code, outcome.out, len(outcome.err.splitlines())) == (2, "", 1)
    assert outcome.err.startswith(f"nas-harness: error: {name}: wanted a ")
    assert outcome.err.endswith(f"not {text!r}\n")
    assert not (tmp_path / "run").exists()
