"""From files to one tidy frame of runs: long form or wide, names matched by name, never by position."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal, cast

import pandas as pd

from harness.errors import HarnessError, unknown_name
from harness.results.clean import blank_scores, match_baselines, spellings, with_units, without_duplicates
from harness.results.model import RUN_COLUMNS, Direction, Fault, Results
from harness.results.sheet import Sheet, number, plain, read_sheet
from harness.statistics._validate import counts
from harness.system.texts import visible
from harness.tabular.numerals import with_points, without_sign

Form = Literal["long", "wide"]
UNITS = ("percent", "fraction", "none")

# What columns are called in most files.
_USUAL = {
    "method": ("method", "algorithm"),
    "dataset": ("dataset", "data set"),
    "score": ("score", "accuracy", "acc", "test", "test accuracy", "test_accuracy", "test_acc"),
    "seed": ("seed", "run"),
    "setting": (),
}


@dataclass(frozen=True)
class Columns:
    """Which columns hold what; None is told from the names that are usual."""

    method: str | None = None
    dataset: str | None = None
    score: str | None = None
    seed: str | None = None
    setting: str | None = None


def read_results(
    files: Sequence[Path],
    columns: Columns | None = None,
    form: Form | None = None,
    baseline: str | None = None,
    mapping: Mapping[str, str] | None = None,
    unit: str | None = None,
    direction: Direction = "max",
    paired: bool = False,
    architectures: int | None = None,
    alone: bool = False,
) -> Results:
    """Read tables of final scores.

    Parameters
    ----------
    files
        CSV files; ``-`` is standard input. In the long form a line is a run, with columns for method and score, and perhaps
        data set and seed. In the wide form a line is a run too, and every column but those of data set and seed is a method.
        Without a column of data sets a file is the data set of its name.
    columns
        Which columns hold what. With a column of settings, each method at each setting is a method of its own; see
        `Results.families`.
    form
        None tells it from the columns.
    baseline
        The method that is the baseline of all that `mapping` does not name; in the long form also a column that holds
        the baseline of each line's method.
    mapping
        Method -> its baseline.
    unit
        ``percent``, ``fraction`` or ``none`` (no accuracy); None tells it from the values of each comparison. A percent sign
        decides the unit of its own cell.
    direction
        ``max`` where higher scores are better, or ``min``.
    paired
        Compare seed by seed: equal seeds of a method and its baseline share noise, such as the split of the data.
    architectures
        The scores of baselines are means of so many architectures drawn at random (1: of one each), and not results of
        searches. A few of them allow no interval.
    alone
        Whether there need be no baseline.

    Returns
    -------
    Results

    Raises
    ------
    HarnessError
        For whatever makes the numbers meaningless; the message says where it stands.
    """
    if direction not in ("max", "min"):
        raise unknown_name("direction", direction, ("max", "min"))
    if unit is not None and unit not in UNITS:
        raise unknown_name("unit", unit, UNITS)
    if architectures is not None:
        counts("architectures", architectures)
    sheets = [read_sheet(Path(file)) for file in files]
    for again in _repeated(sheet.sha256 for sheet in sheets):
        names = " and ".join(sheet.name for sheet in sheets if sheet.sha256 == again)
        raise HarnessError(f"{names} are the same file")
    parts = [_tidy(sheet, columns or Columns(), form, baseline) for sheet in sheets]
    runs = pd.concat([part.runs for part in parts], ignore_index=True)
    faults = [fault for sheet in sheets for fault in sheet.faults]
    faults += _orders(sheets)
    for column, kind in (("method", "method"), ("dataset", "data set")):
        spelling, odd = spellings(runs[column], kind)
        runs[column] = runs[column].map(spelling)
        faults += odd
    _refuse_two_files_of_one_name(parts, runs)
    families = _families(runs, columns or Columns())
    in_lines = {method: of for part in parts for method, of in part.baselines.items() if of}
    methods = list(dict.fromkeys(runs["method"]))
    baselines = match_baselines(methods, in_lines | dict(mapping or {}), None if in_lines else baseline)
    if not (baselines or alone):
        raise HarnessError(
            f"no baseline: say which by --baseline NAME or --map METHOD=BASELINE; the methods are {', '.join(methods)}"
        )
    runs, odd = without_duplicates(runs)
    faults += odd
    faults += blank_scores(runs)
    runs = runs[runs["score"].notna()].reset_index(drop=True)
    if paired and (runs["seed"] == "").any():
        raise HarnessError("paired: wanted a seed with every score; the order of lines pairs nothing")
    runs = with_units(runs, baselines, unit)
    sources = pd.DataFrame(
        [
            {
                "file": sheet.name,
                "sha256": sheet.sha256,
                "form": part.form,
                "lines": len(sheet.rows),
                "scores": int((runs["file"] == sheet.name).sum()),
                "left_out": ", ".join(part.left_out),
            }
            for sheet, part in zip(sheets, parts, strict=True)
        ]
    )
    return Results(
        runs[list(RUN_COLUMNS)], baselines, direction, paired, sources, tuple(faults), architectures, families
    )


def read_mapping(items: Iterable[str]) -> dict[str, str]:
    """Return method -> baseline from ``METHOD=BASELINE`` and names of TOML files with such lines."""
    found: dict[str, str] = {}
    for item in items:
        if item.endswith(".toml"):
            pairs = _toml(Path(item))
        else:
            method, separator, of = (part.strip() for part in item.partition("="))
            if not (separator and method and of):
                raise HarnessError(f"--map {item}: wanted METHOD=BASELINE or a .toml file of such lines")
            pairs = {method: of}
        for method, of in pairs.items():
            if found.setdefault(method, of) != of:
                raise HarnessError(f"--map: {method!r} has two baselines, {found[method]!r} and {of!r}")
    return found


@dataclass(frozen=True)
class _Part:
    """One file's runs, not yet cleaned.

    Columns ``file, line, dataset, method, seed, score, signed`` (whether with a %), ``family`` (of a setting the method).
    """

    form: Form
    runs: pd.DataFrame
    baselines: Mapping[str, str]
    left_out: Sequence[str]
    named_by_file: bool


def _tidy(sheet: Sheet, wanted: Columns, form: Form | None, baseline: str | None) -> _Part:
    at = {field.name: _place(sheet, field.name, getattr(wanted, field.name)) for field in fields(Columns)}
    if form is None:
        is_long = at["method"] is not None and at["score"] is not None
        if at["method"] is not None and at["score"] is None and not wanted.score:
            raise HarnessError(
                f"{sheet.name}: {sheet.header[at['method']].strip()!r} names methods, and which column is the score? Say it by "
                "--score; of a paper's table of means ± deviations say --runs N"
            )
        form = "long" if is_long or wanted.method or wanted.score else "wide"
    if form == "long":
        for role in ("method", "score"):
            if at[role] is None:
                raise HarnessError(f"{sheet.name}: the long form wants a column of {role}s; name it by --{role}")
        return _tidy_long(sheet, at, baseline)
    for role in ("method", "score"):
        if getattr(wanted, role):
            raise HarnessError(f"--{role} names a column of the long form; in the wide form every column is a method")
    return _tidy_wide(sheet, at)


def _place(sheet: Sheet, role: str, stated: str | None) -> int | None:
    """Return the place of the column that holds a role: the stated one, or the one of a usual name."""
    if stated is not None:
        return sheet.place(stated)
    names = [plain(name) for name in sheet.header]
    found = [names.index(name) for name in _USUAL[role] if name in names]
    if len(found) > 1:
        listed = " and ".join(repr(sheet.header[place].strip()) for place in found)
        raise HarnessError(f"{sheet.name}: {listed} may both hold the {role}; say which by --{role}")
    return found[0] if found else None


def _tidy_long(sheet: Sheet, at: Mapping[str, int | None], baseline: str | None) -> _Part:
    by = {plain(name): place for place, name in enumerate(sheet.header)}
    of = by.get(plain(baseline)) if baseline else None
    rows = []
    baselines: dict[str, str] = {}
    score_at = cast(int, at["score"])
    scores = with_points([visible(cells[score_at]) for _, cells in sheet.rows])
    for (line, cells), written in zip(sheet.rows, scores, strict=True):
        where = f"{sheet.name}, line {line}"
        text = {role: "" if place is None else cells[place] for role, place in at.items()}
        for role in ("method", "dataset"):
            if at[role] is not None and not text[role].strip():
                raise HarnessError(f"{where}: no {role}; wanted one in every line")
        score = number(written, f"{where}, column {sheet.header[score_at].strip()!r}")
        dataset = sheet.stem if at["dataset"] is None else text["dataset"]
        family, setting = text["method"], visible(text["setting"])
        method = f"{visible(family)} [{setting}]" if setting else family
        signed = without_sign(written)[1]
        rows.append((sheet.name, line, dataset, method, _seed(text["seed"]), score, signed, family))
        if of is not None:
            stated = cells[of].strip()
            if baselines.setdefault(text["method"].strip(), stated) != stated:
                raise HarnessError(f"{where}: {text['method'].strip()!r} has another baseline than before, {stated!r}")
    used = {*at.values(), of}
    left_out = [name.strip() for place, name in enumerate(sheet.header) if place not in used]
    return _Part("long", _frame(rows), baselines, left_out, at["dataset"] is None)


def _tidy_wide(sheet: Sheet, at: Mapping[str, int | None]) -> _Part:
    keys = (at["dataset"], at["seed"])
    rows = []
    methods = [(place, name) for place, name in enumerate(sheet.header) if place not in keys]
    scores = iter(with_points([visible(cells[place]) for place, _ in methods for _, cells in sheet.rows]))
    for _, name in methods:
        for line, cells in sheet.rows:
            written = next(scores)
            where = f"{sheet.name}, line {line}"
            dataset, seed = (None if key is None else cells[key] for key in keys)
            if dataset is not None and not dataset.strip():
                raise HarnessError(f"{where}: no dataset; wanted one in every line")
            score = number(written, f"{where}, column {name.strip()!r}")
            signed = without_sign(written)[1]
            rows.append((sheet.name, line, dataset or sheet.stem, name, _seed(seed or ""), score, signed, name))
    return _Part("wide", _frame(rows), {}, (), at["dataset"] is None)


def _frame(rows: Sequence[tuple[str, int, str, str, str, float, bool, str]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["file", "line", "dataset", "method", "seed", "score", "signed", "family"])


def _families(runs: pd.DataFrame, columns: Columns) -> dict[str, str]:
    """The method whose setting each method is; empty without a column of settings."""
    if columns.setting is None:
        return {}
    spelling, _ = spellings(runs["family"], "method")
    return dict(zip(runs["method"], runs["family"].map(spelling), strict=True))


def _seed(text: str) -> str:
    """Return a seed's name; 3, 03 and 3.0 are one."""
    bare = visible(text)
    try:
        value = float(bare)
    except ValueError:
        return bare
    return str(int(value)) if value.is_integer() else bare


