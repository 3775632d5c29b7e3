"""Suites from TOML files, by name, from the command line and from values."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import HarnessError, unknown_name
from harness.live.one_shot import JUDGED
from harness.methods.base import make_method, method_params
from harness.problem.budget import Budget
from harness.problem.constraint import parse_constraints
from harness.suites import grids
from harness.suites.catalogue import benchmark_names, expand
from harness.suites.claims import read_claims
from harness.suites.file import PARTS, Benchmarks, MethodTable, SuiteFile
from harness.suites.group import MethodSpec
from harness.suites.seeds import parse_seeds
from harness.suites.suite import Suite, spec_of
from harness.system.shapes import Texts, shaped
from harness.system.texts import split_outside

LONGEST_IN_LABEL = 60  # characters of a parameter in the label of a method that is named on the command line
REQUIRED = ("seeds", "benchmarks", "budgets", "methods")


def load_suite(
    suite: str | Path,
    overrides: Sequence[str] = (),
    seeds: str | None = None,
    part: str | None = None,
    *,
    without_absent: bool = False,
) -> Suite:
    """Read a suite from a TOML file, or one that comes with the project by its name.

    Parameters
    ----------
    suite
        Path of a TOML file, or a name that ``nas-harness ls suites`` lists.
    overrides
        ``dotted.key=value`` as the command line's ``--set`` takes them; values are TOML, or else text.
    seeds
        Seeds instead of the suite's own, e.g. ``"0:30"``.
    part
        ``"dev"`` or ``"test"``: this part of the suite's benchmarks only, as a suite of its own, ``NAME-dev``.
    without_absent
        Whether benchmarks that are not here, and that the suite says how to import, are left out and not refused.

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
    if part is not None:
        _take(document, part, str(path))
    return make_suite(document, where=str(path), without_absent=without_absent)


def _take(document: dict[str, Any], part: str, where: str) -> None:
    """Leave one part of the benchmarks."""
    if part not in PARTS:
        raise unknown_name("part", part, PARTS)
    benchmarks = document.get("benchmarks")
    if not isinstance(benchmarks, dict) or not benchmarks.get(part):
        raise HarnessError(
            f"{where}: --part {part}: its benchmarks have no such part; write [benchmarks] dev = [...] and test = [...]"
        )
    document["benchmarks"] = {part: benchmarks[part]}
    if isinstance(document["name"], str):  # anything else is refused with the rest
        document["name"] += f"-{part}"


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
        if own := [pair for pair in pairs if not pair.startswith(f"{grids.KEY}.")]:  # a grid names its own
            table.setdefault("label", ",".join([name, *map(_shortened, own)]))
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


def make_suite(document: Mapping[str, Any], where: str = "suite", *, without_absent: bool = False) -> Suite:
    """A suite from the values that a TOML file would hold; see `load_suite`."""
    for key in REQUIRED:
        if key in document and document[key] in ("", [], {}):
            raise HarnessError(f"{where}: {key} is missing or empty")
    file = shaped(SuiteFile, document, where)
    here = benchmark_names() if file.imports else []
    absent = {name: line for name, line in file.imports.items() if name not in here}
    parts = _parts(file.benchmarks, absent, where)
    names = tuple(dict.fromkeys(name for some in parts.values() for name in some))
    missing = {name: line for name, line in absent.items() if name in _named(file.benchmarks)}
    if missing and not without_absent:
        name, line = next(iter(missing.items()))
        raise HarnessError(f"{where}: benchmark {name} is not here; import it with: {line}")
    if not names and not missing:
        raise HarnessError(f"{where}: benchmarks is missing or empty")
    if len({benchmark.startswith(("live/", *JUDGED)) for benchmark in names}) > 1:
        raise HarnessError(f"{where}: benchmarks: tables and supernets do not compare; give each a suite of its own")
    seeds = parse_seeds(file.seeds, where)
    methods = [one for table in file.methods for one in grids.expanded(table, where)]
    specs = _methods(methods, (*names, *missing), seeds, where)
    if idle := [name for name in names if not any(spec.runs_on(name) for spec in specs)]:
        raise HarnessError(f"{where}: no method is run on benchmark {idle[0]}; leave it out")
    budgets = _budgets(file.budgets, where)
    labels = [table.get("label") or table["name"] for table in methods]
    return Suite(
        name=file.name,
        benchmarks=names,
        methods=specs,
        budgets=budgets,
        seeds=seeds,
        metrics=tuple(_texts(file.metrics)),
        description=file.description,
        live={"search": file.search, "evaluation": file.evaluation, "device": file.device},
        constraints=parse_constraints(file.constraint, where),
        pairs=_pairs(file.pairs, labels, specs, where),
        parts={part: some for part, some in parts.items() if part},
        claims=read_claims(file.claims, labels, specs, (*names, *missing), budgets, where),
        absent=missing,
        where=where,
    )


