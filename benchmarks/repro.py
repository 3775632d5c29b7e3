"""Run a suite twice in fresh processes, in two different ways, and compare what they leave byte for byte.

    python benchmarks/repro.py quickstart --seeds 0:10

The first run is one process, one search at a time; the second has two workers and searches in lockstep. Records and traces must
be equal in every column but the declared time fields, and the reports in every file but those of times.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

from harness.reporting.build import TIME_FILES as OF_REPORTS
from harness.running.columns import EPOCH_TIME_COLUMNS, TIME_COLUMNS
from harness.running.records import EPOCHS, RECORDS, TRACES

WAYS = (["-j", "1", "--backend", "sequential", "--one-by-one"], ["-j", "2"])
TIME_FILES = {*(Path("report") / name for name in OF_REPORTS), Path("environment.json"), Path(".lock")}
BY_COLUMN = {Path(RECORDS): TIME_COLUMNS, Path(TRACES): (), Path(EPOCHS): EPOCH_TIME_COLUMNS}


def differences(first: Path, second: Path) -> list[str]:
    """What differs between two run folders beyond the declared time fields."""
    found = []
    for name, time_columns in BY_COLUMN.items():
        if not all((folder / name).is_file() for folder in (first, second)):
            continue
        one, other = (pd.read_parquet(folder / name) for folder in (first, second))
        one, other = (frame.drop(columns=list(time_columns)) for frame in (one, other))
        if not one.equals(other):
            columns = [column for column in one if column not in other or not one[column].equals(other[column])]
            found.append(f"{name}: columns {', '.join(columns) or 'missing'}")
    files = [{path.relative_to(folder) for path in folder.rglob("*") if path.is_file()} for folder in (first, second)]
    found += [f"{path}: only in one of the runs" for path in sorted(files[0] ^ files[1])]
    for path in sorted((files[0] & files[1]) - TIME_FILES - set(BY_COLUMN)):
        if (first / path).read_bytes() != (second / path).read_bytes():
            found.append(f"{path}: bytes differ")
    return found


def main(arguments: list[str]) -> int:
    with tempfile.TemporaryDirectory() as scratch:
        # The same folder name in both, since a report may name its own folder.
        folders = [Path(scratch) / way / "run" for way in ("first", "second")]
        for folder, way in zip(folders, WAYS, strict=True):
            command = [sys.executable, "-m", "harness.cli", "run", *arguments, "-q", "-o", str(folder), *way]
            if (code := subprocess.run(command, stdout=subprocess.DEVNULL).returncode) != 0:
                return code
        found = differences(*folders)
        compared = sum(path.is_file() for path in folders[0].rglob("*"))
    for line in found:
        print(f"differs: {line}")
    print(f"{compared} files of two runs compared, {len(found)} differ")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
