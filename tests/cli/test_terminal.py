"""How the command line looks: help, lists, what a terminal shows and a pipe does not, completion."""

from __future__ import annotations

import argparse
import json
import os
import pty
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from harness.cli import make_parser
from harness.cli.examples import EXAMPLES
from harness.errors import unknown_name

ESCAPE = "\x1b["


def verbs(parser: argparse.ArgumentParser, path: tuple[str, ...] = ()) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Names and parsers of all verbs, those of `analyze` too."""
    inner = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not inner:
        yield " ".join(path), parser
    for name, one in [item for action in inner for item in action.choices.items()]:
        yield from verbs(one, (*path, name))


VERBS = dict(verbs(make_parser()))


@pytest.mark.parametrize("verb", VERBS)
def test_help_has_an_example_that_is_right_and_says_defaults(verb: str) -> None:
    example = EXAMPLES[verb.rpartition(" ")[2]]
    assert f"example: {example}" in " ".join(VERBS[verb].format_help().split())
    program, *arguments = shlex.split(example)
    assert (program, " ".join(arguments[: len(verb.split())])) == ("nas-harness", verb)
    make_parser().parse_args(arguments)
    for action in VERBS[verb]._actions:
        if action.default not in (None, False, [], argparse.SUPPRESS) and action.option_strings:
            assert "default" in (action.help or ""), f"{verb} {action.option_strings[0]}: its help says no default"


def test_no_example_is_of_nothing() -> None:
    assert set(EXAMPLES) == {verb.rpartition(" ")[2] for verb in VERBS}


@pytest.mark.parametrize("flag", ["-V", "--version"])
def test_version(flag: str, cli: Callable[..., Any]) -> None:
    assert cli(flag).out.startswith("nas-harness ")


def test_a_list_of_methods_is_80_columns_wide(cli: Callable[..., Any]) -> None:
    lines = cli("ls", "methods").out.splitlines()
    assert lines[0].split() == ["name", "strategy", "acceleration"]
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize(
    ("what", "name", "some"),
    [
        ("methods", "regularized-evolution", {"strategy": "evolution", "version": "1"}),
        ("benchmarks", "nasbench-graph/cora", {"unit": "fraction", "direction": "max"}),
        ("suites", "quickstart", {"name": "quickstart"}),
        ("images", "digits", {"name": "digits"}),
    ],
)
def test_one_of_them(what: str, name: str, some: dict[str, str], cli: Callable[..., Any]) -> None:
    known = json.loads(cli("ls", what, name, "--json").out)
    assert known.items() >= some.items()
    lines = cli("ls", what, name).out.splitlines()
    assert [line.split()[0] for line in lines] == list(known)


def test_all_of_a_method(cli: Callable[..., Any]) -> None:
    known = json.loads(cli("ls", "methods", "regularized-evolution", "--json").out)
    assert known["parameters"] == {"population": "10", "sample": "3"}
    assert known["source"].startswith("Real et al., AAAI 2019")
    assert len(known["about"]) > 20


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("methods", "evolution"), "unknown method 'evolution'; did you mean 'regularized-evolution'?"),
        (("benchmarks", "cora"), "unknown benchmark 'cora'; did you mean 'nasbench-graph/cora'?"),
        (("published", "x"), "takes no name"),
    ],
)
def test_there_is_none_of_this_name(arguments: tuple[str, str], message: str, cli: Callable[..., Any]) -> None:
    done = cli("ls", *arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.err


def test_the_end_of_a_name_suggests_it() -> None:
    names = ["nasbench-graph/cora", "nasbench-graph/cs", "live/darts-digits", "corax"]
    assert "did you mean 'nasbench-graph/cora'? valid" in str(unknown_name("benchmark", "cora", names))
    assert "did you mean 'live/darts-digits'? valid" in str(unknown_name("benchmark", "digits", names))
    assert "did you mean 'corax'? valid" in str(unknown_name("benchmark", "cor", names))


def on_a_terminal(*arguments: str, columns: int, **environment: str) -> str:
    """What the command prints on a terminal of so many columns."""
    master, slave = pty.openpty()
    settings = os.environ | {"COLUMNS": str(columns), "TERM": "xterm-256color"} | environment
    with subprocess.Popen(
        [sys.executable, "-m", "harness.cli", *arguments], stdout=slave, stderr=slave, stdin=slave, env=settings
    ) as process:
        os.close(slave)
        parts = []
        while True:
            try:
                part = os.read(master, 65536)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            parts.append(part)
    os.close(master)
    assert process.returncode == 0, b"".join(parts)
    return b"".join(parts).decode().replace("\r\n", "\n")


@pytest.mark.slow
@pytest.mark.parametrize("columns", [40, 80])
def test_a_terminal_wraps_what_a_pipe_does_not(columns: int, cli: Callable[..., Any]) -> None:
    plain = on_a_terminal("ls", "suites", columns=columns, NO_COLOR="1")
    assert max(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in plain.splitlines()) <= columns
    assert "\x1b[3" not in plain  # no colour
    text = " ".join(plain.split())
    (line,) = [line for line in cli("ls", "suites").out.splitlines() if line.startswith("lottery")]
    assert all(word in text for word in line.split()[:4])
    assert ESCAPE not in cli("ls", "suites").out
    assert ESCAPE in on_a_terminal("ls", "suites", columns=columns)
    assert ESCAPE not in on_a_terminal("ls", "suites", columns=columns, TERM="dumb")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "columns"),
    [
        (("analyze", "pairs", "scores.csv"), 40),
        (("analyze", "pairs", "scores.csv"), 80),
        (("ls", "methods"), 40),
        (("ls", "benchmarks", "digits201"), 40),
        (("plan", "quickstart"), 40),
    ],
)
def test_narrow_screens_break_no_title_and_no_number(
    arguments: tuple[str, ...], columns: int, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table that does not fit is shown row by row: what a pipe is given stands there whole, in its order."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scores.csv").write_text(
        "method,dataset,seed,score\n"
        + "".join(f"{m},x,{s},{90 + i + s / 8}\n" for i, m in enumerate("AB") for s in range(5))
    )
    shown = on_a_terminal(*arguments, columns=columns, NO_COLOR="1")
    text = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    if arguments[0] in ("analyze", "ls"):  # tables; sentences are the terminal's to wrap
        assert max(map(len, text.splitlines())) <= columns or "nas-harness:" in text
    piped = subprocess.run(
        [sys.executable, "-m", "harness.cli", *arguments], capture_output=True, text=True, check=True
    )
    words = [word for line in piped.stdout.splitlines()[:4] for word in line.split() if len(word) <= 16]
    missing = [word for word in words if word not in text]
    assert missing == []


@pytest.mark.parametrize(
    "arguments", [("ls", "methods"), ("ls", "suites"), ("plan", "quickstart"), ("ls", "published")]
)
def test_a_pipe_of_ascii_carries_everything(arguments: tuple[str, ...]) -> None:
    command = [sys.executable, "-W", "error::UnicodeWarning", "-m", "harness.cli", *arguments]
    done = subprocess.run(command, capture_output=True, env=os.environ | {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"})
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.isascii()


@pytest.mark.slow
def test_verdicts_have_colours(tmp_path: Any, cli: Callable[..., Any]) -> None:
    spot = ("--benchmark", "digits201", "--method", "local-search", "--budget", "100", "--seeds", "0:40", "-q")
    output = tmp_path / "a folder with blanks"
    shown = on_a_terminal("run", *spot, "-o", str(output), "-j", "1", columns=100)
    assert "\x1b[32mbetter" in shown
    assert f"report: {output}" in shown.replace("\n", "")
    piped = cli("report", str(output)).out
    assert "better" in piped
    assert ESCAPE not in piped
    assert piped.isascii()


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion(shell: str, tmp_path: Any, cli: Callable[..., Any]) -> None:
    pytest.importorskip("shtab", reason="needs the extra `completion`")
    script = cli("completion", shell).out
    assert all(verb in script for verb in ("import-results", "wide-shallow", "--benchmark"))
    if (found := shutil.which(shell)) is None:
        pytest.skip(f"no {shell} on this machine")
    (tmp_path / "script").write_text(script)
    assert subprocess.run([found, "-n", str(tmp_path / "script")], capture_output=True).stderr == b""