def _parts(benchmarks: Benchmarks, absent: Collection[str], where: str) -> dict[str, tuple[str, ...]]:
    """Names by the part that they are of, without those that are absent; the part of a suite without parts is empty."""

    def names(texts: Texts) -> tuple[str, ...]:
        return tuple(expand([text for text in _texts(texts) if text not in absent], where))

    if not isinstance(benchmarks, dict):
        return {"": names(benchmarks)}
    found = {str(part): names(texts) for part, texts in benchmarks.items() if texts}
    parts = {part: found[part] for part in PARTS if part in found}
    if both := [name for name in parts.get("dev", ()) if name in parts.get("test", ())]:
        raise HarnessError(
            f"{where}: benchmarks: {both[0]} is in dev and in test: what methods are tuned on is no test; leave it out of one"
        )
    return parts


def _named(benchmarks: Benchmarks) -> list[str]:
    """All texts that name benchmarks, of all parts."""
    return [
        text
        for texts in (benchmarks.values() if isinstance(benchmarks, dict) else [benchmarks])
        for text in _texts(texts)
    ]


def suite_folders() -> list[Path]:
    """Where suites are looked for by name: inside the installed package, or in the checkout beside it."""
    package = Path(__file__).parents[1]
    return [package / "_data" / "suites", package.parent / "benchmarks" / "suites"]


def suite_names() -> list[str]:
    """Names of the suites that come with the project."""
    files = ((folder, path) for folder in suite_folders() for path in folder.rglob("*.toml"))
    return sorted({path.relative_to(folder).with_suffix("").as_posix() for folder, path in files})


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


def _methods(
    tables: list[dict[str, Any]], benchmarks: Sequence[str], seeds: Sequence[int], where: str
) -> tuple[MethodSpec, ...]:
    specs: list[MethodSpec] = []
    for table in tables:
        name, label, known = _known(table, where)
        params = {key: value for key, value in table.items() if key not in MethodTable.__struct_fields__}
        search = known.search
        if search is not None and not isinstance(search, dict):  # a parameter of a method that has one of this name
            params["search"] = search
            search = None
        patterns = _texts(known.benchmarks)
        shown = None if known.metrics is None else tuple(_texts(known.metrics))
        own = expand(patterns, f"{where}: method {label}") if patterns else []
        chosen = tuple(benchmark for benchmark in benchmarks if benchmark in own)
        own_seeds = seeds if known.seeds is None else parse_seeds(known.seeds, f"{where}: method {label}")
        at = [seed for seed in seeds if seed in own_seeds]
        try:
            method = make_method(name, **params)
            method.required()
        except HarnessError as error:
            raise HarnessError(f"{where}: {error}") from error
        if label in (spec.label for spec in specs):
            raise HarnessError(f"{where}: two methods are called {label!r}; give one of them a label of its own")
        for spec in specs:
            if (spec.name, spec.params, spec.metrics, spec.search, spec.recipe) == (
                name,
                method_params(method),
                shown,
                search or {},
                known.recipe or {},
            ):
                raise HarnessError(
                    f"{where}: {spec.label!r} and {label!r} are the same method with the same parameters; leave one out"
                )
        if (own and not chosen) or not at:  # `--set benchmarks=...` or `--seeds` took away all that it is for
            continue
        at = [] if len(at) == len(seeds) else at
        own_settings = {"search": search or {}, "recipe": known.recipe or {}}
        specs.append(spec_of(name, label, method, chosen, shown, tuple(at), **own_settings))
    return tuple(specs)


def _known(table: Mapping[str, Any], where: str) -> tuple[str, str, MethodTable]:
    """Name and label of a method, and what its table says beside its parameters."""
    name = table.get("name")
    if not isinstance(name, str):
        raise HarnessError(f"{where}: a [[methods]] table has no name")
    label = table.get("label", name)
    of = label if isinstance(label, str) else name
    known = shaped(MethodTable, table, where, lambda key: f"{key} of method {of}", exact=False)
    if not label.strip() or not label.isprintable():
        raise HarnessError(f"{where}: label of method {name}: wanted a text of one line, not {label!r}")
    return name, label, known


def _pairs(
    pairs: Sequence[Sequence[str]], known: Sequence[str], specs: Sequence[MethodSpec], where: str
) -> tuple[tuple[str, str], ...]:
    """Pairs of methods by label; those of which one is not run here, by its seeds or benchmarks, are left out."""
    found: list[tuple[str, str]] = []
    for pair in pairs:
        for label in pair:
            if label not in known:
                raise unknown_name("method", label, known, where=f"{where}: pairs")
        if len(set(pair)) != 2 or len(pair) != 2:
            raise HarnessError(f"{where}: pairs: wanted two different methods, not {pair!r}")
        if any({*pair} == {*other} for other in found):
            raise HarnessError(f"{where}: pairs: {pair[0]!r} and {pair[1]!r} stand twice")
        found.append((pair[0], pair[1]))
    labels = {spec.label for spec in specs}
    return tuple(pair for pair in found if labels.issuperset(pair))


def _budgets(table: Mapping[str, Any], where: str) -> tuple[Budget, ...]:
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


def _texts(value: Texts) -> list[str]:
    return [value] if isinstance(value, str) else value


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