def _orders(sheets: Sequence[Sheet]) -> Iterator[Fault]:
    """Say which files have the columns that they share with the first in another order."""
    first = [plain(name) for name in sheets[0].header]
    for sheet in sheets[1:]:
        names = [plain(name) for name in sheet.header]
        if [name for name in names if name in first] != [name for name in first if name in names]:
            yield Fault(
                "column order",
                f"{sheet.name} has its columns in another order than {sheets[0].name}; they are matched by name.",
            )


def _refuse_two_files_of_one_name(parts: Sequence[_Part], runs: pd.DataFrame) -> None:
    named = [str(part.runs["dataset"].iloc[0]) for part in parts if part.named_by_file]
    for name in _repeated(plain(stem) for stem in named):
        raise HarnessError(
            f"two files are called {name!r}, which would be one data set; rename one, or add a column dataset"
        )
    if len(set(runs["file"])) < len(parts):
        raise HarnessError("two files have the same name, so that nothing could be traced to its line; rename one")


def _repeated(names: Iterable[str]) -> list[str]:
    listed = list(names)
    return [name for name in dict.fromkeys(listed) if listed.count(name) > 1]


def _toml(path: Path) -> dict[str, str]:
    try:
        pairs = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise HarnessError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise HarnessError(f"{path}: {error}") from error
    for method, of in pairs.items():
        if not isinstance(of, str):
            raise HarnessError(f'{path}: {method!r} is no text; wanted lines such as "DARTS" = "DARTS random"')
    return pairs
