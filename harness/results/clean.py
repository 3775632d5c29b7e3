"""From runs as they stand in files to runs that can be compared: names, baselines, duplicates, blanks, units."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from harness.errors import HarnessError, unknown_name
from harness.results.model import LACKS, Fault
from harness.results.sheet import plain
from harness.system.texts import visible
from harness.tabular import numerals

APART = numerals.APART
_LISTED = 8  # items of a warning


def spellings(names: Iterable[str], kind: str) -> tuple[dict[str, str], list[Fault]]:
    """Return how each name is written from now on: as it was first, without spaces at its ends and what no eye sees."""
    shown: dict[str, str] = {}
    spelling = {name: shown.setdefault(plain(name), visible(name)) for name in dict.fromkeys(names)}
    faults = []
    if unseen := list(dict.fromkeys(name.strip() for name in spelling if visible(name) != name.strip())):
        said = ", ".join(f"{visible(name)!r} ({name!a})" for name in unseen)
        faults.append(Fault("invisible", f"Characters of the {kind} that no eye tells apart are left out: {said}."))
    spaced = list(dict.fromkeys(name.strip() for name in spelling if name != name.strip()))
    if spaced:
        listed = ", ".join(map(repr, spaced))
        faults.append(Fault("spaces", f"Spaces before or behind the {kind} {listed} are left out."))
    for name in shown.values():
        others = dict.fromkeys(visible(raw) for raw, one in spelling.items() if one == name and visible(raw) != name)
        if others:
            listed = ", ".join(map(repr, others))
            faults.append(Fault("case", f"The {kind} {name!r} is also written {listed}: taken as one."))
    return spelling, faults


def match_baselines(methods: Sequence[str], stated: Mapping[str, str], common: str | None) -> dict[str, str]:
    """Return method -> baseline in the order of the methods.

    Parameters
    ----------
    methods
        All that the files have.
    stated
        Method -> baseline.
    common
        Baseline of all methods that are neither stated nor a baseline.
    """
    known = {plain(method): method for method in methods}

    def find(name: str) -> str:
        if plain(name) not in known:
            raise unknown_name("method", name, methods, "baselines")
        return known[plain(name)]

    found = {find(method): find(of) for method, of in stated.items()}
    for method, of in found.items():
        # In a column of baselines a baseline may name itself.
        if method == of and of not in [other for name, other in found.items() if name != method]:
            raise HarnessError(f"baselines: {method!r} is its own baseline; wanted another method")
    found = {method: of for method, of in found.items() if method != of}
    if common is not None:
        of = find(common)
        taken = {*found, *found.values(), of}
        found |= {method: of for method in methods if method not in taken}
    return {method: found[method] for method in methods if method in found}


def without_duplicates(runs: pd.DataFrame) -> tuple[pd.DataFrame, list[Fault]]:
    """Count a run that stands there twice once; refuse two scores of one seed."""
    keys = ["dataset", "method", "seed"]
    twice = runs[(runs["seed"] != "") & runs.duplicated(keys, keep=False)]
    found = []
    for (dataset, method, seed), rows in twice.groupby(keys, sort=False):
        written = rows[["score", "signed"]]
        if len(written.drop_duplicates()) > 1:
            scores = " and ".join(f"{score:g}{'%' * sign}" for score, sign in written.itertuples(index=False))
            raise HarnessError(
                f"{dataset}: {method} with seed {seed} has the scores {scores} ({lines_of(rows)}); which one is right?"
            )
        found.append(f"{dataset}: {method} with seed {seed} ({lines_of(rows)})")
    faults = (
        [Fault("duplicate", f"Runs that stand there more than once are counted once: {listed(found)}.")]
        if found
        else []
    )
    return runs.drop(twice.index[twice.duplicated(keys)]), faults


def blank_scores(runs: pd.DataFrame) -> Iterator[Fault]:
    """Say whose scores are blank, and where."""
    groups = runs[runs["score"].isna()].groupby(["dataset", "method"], sort=False)
    found = [f"{dataset}: {method} in {lines_of(rows)}" for (dataset, method), rows in groups]
    if found:
        yield Fault("blank", f"Blank scores; means are over the runs that have one: {listed(found)}.", LACKS)


def with_units(runs: pd.DataFrame, baselines: Mapping[str, str], stated: str | None) -> pd.DataFrame:
    """Return runs with the unit of each, and their scores in it.

    On a data set where cells have a percent sign, it decides: all scores there are brought to percent, or to the stated unit.
    Elsewhere the unit is told from all runs of a comparison, of all methods where there is no baseline. A mixture that cannot be
    told apart is refused.
    """
    runs = runs.assign(unit="none")
    # Those without a baseline first: what a comparison says of a baseline counts.
    methods = set(runs["method"])
    pools = [methods] if not baselines else sorted(({one, baselines.get(one, one)} for one in methods), key=len)
    for dataset, rows in runs.groupby("dataset", sort=False):
        unit = stated
        if rows["signed"].any():
            runs.loc[rows.index, "score"] = _by_sign(rows, stated, str(dataset))
            unit = stated or "percent"
        if unit == "none":
            continue
        columns = dict(list(runs.loc[rows.index].groupby("method", sort=False)))
        for pool in pools:
            if own := [columns[method] for method in columns if method in pool]:
                together = pd.concat(own)
                names = " and ".join(dict.fromkeys(together["method"]))
                runs.loc[together.index, "unit"] = _unit(together, unit, f"{dataset}: {names}")
    return runs


def _by_sign(rows: pd.DataFrame, stated: str | None, dataset: str) -> pd.Series[float]:
    """Return the scores of a data set where cells have a percent sign, in percent or in the stated unit."""
    scores, signed = rows["score"], rows["signed"]
    if stated == "fraction":
        return scores.where(~signed, scores / 100)
    for method, plain_rows in rows[~signed].groupby("method", sort=False) if stated != "percent" else ():
        own, others = plain_rows["score"].to_numpy(), scores[signed]
        factor = None if stated else numerals.percent_factor(own, others.to_numpy())
        if factor is None:
            raise HarnessError(
                f"{dataset}: {method} has {own[0]:g} ({lines_of(plain_rows.iloc[:1])}) without a percent sign beside "
                f"{others.iloc[0]:g}% ({lines_of(rows[signed].iloc[:1])}); write the sign in all cells, or in none and "
                "state --unit"
            )
        scores = scores.where(~scores.index.isin(plain_rows.index), scores * factor)
    return scores


def _unit(rows: pd.DataFrame, stated: str | None, where: str) -> str:
    scores = rows["score"].to_numpy()
    top = 1.0 if stated == "fraction" else 100.0
    if (bad := np.flatnonzero((scores < 0) | (scores > top))).size:
        place = lines_of(rows.iloc[bad[:1]])
        raise HarnessError(
            f"{where}: {scores[bad[0]]:g} ({place}) is no {stated or 'percentage'}; --unit none takes any number"
        )
    if stated is not None:
        return stated
    # 0 is the same in both.
    small, large = scores[(scores > 0) & (scores <= 1)], scores[scores > 1]
    if small.size and large.size and large.min() > APART * small.max():
        place = lines_of(rows[rows["score"] == small.max()].iloc[:1])
        raise HarnessError(
            f"{where}: percent and fractions are mixed, {small.max():g} ({place}) beside {large.min():g}; "
            "bring them to one unit, or state --unit percent if all are"
        )
    return "percent" if large.size else "fraction"


def lines_of(rows: pd.DataFrame) -> str:
    """Return where rows stand: ``lines 4 and 6 of a.csv``."""
    places = []
    for file, part in rows.groupby("file", sort=False):
        lines = [str(line) for line in part["line"]]
        listed = f"line {lines[0]}" if len(lines) == 1 else f"lines {', '.join(lines[:-1])} and {lines[-1]}"
        places.append(f"{listed} of {file}")
    return " and ".join(places)


def listed(items: Sequence[str]) -> str:
    """Return items as a list, the first few of a long one."""
    more = [f"and {len(items) - _LISTED} more"] if len(items) > _LISTED else []
    return "; ".join([*items[:_LISTED], *more])
