"""Judge all claims that come with the project, and say which verdicts are not the kept ones.

    python -m benchmarks.reproduce [-o DIR] [-j N] [--keep]

Claims on tables are judged from searches that are run here, those on supernets, and those with methods that fit models, from the
kept runs under ``reports/reference``. Pages go to ``DIR/SUITE/claims``; ``--keep`` makes them the kept ones, in
``reports/reference/claims``. Exit code 1: a verdict is another one than is kept.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

import harness
from harness.claims.reproduce import Reproduction
from harness.reporting.write import CLAIMS
from harness.suites.reading import suite_names

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "reports" / "reference"
KEPT = REFERENCE / "claims"
# Of suites that would take hours, or packages that are not everywhere: the runs that have their searches.
RECORDS = {
    "local-search": "line-up",
    "milenas": "one-shot-digits201",
    "milenas-live": "live-darts",
    "weight-sharing": "one-shot-digits201",
}


def main() -> int:
    """Judge, print, compare."""
    options = _options()
    differ = 0
    pages = {}
    for name in (name for name in suite_names() if name.startswith("reproduce/")):
        short = name.partition("/")[2]
        records = [REFERENCE / RECORDS[short]] if short in RECORDS else []
        found = harness.reproduce(name, options.output / short, records=records, jobs=options.jobs)
        print(found, end="\n\n")
        differ += _compare(found, KEPT / short / CLAIMS)
        pages[short] = found
    if options.keep:
        for short, found in pages.items():
            shutil.rmtree(KEPT / short, ignore_errors=True)
            shutil.copytree(found.folder, KEPT / short)
            (KEPT / short / "plots").rmdir()  # it has none
    return 1 if differ and not options.keep else 0


def _compare(found: Reproduction, kept: Path) -> int:
    """Say which verdicts are other ones than are kept, and return their number."""
    if not kept.is_file():
        return 0
    before = {claim["says"]: claim["verdict"] for claim in json.loads(kept.read_text(encoding="utf-8"))["claims"]}
    changed = [one for one in found.verdicts if before.get(one.claim.says) != one.verdict]
    for one in changed:
        was = before.get(one.claim.says, "not there")
        print(f"{found.suite}: claim {one.claim.number} was {was}, and is {one.verdict}", file=sys.stderr)
    return len(changed)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "reports" / "reproduce", metavar="DIR")
    parser.add_argument("-j", "--jobs", type=int, default=-1, metavar="N")
    parser.add_argument("--keep", action="store_true", help="make these verdicts the kept ones")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
