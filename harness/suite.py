"""Suites: a TOML file that names benchmarks, methods, budgets and seeds, and the cells that it resolves to."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.catalogue import expand, find_benchmark
from harness.constraint import Constraint, parse_constraints
from harness.errors import HarnessError, differences, unknown_name
from harness.live.one_shot import PREFIX as ONE_SHOT
from harness.live.settings import LiveSettings
from harness.methods.base import Method, make_method, method_params
from harness.problem import Budget
from harness.spaces.base import Space
from harness.texts import split_outside

SCHEMA = 1  # of records and of what a cell's key is made of
MAX_SEEDS = 1_000_000
LONGEST_IN_LABEL = 60  # characters of a parameter in the label of a method that is named on the command line
SUITE_KEYS = (
    "name",
    "description",
    "seeds",
    "benchmarks",
    "budgets",
    "metrics",
    "constraint",
    "methods",
    "search",
    "evaluation",
    "device",
)


@dataclass(frozen=True)
class MethodSpec:
    """A method with its parameters, as a suite wants it run.

    Attributes
    ----------
    name
        Registered name.
    label
        What reports call it; unique in a suite.
    params
        All parameters, defaults included.
    version
        The method's version.
    benchmarks
        Those of the suite's benchmarks that it is run on; empty for all.
    metrics
        Columns that it may see beside the validation score; None for what the suite says of all methods.
    taxonomy
        What kind of method it is, by category.
    reads_whole_table
        Whether no budget bounds what it sees of a table.
    """

    name: str
    label: str
    params: Mapping[str, Any] = field(hash=False)
    version: str
    benchmarks: tuple[str, ...] = ()
    metrics: tuple[str, ...] | None = None
    taxonomy: Mapping[str, str] = field(default_factory=dict, hash=False)
    reads_whole_table: bool = False

    def runs_on(self, benchmark: str) -> bool:
        """Whether the suite wants it run on this benchmark."""
        return not self.benchmarks or benchmark in self.benchmarks

    def shown(self, metrics: tuple[str, ...]) -> tuple[str, ...]:
        """Columns that it may see where the suite shows `metrics` to all methods."""
        return metrics if self.metrics is None else self.metrics

    @property
    def params_json(self) -> str:
        """The parameters as JSON with sorted keys."""
        return json.dumps(dict(self.params), sort_keys=True)


@dataclass(frozen=True)
class Group:
    """Cells that differ in their seed only.

    Attributes
    ----------
    benchmark, data_sha256
        Name of the benchmark and hash of its table.
    method, budget
        What is run, and how long.
    metrics
        Columns that the method may see beside the validation score.
    settings
        How a live benchmark searches and evaluates, as JSON with nothing left to defaults; empty for a table.
    constraints
        What an architecture must satisfy to be an answer.
    """

    benchmark: str
    data_sha256: str
    method: MethodSpec
    budget: Budget
    metrics: tuple[str, ...] = ()
    settings: str = ""
    constraints: tuple[Constraint, ...] = ()

    @property
    def conditions(self) -> dict[str, Any]:
        """What the method is run under beside its benchmark and budget, as plain JSON values."""
        return (
            {"metrics": list(self.metrics)}
            | ({"settings": json.loads(self.settings)} if self.settings else {})
            | ({"constraint": _conditions(self.constraints)} if self.constraints else {})
        )

    @property
    def resolved(self) -> dict[str, Any]:
        """All that a result depends on but the seed, as plain JSON values."""
        return {
            "schema": SCHEMA,
            "benchmark": self.benchmark,
            "data_sha256": self.data_sha256,
            "method": self.method.name,
            "params": dict(self.method.params),
            "version": self.method.version,
            "budget": [self.budget.kind, self.budget.amount],
        } | self.conditions

    @cached_property
    def _text(self) -> str:
        return json.dumps(self.resolved, sort_keys=True)

    def key(self, seed: int) -> str:
        """SHA-256 of the resolved configuration of one cell: equal keys mean equal results."""
        return hashlib.sha256(f"{self._text} seed {seed}".encode()).hexdigest()


@dataclass(frozen=True)
class Suite:
    """What is to be run.

    Attributes
    ----------
    name
        Name of the suite.
    benchmarks
        Names, patterns expanded.
    methods
        What is compared.
    budgets
        Every method gets every one of them.
    seeds
        Distinct and not negative.
    metrics
        Columns that methods may see beside the validation score.
    description
        A sentence for the report.
    live
        What the suite's file says of live benchmarks: its tables ``search`` and ``evaluation`` and its ``device``.
    constraints
        What an architecture must satisfy to be an answer.
    settled
        Of a suite that was read back: the settings of live benchmarks, by benchmark and budget, instead of `live`.
    """

    name: str
    benchmarks: tuple[str, ...]
    methods: tuple[MethodSpec, ...]
    budgets: tuple[Budget, ...]
    seeds: tuple[int, ...]
    metrics: tuple[str, ...] = ()
    description: str = ""
    live: Mapping[str, Any] = field(default_factory=dict, hash=False)
    constraints: tuple[Constraint, ...] = ()
    settled: Mapping[tuple[str, Budget], str] = field(default_factory=dict, hash=False)
    where: str = field(default="suite", compare=False)

    @classmethod
    def from_resolved(
        cls,
        resolved: Mapping[str, Any],
        *,
        methods: Collection[str] | None = None,
        benchmarks: Collection[str] | None = None,
        where: str = "suite.resolved.json",
    ) -> Suite:
        """The suite that `Suite.resolved` wrote, or a part of it, to run its cells again.

        The only way back to a suite: all that is in a cell's key is taken over. Methods, benchmarks and settings are made
        anew, as they are here and now; what is no longer what it was is refused.

        Parameters
        ----------
        resolved
            What ``suite.resolved.json`` holds.
        methods
            Labels of the methods that are wanted; None for all.
        benchmarks
            Names of the benchmarks that are wanted; None for all.
        where
            What messages begin with, e.g. the run's folder.

        Raises
        ------
        HarnessError
            If a cell has another key here than it had: other data, another version or other parameters of its method, other
            settings.
        """
        kept = [
            group
            for group in groups_of(resolved)
            if (methods is None or group.method.label in methods)
            and (benchmarks is None or group.benchmark in benchmarks)
        ]
        labels, names = {group.method.label for group in kept}, {group.benchmark for group in kept}
        suite = cls(
            name=resolved["name"],
            benchmarks=tuple(name for name in resolved["benchmarks"] if name in names),
            methods=tuple(_as_here(method_spec(one)) for one in resolved["methods"] if one["label"] in labels),
            budgets=tuple(Budget(**budget) for budget in resolved["budgets"]),
            seeds=tuple(resolved["seeds"]),
            metrics=tuple(resolved["metrics"]),
            description=resolved["description"],
            constraints=constraints_of(resolved),
            settled={(group.benchmark, group.budget): group.settings for group in kept},
            where=where,
        )
        for old, new in zip(kept, suite.groups(), strict=True):
            if changed := differences(old.resolved, new.resolved):
                raise HarnessError(
                    f"{where}: {old.method.label} on {old.benchmark} would not be the same cell again "
                    f"({'; '.join(changed)}); run the suite again into another folder"
                )
        return suite

    def groups(self) -> Iterator[Group]:
        """All groups of cells, in the order of the suite: benchmarks, budgets, methods."""
        for name in self.benchmarks:
            benchmark = find_benchmark(name)
            for budget in self.budgets:
                settings = {
                    metrics: self._settle(name, budget, metrics)
                    for metrics in {method.shown(self.metrics) for method in self.methods if method.runs_on(name)}
                }
                for method in self.methods:
                    if method.runs_on(name):
                        metrics = method.shown(self.metrics)
                        group = Group(
                            name, benchmark.sha256, method, budget, metrics, settings[metrics], self.constraints
                        )
                        self._check(group, benchmark.epochs, benchmark.space)
                        yield group

    def _settle(self, name: str, budget: Budget, metrics: tuple[str, ...]) -> str:
        live = self.settled.get((name, budget)) or self.live
        return find_benchmark(name).settle(budget, metrics, live, self.constraints)

    def _check(self, group: Group, max_fidelity: int | None, space: Space) -> None:
        """Let the method refuse the benchmark."""
        method = make_method(group.method.name, **group.method.params)
        try:
            method.check(live=bool(group.settings), max_fidelity=max_fidelity, budget=group.budget)
            method.check_space(space)
            if group.settings:
                method.check_supernet(space, LiveSettings.from_json(group.settings).search)
        except HarnessError as error:
            raise HarnessError(f"benchmark {group.benchmark}: {error}") from error

    def resolved(self) -> dict[str, Any]:
        """The suite as plain JSON values, with nothing left to defaults."""
        return {
            "schema": SCHEMA,
            "name": self.name,
            "description": self.description,
            "benchmarks": list(self.benchmarks),
            "tables": {
                name: find_benchmark(name).describe() | {"taxonomy": find_benchmark(name).taxonomy.as_json()}
                for name in self.benchmarks
            },
            "data_sha256": {name: find_benchmark(name).sha256 for name in self.benchmarks},
            "methods": [dataclasses.asdict(method) | {"params": dict(method.params)} for method in self.methods],
            "budgets": [dataclasses.asdict(budget) for budget in self.budgets],
            "seeds": list(self.seeds),
            "metrics": list(self.metrics),
            "constraint": _conditions(self.constraints),
            # One text a benchmark and budget, in this order.
            "settings": [self._settle(name, budget, ()) for name in self.benchmarks for budget in self.budgets],
        }


def groups_of(resolved: Mapping[str, Any]) -> list[Group]:
    """Groups of a suite that was written by `Suite.resolved`, without loading any table; same keys, same order."""
    methods = [method_spec(method) for method in resolved["methods"]]
    pairs = [(benchmark, Budget(**budget)) for benchmark in resolved["benchmarks"] for budget in resolved["budgets"]]
    metrics, constraints = tuple(resolved["metrics"]), constraints_of(resolved)
    return [
        Group(
            benchmark, resolved["data_sha256"][benchmark], method, budget, method.shown(metrics), settings, constraints
        )
        for (benchmark, budget), settings in zip(pairs, resolved["settings"], strict=True)
        for method in methods
        if method.runs_on(benchmark)
    ]


def method_spec(values: Mapping[str, Any]) -> MethodSpec:
    """A method of a suite that was written as JSON."""
    metrics = values.get("metrics")
    return MethodSpec(
        **{
            **values,
            "benchmarks": tuple(values.get("benchmarks", ())),
            "metrics": None if metrics is None else tuple(metrics),
        }
    )


def constraints_of(resolved: Mapping[str, Any]) -> tuple[Constraint, ...]:
    """Constraints of a suite that was written by `Suite.resolved`."""
    return parse_constraints(resolved.get("constraint", {}))


def load_suite(suite: str | Path, overrides: Sequence[str] = (), seeds: str | None = None) -> Suite:
    """Read a suite from a TOML file, or one that comes with the project by its name.

    Parameters
    ----------
    suite
        Path of a TOML file, or a name that ``nas-harness ls suites`` lists.
    overrides
        ``dotted.key=value`` as the command line's ``--set`` takes them; values are TOML, or else text.
    seeds
        Seeds instead of the suite's own, e.g. ``"0:30"``.

    Raises
    ------
    HarnessError
        If the file cannot be read, or anything in it is unknown, missing or out of range.
    """
    path = find_suite(suite)
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise HarnessError(f"{path}: not valid TOML: {error}") from error
    except OSError as error:
        raise HarnessError(f"{path}: {error.strerror}") from error
    for override in overrides:
        _override(document, override)
    if seeds is not None:
        document["seeds"] = seeds
    document.setdefault("name", path.stem)
    return make_suite(document, where=str(path))


def spot_suite(
    benchmarks: Sequence[str],
    methods: Sequence[str],
    budget: int | str,
    seeds: str,
    overrides: Sequence[str] = (),
) -> Suite:
    """A suite made on the spot: these methods, and random search, on these benchmarks.

    Parameters
    ----------
    benchmarks
        Names or patterns.
    methods
        ``name`` or ``name,key=value,...``; values are TOML, or else text. Commas within brackets and quotes are the value's.
    budget
        Evaluations, or ``KIND=N`` for another unit, e.g. ``simulated_s=20000``.
    seeds, overrides
        As in a suite file.
    """
    tables = []
    for method in methods:
        name, *pairs = _split(method)
        table: dict[str, Any] = {"name": name}
        for pair in pairs:
            _override(table, pair)
        if pairs:
            table.setdefault("label", ",".join([name, *map(_shortened, pairs)]))
        tables.append(table)
    if not any(table["name"] == "random" for table in tables):
        tables.insert(0, {"name": "random"})
    document: dict[str, Any] = {
        "name": "spot",
        "seeds": seeds,
        "benchmarks": list(benchmarks),
        "budgets": _spot_budget(str(budget)),
        "methods": tables,
    }
    for override in overrides:
        _override(document, override)
    return make_suite(document, where="command line")


def _split(method: str) -> list[str]:
    try:
        return split_outside(method, ",")
    except HarnessError as error:
        raise HarnessError(f"--method: {error}") from error


def _shortened(pair: str) -> str:
    """A parameter as it stands in a label: in one line that is not too long."""
    line = " ".join(pair.split()) if "\n" in pair else pair
    return line if len(line) <= LONGEST_IN_LABEL else f"{line[: LONGEST_IN_LABEL - 3]}..."


def _spot_budget(text: str) -> dict[str, int]:
    match = re.fullmatch(r"(?:(\w+)=)?(-?[0-9]{1,18})", text)
    if match is None:
        raise HarnessError(
            f"--budget {text}: wanted a whole number of evaluations, or KIND=N such as simulated_s=20000"
        )
    return {match[1] or "evaluations": int(match[2])}


def make_suite(document: Mapping[str, Any], where: str = "suite") -> Suite:
    """A suite from the values that a TOML file would hold; see `load_suite`."""
    for key in document:
        if key not in SUITE_KEYS:
            raise unknown_name("key", key, SUITE_KEYS, where)
    for key in ("seeds", "benchmarks", "budgets", "methods"):
        if document.get(key) in (None, "", [], {}):
            raise HarnessError(f"{where}: {key} is missing or empty")
    benchmarks = _texts(document["benchmarks"], f"{where}: benchmarks")
    methods = document["methods"]
    if not isinstance(methods, list) or not all(isinstance(method, dict) for method in methods):
        raise HarnessError(f"{where}: methods must be tables, each under its own [[methods]]")
    name, description = document.get("name", "suite"), document.get("description", "")
    # The output folder is called after it.
    if not isinstance(name, str) or not re.fullmatch(r"\w[\w .+@-]*", name):
        raise HarnessError(f"{where}: name: wanted a text of letters, digits, blanks and .-+@_, not {name!r}")
    if not isinstance(description, str):
        raise HarnessError(f"{where}: description: wanted a text, not {description!r}")
    names = tuple(expand(benchmarks, where))
    if len({benchmark.startswith(("live/", ONE_SHOT)) for benchmark in names}) > 1:
        raise HarnessError(f"{where}: benchmarks: tables and supernets do not compare; give each a suite of its own")
    specs = _methods(methods, names, where)
    if idle := [name for name in names if not any(spec.runs_on(name) for spec in specs)]:
        raise HarnessError(f"{where}: no method is run on benchmark {idle[0]}; leave it out")
    return Suite(
        name=name,
        benchmarks=names,
        methods=specs,
        budgets=_budgets(document["budgets"], where),
        seeds=parse_seeds(document["seeds"], where),
        metrics=tuple(_texts(document.get("metrics", []), f"{where}: metrics")),
        description=description,
        live={key: document[key] for key in ("search", "evaluation", "device") if key in document},
        constraints=parse_constraints(document.get("constraint", {}), where),
        where=where,
    )


def parse_seeds(value: Any, where: str = "seeds") -> tuple[int, ...]:
    """Seeds from ``"0:100"`` (half open), ``"0:10,20:30"`` or a list of whole numbers; one number alone is refused."""
    wanted = f"{where}: seeds must be like '0:100' (half open) or a list of whole numbers, not {value!r}"
    seeds: list[int] = []
    if not isinstance(value, str | int | list | tuple | range):
        raise HarnessError(wanted)
    if not isinstance(value, list | tuple | range) and (alone := re.fullmatch(r"\s*([0-9]{1,18})\s*", str(value))):
        n = int(alone[1])
        several = f"0:{n} for {n} seed{'s' if n > 1 else ''}, or " if n else ""
        raise HarnessError(
            f"{where}: seeds {value!r}: a number of seeds or one seed? write {several}{n}:{n + 1} for seed {n} alone"
        )
    for part in str(value).split(",") if isinstance(value, str | int) else value:
        match = re.fullmatch(r"([0-9]{1,18})(?::([0-9]{1,18}))?", str(part).strip())
        if match is None:
            raise HarnessError(wanted)
        first, end = match.groups()
        if end and int(end) <= int(first):
            raise HarnessError(
                f"{where}: seed range {part!r} is empty or upside down; wanted first:end with end above first"
            )
        if end and int(end) - int(first) > MAX_SEEDS:
            raise HarnessError(f"{where}: seeds {part!r} are more than {MAX_SEEDS:,}")
        seeds.extend(range(int(first), int(end)) if end else [int(first)])
    if not seeds:
        raise HarnessError(wanted)
    if len(set(seeds)) < len(seeds):
        raise HarnessError(f"{where}: a seed stands twice in {value!r}")
    return tuple(seeds)


def suite_folders() -> list[Path]:
    """Where suites are looked for by name: inside the installed package, or in the checkout beside it."""
    package = Path(__file__).parent
    return [package / "_data" / "suites", package.parent / "benchmarks" / "suites"]


def suite_names() -> list[str]:
    """Names of the suites that come with the project."""
    return sorted({path.stem for folder in suite_folders() for path in folder.glob("*.toml")})


def find_suite(suite: str | Path) -> Path:
    """Path of a suite given as a file or by name."""
    path = Path(suite)
    # A folder may have the name of a suite: its output, for instance.
    if path.suffix == ".toml" or path.is_file():
        if not path.is_file():
            raise HarnessError(f"{path}: no such suite file; suites by name: {', '.join(suite_names())}")
        return path
    for folder in suite_folders():
        if (found := folder / f"{suite}.toml").is_file():
            return found
    raise unknown_name("suite", str(suite), suite_names())


def _conditions(constraints: Sequence[Constraint]) -> dict[str, str]:
    return {constraint.column: constraint.condition for constraint in constraints}


def _methods(tables: list[dict[str, Any]], benchmarks: Sequence[str], where: str) -> tuple[MethodSpec, ...]:
    specs: list[MethodSpec] = []
    for table in tables:
        params = dict(table)
        name = params.pop("name", None)
        if not isinstance(name, str):
            raise HarnessError(f"{where}: a [[methods]] table has no name")
        label = params.pop("label", name)
        if not isinstance(label, str) or not label.strip() or not label.isprintable():
            raise HarnessError(f"{where}: label of method {name}: wanted a text of one line, not {label!r}")
        metrics = params.pop("metrics", None)
        patterns = _texts(params.pop("benchmarks", []), f"{where}: benchmarks of method {label}")
        shown = None if metrics is None else tuple(_texts(metrics, f"{where}: metrics of method {label}"))
        own = expand(patterns, f"{where}: method {label}") if patterns else []
        chosen = tuple(benchmark for benchmark in benchmarks if benchmark in own)
        try:
            method = make_method(name, **params)
        except HarnessError as error:
            raise HarnessError(f"{where}: {error}") from error
        if label in (spec.label for spec in specs):
            raise HarnessError(f"{where}: two methods are called {label!r}; give one of them a label of its own")
        for spec in specs:
            if (spec.name, spec.params, spec.metrics) == (name, method_params(method), shown):
                raise HarnessError(
                    f"{where}: {spec.label!r} and {label!r} are the same method with the same parameters; leave one out"
                )
        if own and not chosen:  # `--set benchmarks=...` took away all that it is for
            continue
        specs.append(_spec(name, label, method, chosen, shown))
    return tuple(specs)


def _spec(
    name: str, label: str, method: Method, benchmarks: tuple[str, ...], metrics: tuple[str, ...] | None
) -> MethodSpec:
    return MethodSpec(
        *(name, label, method_params(method), method.version, benchmarks, metrics),
        taxonomy=method.taxonomy.as_json(),
        reads_whole_table=method.reads_whole_table,
    )


def _as_here(kept: MethodSpec) -> MethodSpec:
    """The same method with the same parameters, of the version and with the further defaults that it has here."""
    return _spec(kept.name, kept.label, make_method(kept.name, **kept.params), kept.benchmarks, kept.metrics)


def _budgets(table: Any, where: str) -> tuple[Budget, ...]:
    if not isinstance(table, dict):
        raise HarnessError(f"{where}: budgets must be a table such as [budgets] evaluations = 100")
    try:
        budgets = tuple(
            Budget(kind, amount)
            for kind, amounts in table.items()
            for amount in (amounts if isinstance(amounts, list) else [amounts])
        )
    except HarnessError as error:
        raise HarnessError(f"{where}: {error}") from error
    if not budgets:
        raise HarnessError(f"{where}: budgets: there is none in {table!r}")
    if len(kinds := {budget.kind: None for budget in budgets}) > 1:
        raise HarnessError(f"{where}: budgets: {' and '.join(kinds)} do not compare; give each kind a suite of its own")
    for position, budget in enumerate(budgets):
        if budget in budgets[:position]:
            raise HarnessError(f"{where}: budgets: {budget.amount} {budget.kind} stands twice")
    return budgets


def _texts(value: Any, where: str) -> list[str]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise HarnessError(f"{where}: wanted a list of texts, not {value!r}")
    return texts


def _override(document: dict[str, Any], override: str) -> None:
    dotted, separator, text = override.partition("=")
    if not separator or not dotted:
        raise HarnessError(f"--set {override}: wanted dotted.key=value, e.g. budgets.evaluations=50")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    *path, last = dotted.split(".")
    place: Any = document
    for key in path:
        if isinstance(place, list) and key.isdigit() and int(key) < len(place):
            place = place[int(key)]  # methods.0.population: the first [[methods]] table
        else:
            place = place.setdefault(key, {}) if isinstance(place, dict) else None
        if not isinstance(place, dict | list):
            raise HarnessError(f"--set {override}: {key} is not a table of the suite")
    if not isinstance(place, dict):
        raise HarnessError(f"--set {override}: wanted a key, not {last!r}, behind a list")
    place[last] = value
