"""Print the table of timings."""

from __future__ import annotations

from benchmarks.speed import adapters, drawn, live, models, queries, recording, seeds, tabular, whole
from benchmarks.speed.measure import HEAD


def main() -> None:
    print(HEAD)
    print("-" * len(HEAD))
    for part in (whole, tabular, models, adapters, queries, live, drawn, seeds, recording):
        for row in part.rows():
            print(row, flush=True)
    print("\nAbsolute figures belong to this machine and moment; compare ratios within one run.")


if __name__ == "__main__":
    main()
