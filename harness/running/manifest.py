"""The manifest of a run: what anyone needs to run it again, in ``environment.json`` and beside it.

``environment.json`` describes the machine and the packages of the last sitting. Its key ``manifest`` says what was run there
(command lines, code, plug-ins), what environments the cells of earlier sittings and of other shards had, and how far the means of
a live run may move on another kind of processor. Plug-in files, and what they import from beside them, are copied.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.code.digest import Code
from harness.code.places import place_of
from harness.errors import HarnessError, first_line
from harness.running.shards import Shard, in_order
from harness.system import plugins, provenance
from harness.system.files import write_whole

FILE, COPIES = "environment.json", "plug-ins"
SCHEMA = 1


class NoManifest(HarnessError):
    """A folder holds no run, or one without a manifest."""


@dataclass(frozen=True)
class Manifest:
    """What a run was made with.

    Attributes
    ----------
    environment
        Machine and packages of the last sitting, see `harness.system.provenance.environment`.
    earlier
        Those of other cells, by the head of their hash, which is what records name.
    harness
        Version, commit and ``dirty`` of the harness.
    commands
        Command lines, of earlier sittings first.
    code
        SHA-256 of the syntax tree of each module that the searches import.
    plugins
        Where plug-in files lay -> their copies in the run's folder.
    copies
        SHA-256 of each copy, of plug-in files and of what lies beside them, by path in the run's folder.
    shards
        Which shards of the suite the folder holds, ``"3/50"``; none if it is no shard.
    margins
        How far the mean of a live group may move on another kind of processor: ``benchmark``, ``method``, ``budget`` and
        ``margin`` in the unit of its scores.
    """

    environment: Mapping[str, Any]
    earlier: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    harness: Mapping[str, str] = field(default_factory=dict)
    commands: Sequence[Sequence[str]] = ()
    code: Mapping[str, str] = field(default_factory=dict)
    plugins: Mapping[str, str] = field(default_factory=dict)
    copies: Mapping[str, str] = field(default_factory=dict)
    shards: Sequence[str] = ()
    margins: Sequence[Mapping[str, Any]] = ()

    @property
    def head(self) -> str:
        """Head of the hash of the environment, as it stands in records."""
        return hashlib.sha256(json.dumps(self.environment, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def environments(self) -> dict[str, Mapping[str, Any]]:
        """All environments by head."""
        return {**self.earlier, self.head: self.environment}

    @property
    def as_text(self) -> str:
        """What ``environment.json`` holds."""
        stated = {"schema": SCHEMA} | {key: value for key, value in vars(self).items() if key != "environment"}
        return json.dumps({**self.environment, "manifest": stated}, indent=1, sort_keys=True) + "\n"

    def write(self, folder: Path) -> None:
        """Write ``environment.json``, whole or not at all."""
        write_whole(folder / FILE, self.as_text.encode())


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a run.

    Raises
    ------
    NoManifest
        If the folder holds no run, or one of an earlier version.
    HarnessError
        If the manifest is damaged.
    """
    file = folder / FILE
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        stated = content.pop("manifest", None)
        if stated is None:
            raise NoManifest(
                f"{folder}: {FILE} has no manifest (its run is of an earlier version of nas-harness): command line, code and "
                f"plug-ins are missing; run its suite again, with nas-harness run {folder} -o NEW"
            )
        if stated.pop("schema") != SCHEMA:
            raise ValueError(f"its manifest is not of schema {SCHEMA}, which this version of nas-harness reads")
        return Manifest(content, **stated)
    except FileNotFoundError:
        raise NoManifest(f"{folder}: no {FILE} here; wanted the output folder of `nas-harness run`") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise HarnessError(f"{file} is damaged: {first_line(error)}") from error


def begin(
    folder: Path, environment: Mapping[str, Any], codes: Iterable[Code], used: Iterable[str], shard: Shard | None
) -> Manifest:
    """Write the manifest of a sitting, with copies of the plug-ins that are loaded; what was run there before is kept.

    Parameters
    ----------
    folder
        The run's folder.
    environment
        Of this sitting.
    codes
        Code of all groups.
    used
        Heads of the environments of cells that are there.
    shard
        The shard that is run; None for all cells.
    """
    try:
        before = read_manifest(folder)
    except HarnessError:  # none, of an earlier version, or damaged
        before = Manifest({})
    commit, dirty = provenance.git_state()
    trees = {plugins.shown(name): tree for code in codes for name, tree in code.trees.items()}
    files, copies = _copied(folder, [name for code in codes for name in code.trees])
    wanted, command = set(used), tuple(sys.orig_argv)
    made = Manifest(
        environment,
        earlier={head: one for head, one in before.environments.items() if head in wanted},
        harness={"version": provenance.code_version(), "commit": commit, "dirty": dirty},
        commands=[*(one for one in before.commands if tuple(one) != command), command],
        code=dict(sorted(trees.items())),
        plugins=files,
        copies=copies,
        # What was a whole run before, as far as it came, is no shard.
        shards=in_order({*before.shards, str(shard)}) if shard and (before.shards or not before.commands) else [],
        margins=before.margins,
    )
    made.write(folder)
    return made


