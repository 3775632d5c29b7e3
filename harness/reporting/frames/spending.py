"""Searches on supernets against random search that may spend the same seconds."""

from __future__ import annotations

import json
import math
from typing import Any

import pandas as pd

from harness.errors import HarnessError
from harness.reporting.frames.live import of_phase
from harness.reporting.run import FloatArray, Run
from harness.running.price import PRICE
from harness.statistics import RandomSearchLaw, exact_random_baseline, holm, relative_improvement

# A draw costs all trainings that an entry of the table is the mean of; the price of one alone is optimistic.
ENDS = ("", "_one")
SPENDING_COLUMNS = (
    *("benchmark", "dataset", "method", "n", "seconds", "factor"),
    *(
        f"{name}{end}"
        for end in ENDS
        for name in ("draw_s", "draws", "random", "ri", "low", "high", "p_value", "p_holm")
    ),
)


def spending(run: Run) -> pd.DataFrame:
    """Return what searches found beside what random search finds in the same processor seconds, exactly.

    Returns
    -------
    DataFrame
        Columns `SPENDING_COLUMNS`, a row a benchmark and method that trained a supernet: mean ``seconds`` of the processor in the
        steps of its ``n`` searches (of the clock, in runs that did not keep those), the price ``draw_s`` of a random draw, the
        number of ``draws`` that the seconds pay for (at least 1), the mean test score of exact random search with as many, and
        the relative improvement over it with its interval and p-value, adjusted over the rows. ``*_one``: at the price of a
        single training. ``factor`` is that between this machine and the one of the table. Empty where no prices were measured
        beside the run: times differ from run to run, and nothing else in a report does.
    """
    searched, known = of_phase(run, "search"), prices(run)
    rows = []
    for group, (benchmark, entrant) in enumerate(run.pairs):
        own = searched[searched["group"] == group] if len(searched) else searched
        if benchmark.name not in known or benchmark.law is None or not len(own):
            continue
        found, scores = known[benchmark.name], run.scores(group)
        seconds = _seconds_a_search(own)
        row: dict[str, Any] = {"benchmark": benchmark.name, "dataset": benchmark.dataset, "method": entrant.name}
        row |= {"n": len(scores), "seconds": seconds, "factor": found["factor"]}
        for end, trainings in zip(ENDS, (found["trainings"], 1), strict=True):
            price = trainings * found["training_s"]
            row |= {f"{name}{end}": value for name, value in _against(benchmark.law, scores, seconds, price).items()}
        rows.append(row)
    frame = pd.DataFrame(rows, columns=[name for name in SPENDING_COLUMNS if not name.startswith("p_holm")])
    for end in ENDS:
        frame[f"p_holm{end}"] = holm(frame[f"p_value{end}"].to_numpy(dtype=float))
    return frame[list(SPENDING_COLUMNS)]


def prices(run: Run) -> dict[str, dict[str, float]]:
    """Return what a training costs beside the searches, by benchmark, see `harness.running.price.price`; {} if not measured.

    Raises
    ------
    HarnessError
        If the file of prices is damaged.
    """
    path = run.folder / PRICE
    names = ("factor", "training_s", "trainings")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {benchmark: {name: float(values[name]) for name in names} for benchmark, values in found.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise HarnessError(f"{path}: damaged; measure again: nas-harness price {run.folder}") from error


def _seconds_a_search(own: pd.DataFrame) -> float:
    """Return mean seconds of the steps of a search, of those searches that kept the processor's."""
    sums = own.groupby("seed")[["seconds", "processor_seconds"]].sum(min_count=1)
    processor = sums["processor_seconds"].dropna()
    return float((processor if len(processor) else sums["seconds"]).mean())


def _against(law: RandomSearchLaw, scores: FloatArray, seconds: float, price: float) -> dict[str, float]:
    draws = max(1, math.floor(seconds / price))
    baseline = exact_random_baseline(law, draws)
    row = {"draw_s": price, "draws": draws, "random": baseline.mean}
    if not len(scores) or baseline.mean == 0:
        return row
    found = relative_improvement(scores, baseline)
    return row | {"ri": found.estimate, "low": found.low, "high": found.high, "p_value": found.p_value}
