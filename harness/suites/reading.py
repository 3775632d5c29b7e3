"""Suites from TOML files, by name, from the command line and from values."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import HarnessError, unknown_name
from harness.live.one_shot import PREFIX as ONE_SHOT
from harness.methods.base import make_method, method_params
from harness.problem.budget import Budget
from harness.problem.constraint import parse_constraints
from harness.suites.catalogue import expand
from harness.suites.group import MethodSpec
from harness.suites.seeds import parse_seeds
from harness.suites.suite import Suite, spec_of
from harness.system.texts import split_outside

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


def suite_folders() -> list[Path]:
    """Where suites are looked for by name: inside the installed package, or in the checkout beside it."""
    package = Path(__file__).parents[1]
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
        # A text is a parameter of a method that has one of this name.
        search = params.pop("search") if isinstance(params.get("search"), dict) else {}
        patterns = _texts(params.pop("benchmarks", []), f"{where}: benchmarks of method {label}")
        shown = None if metrics is None else tuple(_texts(metrics, f"{where}: metrics of method {label}"))
        own = expand(patterns, f"{where}: method {label}") if patterns else []
        chosen = tuple(benchmark for benchmark in benchmarks if benchmark in own)
        try:
            method = make_method(name, **params)
            method.required()
        except HarnessError as error:
            raise HarnessError(f"{where}: {error}") from error
        if label in (spec.label for spec in specs):
            raise HarnessError(f"{where}: two methods are called {label!r}; give one of them a label of its own")
        for spec in specs:
            if (spec.name, spec.params, spec.metrics, spec.search) == (name, method_params(method), shown, search):
                raise HarnessError(
                    f"{where}: {spec.label!r} and {label!r} are the same method with the same parameters; leave one out"
                )
        if own and not chosen:  # `--set benchmarks=...` took away all that it is for
            continue
        specs.append(spec_of(name, label, method, chosen, shown, search))
    return tuple(specs)


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