def _copied(folder: Path, modules: Iterable[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Copy plug-ins into a run's folder: where they lay -> copy, and the SHA-256 of all copies."""
    sources = plugins.sources()
    for name in filter(plugins.is_plugin, modules):  # what a function imports has perhaps not been imported yet
        place = place_of(name)
        if place is not None and place[2] not in sources:
            sources[place[2]] = place[2].read_bytes()
    loaded = [Path(path) for path in plugins.loaded()]
    homes = list(dict.fromkeys(path.parent for path in loaded))
    copies = {}
    for number, home in enumerate(homes):
        for path in sorted(path for path in sources if path.is_relative_to(home)):
            copy = f"{COPIES}/{number}/{path.relative_to(home).as_posix()}"
            write_whole(folder / copy, sources[path])
            copies[copy] = hashlib.sha256(sources[path]).hexdigest()
    files = {str(path): f"{COPIES}/{homes.index(path.parent)}/{path.name}" for path in loaded}
    return files, copies


def load_plugins(folder: Path, manifest: Manifest, given: Iterable[str | Path] = ()) -> None:
    """Load the plug-ins of a run: those given, else as they lie where they lay, else their copies.

    Parameters
    ----------
    folder
        The run's folder.
    manifest
        Its manifest.
    given
        Plug-in files that stand for those of the same name.

    Raises
    ------
    HarnessError
        If a plug-in is neither there nor in the run's folder as it was copied, or cannot be loaded.
    """
    own = {Path(path).name: Path(path) for path in given}
    chosen = []
    for path, copy in manifest.plugins.items():
        ways = [Path(path), folder / copy]
        takes = own.get(ways[0].name) or (ways[0] if ways[0].is_file() else ways[1])
        if takes == ways[1]:
            _check_copies(folder, manifest, copy)
        for way in ways:
            if way.resolve() != takes.resolve():
                plugins.unload(way)  # it would be registered twice
        chosen.append(takes)
    plugins.load([*own.values(), *chosen])


def _check_copies(folder: Path, manifest: Manifest, copy: str) -> None:
    """Refuse a copy, or one from beside it, that is gone or was edited."""
    home = copy.rpartition("/")[0]
    for name, digest in manifest.copies.items():
        if not name.startswith(f"{home}/"):
            continue
        try:
            content = (folder / name).read_bytes()
        except OSError as error:
            raise HarnessError(
                f"{folder / name}: {error.strerror}, and the plug-in is not where it lay; name it with --plugin FILE"
            ) from error
        if hashlib.sha256(content).hexdigest() != digest:
            raise HarnessError(f"{folder / name} was edited after the run; name the plug-in to run with --plugin FILE")


def other_code(manifest: Manifest, codes: Iterable[Code]) -> list[str]:
    """Names of modules whose code is not that of the run."""
    here = {plugins.shown(name): tree for code in codes for name, tree in code.trees.items()}
    there = manifest.code
    return [name for name in sorted({*here, *there}) if here.get(name) != there.get(name)]


def other_versions(manifest: Manifest, environment: Mapping[str, Any]) -> list[str]:
    """Say which versions are not those of the run: of Python, the harness and packages that its searches import."""
    there = {"Python": manifest.environment["python"], "nas-harness": manifest.environment["nas_harness"]}
    here = {"Python": environment["python"], "nas-harness": environment["nas_harness"]}
    pairs = [there | manifest.environment["packages"], here | environment["packages"]]
    return [
        f"{name} {pairs[0].get(name, 'absent')} there, {pairs[1].get(name, 'absent')} here"
        for name in dict.fromkeys(key for pair in pairs for key in pair)
        if pairs[0].get(name) != pairs[1].get(name)
    ]


def is_other_processor(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two environments have processors, or use instructions, of different kinds: last bits of a training may differ."""
    keys = ("processor", "features", "caps", "accelerator")
    return [one.get(key) for key in keys] != [other.get(key) for key in keys]
