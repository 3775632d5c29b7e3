"""The suite of a run that is there, to go on with it or to run it again."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from harness.errors import HarnessError
from harness.running.manifest import NoManifest, load_plugins, read_manifest
from harness.running.records import SUITE, read_resolved
from harness.suites.reading import load_suite, suite_names
from harness.suites.seeds import parse_seeds
from harness.suites.suite import Suite


def resolved_suite(suite: str | Path) -> Path | None:
    """The file of a resolved suite that is named by a run's folder or by itself; None if it is another suite.

    A folder may have the name of a suite, its output for instance: the name means the suite then.
    """
    path = Path(suite)
    if path.suffix == ".json" and path.is_file():
        return path
    if str(suite) not in suite_names() and (path / SUITE).is_file():
        return path / SUITE
    return None


def read_suite(
    suite: str | Path,
    overrides: Sequence[str] = (),
    seeds: str | None = None,
    plugin: Sequence[str | Path] = (),
    part: str | None = None,
) -> Suite:
    """A suite by name, from a TOML file, or of a run, by its folder or its ``suite.resolved.json``.

    Parameters
    ----------
    suite, overrides, seeds, part
        As in `harness.suites.reading.load_suite`; a run's suite takes no overrides, and has the part that was run.
    plugin
        Plug-in files that stand for those of the run of the same name; its others are loaded with it.

    Raises
    ------
    HarnessError
        If the suite cannot be read, or a cell of the run would not be the same cell here.
    """
    file = resolved_suite(suite)
    if file is None:
        return load_suite(suite, overrides, seeds, part)
    if overrides:
        raise HarnessError(f"--set {overrides[0]}: {file} is resolved, with nothing left to set but --seeds")
    if part is not None:
        raise HarnessError(f"--part {part}: {file} is resolved, with nothing left to set but --seeds")
    resolved = read_resolved(file)
    with suppress(NoManifest):
        load_plugins(file.parent, read_manifest(file.parent), plugin)
    found = Suite.from_resolved(resolved, where=str(file.parent))
    return found if seeds is None else replace(found, seeds=parse_seeds(seeds, "--seeds"))
