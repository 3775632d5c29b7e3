"""What a report on results from elsewhere was made from, kept beside it, so that it can be opened again."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from harness.errors import HarnessError, reason_of
from harness.reporting.write import RESULTS
from harness.results.model import RUN_COLUMNS, Fault, Results

SCHEMA = 1


def to_json(results: Results) -> str:
    """Return results as text; equal results are equal texts."""
    values = {
        "schema": SCHEMA,
        "runs": results.runs[list(RUN_COLUMNS)].to_dict("list"),
        "baselines": dict(results.baselines),
        "direction": results.direction,
        "paired": results.paired,
        "sources": results.sources.to_dict("list"),
        "faults": [[fault.kind, fault.what, fault.effect] for fault in results.faults],
        "architectures": results.architectures,
        "families": dict(results.families),
    }
    return json.dumps(values, indent=1) + "\n"


def load_results(folder: Path) -> Results:
    """Read what a report was made from.

    Raises
    ------
    HarnessError
        If the file is not there or damaged.
    """
    path = folder / RESULTS
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values["schema"] != SCHEMA:
            raise ValueError(f"it is not of schema {SCHEMA}")
        return Results(
            runs=pd.DataFrame(values["runs"], columns=list(RUN_COLUMNS)),
            baselines=values["baselines"],
            direction=values["direction"],
            paired=values["paired"],
            sources=pd.DataFrame(values["sources"]),
            faults=tuple(Fault(*fault) for fault in values["faults"]),
            architectures=values["architectures"],
            families=values.get("families", {}),
        )
    except OSError as error:
        raise HarnessError(f"{path}: {error.strerror}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise HarnessError(f"{path}: damaged: {reason_of(error)}; import the results again") from error
