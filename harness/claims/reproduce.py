"""Run what is missing of a suite, judge its claims, and write the page of verdicts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from harness.claims.page import facts, make_document, sentence
from harness.claims.searches import Kept
from harness.claims.verdicts import CONTRADICTED, REPRODUCED, UNDECIDED, Verdict, as_frame, counts, judge
from harness.errors import HarnessError
from harness.reporting.plain import plain_letters
from harness.reporting.write import CLAIMS, check_target, write_document
from harness.running.runner import run_suite
from harness.suites.reading import load_suite
from harness.suites.seeds import batches
from harness.suites.suite import Suite
from harness.system import plugins

PAGE = "claims"  # the folder of the page in that of a run


@dataclass(frozen=True)
class Reproduction:
    """Verdicts on the claims of a suite.

    Attributes
    ----------
    suite
        Its name.
    verdicts
        In the order of the file.
    folder
        Where the page is.
    notes
        What is not as it was where the searches were run.
    """

    suite: str
    verdicts: tuple[Verdict, ...]
    folder: Path
    notes: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """How many claims there are of each verdict."""
        return counts(self.verdicts)

    @property
    def exit_code(self) -> int:
        """0: all are reproduced; 1: one is contradicted; 3: none is, and one is undecided or skipped."""
        found = self.counts
        return 1 if found[CONTRADICTED] else 0 if found[REPRODUCED] == len(self.verdicts) else 3

    @property
    def frame(self) -> pd.DataFrame:
        """A row a claim, with the columns of `harness.claims.verdicts.VERDICT_COLUMNS`."""
        return as_frame(self.verdicts)

    def as_json(self) -> dict[str, Any]:
        """As plain JSON values; infinite ends are null."""
        rows = json.loads(self.frame.to_json(orient="records", double_precision=12))
        return {"suite": self.suite, "counts": self.counts, "claims": rows, "notes": list(self.notes)}

    def __str__(self) -> str:
        lines = [f"{one.claim.number}. {one.claim.says}\n   {_in_ascii(sentence(one))}" for one in self.verdicts]
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes), f"{self.suite}: {facts(self.verdicts)}"])


def _in_ascii(text: str) -> str:
    """A sentence that every terminal and pipe can carry."""
    return plain_letters(text).replace("±", "+-")


def reproduce(
    suite: str | Path | Suite,
    output: str | Path | None = None,
    *,
    records: Sequence[str | Path] = (),
    until_decided: bool = False,
    max_seeds: int | None = None,
    overrides: Sequence[str] = (),
    seeds: str | None = None,
    plugin: Sequence[str | Path] = (),
    jobs: int = 1,
    progress: bool = False,
) -> Reproduction:
    """Judge the claims of a suite, and write the page of verdicts.

    Parameters
    ----------
    suite
        Name or file of a suite with claims.
    output
        Folder of the run, ``reports/SUITE`` by default; the page is ``claims`` in it.
    records
        Folders of kept runs that are judged: then nothing is run. By default what is missing is run.
    until_decided, max_seeds
        Whether further seeds are run, in growing batches and up to so many, until every sequential claim is decided. Fixed tests
        are judged at the suite's own seeds.
    overrides, seeds
        As in `harness.load_suite`.
    plugin
        Python files that register methods or benchmarks.
    jobs
        Worker processes; -1 for one a core.
    progress
        Whether to show progress on standard error.

    Raises
    ------
    HarnessError
        If the suite is wrong or claims nothing, or a folder holds no run.
    """
    plugins.load([*plugins.loaded(), *plugin])
    if not isinstance(suite, Suite):
        suite = load_suite(suite, overrides, seeds, without_absent=True)
    if not suite.claims:
        raise HarnessError(f"{suite.where}: it claims nothing; add tables [[claims]], or run it with `nas-harness run`")
    folder = Path("reports") / suite.name if output is None else Path(output)
    check_target(folder / PAGE)
    folders = [Path(one) for one in records]
    most = _most(suite, folders, until_decided, max_seeds)
    runs = not folders and bool(suite.benchmarks) and any(claim.methods for claim in suite.claims)
    for batch in batches(suite.seeds, most):
        if runs:
            run_suite(replace(suite, seeds=batch), folder, jobs=jobs, progress=progress)
            folders = [folder]
        kept = Kept(suite, folders)
        verdicts = judge(suite, kept)
        if not any(one.verdict == UNDECIDED and one.claim.test == "sequential" for one in verdicts):
            break
    notes = tuple(dict.fromkeys(kept.notes))
    found = Reproduction(suite.name, verdicts, folder / PAGE, notes)
    text = json.dumps(found.as_json(), indent=1) + "\n"
    write_document(make_document(suite, verdicts, notes), found.folder, ("html", "md", "csv"), {CLAIMS: text})
    return found


def _most(suite: Suite, records: Sequence[Path], until_decided: bool, max_seeds: int | None) -> int:
    """How many seeds are run at most."""
    if not until_decided:
        if max_seeds is not None:
            raise HarnessError(f"--max-seeds {max_seeds}: goes with --until decided")
        return len(suite.seeds)
    if records:
        raise HarnessError("--until decided runs further seeds; with --records nothing is run")
    if not any(claim.test == "sequential" for claim in suite.claims):
        raise HarnessError(
            f'{suite.where}: --until decided: no claim has test = "sequential"; a fixed test is judged once'
        )
    own = len(suite.seeds)
    if max_seeds is None or max_seeds < own:
        raise HarnessError(f"--until decided: wanted --max-seeds N of at least the suite's own {own}, not {max_seeds}")
    return max_seeds
