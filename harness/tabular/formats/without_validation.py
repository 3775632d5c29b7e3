"""Benchmarks that publish test values only: what may drive a search on them, and what must be said about it.

No column of such a file is a validation score, and none is called so behind its user's back: the user names the column that
drives, another one is reported, and the table carries a caveat that every report prints.
"""

from __future__ import annotations

from collections.abc import Iterable

from harness.errors import HarnessError, unknown_name
from harness.tabular.formats import Job


def drives_and_reports(job: Job, names: Iterable[str], default_test: str | None = None) -> tuple[str, str]:
    """The columns that the user names as driving and as reported, of `names`; reported is `default_test` if none is named.

    Raises
    ------
    HarnessError
        If none is named, one is unknown, or both are the same.
    """
    names = list(names)
    allowed = [*names, *([default_test] if default_test else [])]
    job.refuse(training_seed=job.seed)
    valid, test = job.valid, job.test or default_test
    if valid is None or test is None:
        lacking = " and ".join(option for option, name in (("--valid", valid), ("--test", test)) if name is None)
        raise HarnessError(
            f"{job.path}: it has no validation score; say with {lacking} what drives a search and what is reported, "
            f"of {', '.join(names)}"
        )
    for name, known in ((valid, names), (test, allowed)):
        if name not in known:
            raise unknown_name("column", name, known, str(job.path))
    if valid == test:
        raise HarnessError(f"{job.path}: column {valid!r} is named both as validation and as test")
    return valid, test


def caveat(valid: str, test: str, images: str) -> str:
    """What a report must say of such a table."""
    return (
        f"No validation score is published: searches are driven by {valid} and reported by {test}, both measured on "
        f"{images}. Results are optimistic, and not comparable with searches that see validation only."
    )
