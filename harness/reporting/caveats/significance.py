"""What the tests can find, and where there is none."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from harness.reporting.formats import joined, p_text, plural
from harness.reporting.frames.improvement import relative_improvements
from harness.reporting.frames.significance import rankings, significance
from harness.reporting.run import Run


def detectable(run: Run) -> Iterator[str]:
    """What difference the run could have seen."""
    frame = run.of(relative_improvements)
    for baseline, rows in frame[~frame["is_check"] & frame["detectable"].notna()].groupby("baseline", sort=False):
        if not rows["is_main"].any():
            continue
        least, most = rows.iloc[int(rows["detectable"].argmin())], rows.iloc[int(rows["detectable"].argmax())]
        yield (
            f"Detectable difference against {baseline} (80 % power at 5 %, before adjustment): from {least['detectable']:.2f} RI "
            f"points ({least['method']} on {run.titles[least['benchmark']]}) to {most['detectable']:.2f} ({most['method']} on "
            f"{run.titles[most['benchmark']]}). Undecided means that a smaller difference may well be there."
        )


def zero_variance(run: Run) -> Iterator[str]:
    """Comparisons without an interval."""
    frame = run.of(relative_improvements)
    for note, rows in frame[frame["note"] != ""].groupby("note", sort=False):
        pairs = dict.fromkeys(
            f"{method} on {run.titles[name]}" for name, method in zip(rows["benchmark"], rows["method"], strict=True)
        )
        listed = joined(pairs) if len(pairs) <= 4 else f"{plural(len(pairs), 'comparison')}"
        yield f"No {'t ' if (p := _exact(run, rows)) else ''}test and no interval for {listed}: {note}.{p}"


def _exact(run: Run, rows: pd.DataFrame) -> str:
    """Return a sentence on the exact p-values of comparisons without a spread; empty where there are none."""
    frame = run.of(significance)
    p = frame.loc[frame["group"].isin(rows.loc[rows["is_main"], "group"]), "p_exact"].dropna()
    ends = dict.fromkeys(map(p_text, (p.min(), p.max()))) if len(p) else {}
    return f" The exact one-sided p-value needs no spread: {' to '.join(ends)}." if ends else ""


def few_data_sets(run: Run) -> Iterator[str]:
    """Too few data sets for tests over them."""
    for reason in dict.fromkeys(reason for reason in run.of(rankings).values() if isinstance(reason, str)):
        yield f"No test over data sets: {reason}. Each data set is judged by itself."
