"""What live searches tracked: supernets over epochs, what steps cost, sizes of cells, derived architectures."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from itertools import combinations
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.reporting.run import Run
from harness.reporting.words import ALPHAS, PATH, WEIGHTS
from harness.statistics import mean_band
from harness.supernets.sizes import best_by_size

QUANTITIES = ("train_loss", "valid_loss", "train_accuracy", "valid_accuracy", "test_accuracy", "parameters")
# Generalisation gaps, in points: training accuracy minus that of another split.
GAPS = {"valid_gap": "valid_accuracy", "test_gap": "test_accuracy"}
# Followed by the name of a group of architecture parameters: a column of every group of the space.
BY_GROUP = ("alpha_entropy_", "convolutions_", "skips_")
CURVE_COLUMNS = ("benchmark", "dataset", "method", "phase", "quantity", "epoch", "n", "mean", "low", "high")
COST_COLUMNS = (
    *("benchmark", "dataset", "method", "n", "level", "order", "update", "lambda", "relaxation", "selection"),
    *("epochs", "steps", "passes", "passes_a_step", "trained", "untrained", "params", "flops"),
)
STABILITY_COLUMNS = (
    *("benchmark", "dataset", "method", "n", "flips", "last_change", "agreement"),
    *("skips", "skips_most", "convolutions"),
)
LAST = 5  # changes from epoch to epoch in which flips are counted
SIZE_COLUMNS = ("benchmark", "dataset", "method", "seed", "size", "epoch", "valid_accuracy", "parameters", "arch")


def tracked(run: Run) -> pd.DataFrame:
    """Return what was tracked, a row a number: ``benchmark, dataset, method, seed, phase, quantity, epoch, value``.

    Of a cell whose result is the mean of several architectures the value is their mean too.
    """
    named = _named(run, run.epochs)
    named = named[named["phase"].isin(["search", "evaluation"])]
    named = named.assign(**{gap: named["train_accuracy"] - named[accuracy] for gap, accuracy in GAPS.items()})
    # Of a supernet whose every step trains another path, training accuracy is not that of what is validated.
    named.loc[(named["phase"] == "search") & (named["pass"] == PATH), list(GAPS)] = np.nan
    quantities = [name for name in named if name in (*QUANTITIES, *GAPS) or str(name).startswith(BY_GROUP)]
    keys = ["benchmark", "dataset", "method", "seed", "phase", "epoch"]
    named = named.groupby(keys, sort=False)[quantities].mean().reset_index()
    long = named.melt(keys, quantities, var_name="quantity").dropna(subset="value")
    return long.reset_index(drop=True)


def curves(run: Run) -> pd.DataFrame:
    """Return means over seeds of what was tracked, with pointwise 95 % t intervals (NaN for one seed): `CURVE_COLUMNS`."""
    rows = []
    by = ["benchmark", "dataset", "method", "phase", "quantity"]
    for key, part in run.of(tracked).groupby(by, sort=False):
        wide = part.pivot(index="seed", columns="epoch", values="value")
        for epoch, values in wide.items():
            band = mean_band(values.dropna().to_numpy()[:, None])
            ends = {"n": int(values.count()), "mean": band.mean[0], "low": band.low[0], "high": band.high[0]}
            rows.append(dict(zip(by, key, strict=True)) | {"epoch": int(cast(int, epoch))} | ends)
    return pd.DataFrame(rows, columns=list(CURVE_COLUMNS))


def costs(run: Run) -> pd.DataFrame:
    """Return what the searches of each method cost, in counts: times differ from run to run, and are among the timings.

    Returns
    -------
    DataFrame
        Columns `COST_COLUMNS`, ``pass`` (what a pass in training computes) and ``is_check``. ``level, order, update, relaxation,
        selection`` are the searches' own words, several where a schedule changes them; then ``lambda`` is NaN. Means of a search
        are ``epochs, steps, passes, trained`` (architectures trained on their own while searching), ``untrained`` (networks that
        were scored without training), and of what it recommends ``params, flops``.
    """
    rows = []
    searched = of_phase(run, "search")
    for group, (benchmark, entrant) in enumerate(run.pairs):
        done = run.finished(group)
        own = searched[searched["group"] == group] if len(searched) else searched
        row: dict[str, Any] = {
            "benchmark": benchmark.name,
            "dataset": benchmark.dataset,
            "method": entrant.name,
            "n": len(done),
            "level": "",
            "order": "",
            "update": "",
            "lambda": math.nan,
            "relaxation": "",
            "selection": "",
            "pass": "",
            **dict.fromkeys(("epochs", "steps", "passes", "passes_a_step"), math.nan),
            "trained": done["n_evaluations"].mean(),
            "untrained": done["n_statistics"].mean(),
            "params": done["params"].mean(),
            "flops": done["flops"].mean(),
            "is_check": entrant.is_check,
        }
        if len(own):
            cells = own["cell"].nunique()
            words = ("level", "update", "relaxation", "selection", "pass")
            row |= {name: ", then ".join(_changes(own[name])) for name in words}
            factors = own.get("lambda", pd.Series(dtype=float))  # of levels; a run may have none
            row["lambda"] = factors.iloc[0] if factors.nunique(dropna=False) == 1 else math.nan
            row["order"] = ", then ".join(f"{float(order):.0f}" for order in _changes(own["order"].dropna()))
            row |= {"epochs": len(own) / cells, "steps": own["steps"].sum() / cells}
            row |= {
                "passes": own["passes"].sum() / cells,
                "passes_a_step": own["passes"].sum() / own["steps"].sum(),
            }
        rows.append(row)
    return pd.DataFrame(rows)


def update_orders(run: Run) -> dict[str, list[str]]:
    """Return the methods by the order in which they update weights and architecture parameters."""
    found: dict[str, list[str]] = {}
    for _, row in run.of(costs).drop_duplicates(["method", "update"]).iterrows():
        if row["update"]:
            found.setdefault(str(row["update"]), []).append(str(row["method"]))
    return found


def sizes(run: Run) -> pd.DataFrame:
    """Return MiLeNAS's model-size-based search: of every size of derived cells, the best epoch by validation accuracy.

    Returns
    -------
    DataFrame
        Columns `SIZE_COLUMNS`; ``size`` is the number of convolutions in each cell, as ``6 normal, 0 reduce``.
    """
    rows = []
    for _, own in of_phase(run, "search").groupby("cell", sort=False):
        if not _weights(own) or own[_weights(own)].isna().all(axis=None):  # it derives nothing from epoch to epoch
            continue
        named = _named(run, own)
        tracked_rows = [_texts(row.dropna().to_dict()) for _, row in named.drop(columns=_arrays(named)).iterrows()]
        for size, best in best_by_size(tracked_rows).items():
            cells = [name.removeprefix("convolutions_") for name in best if name.startswith("convolutions_")]
            text = ", ".join(f"{count} {cell}" for count, cell in zip(size, cells, strict=True))
            rows.append({name: best[name] for name in SIZE_COLUMNS if name != "size"} | {"size": text})
    return pd.DataFrame(rows, columns=list(SIZE_COLUMNS))


def stability(run: Run) -> pd.DataFrame:
    """Return how settled what the supernets derive is.

    Returns
    -------
    DataFrame
        Columns `STABILITY_COLUMNS`, a row a searched method: means over seeds of ``flips``, the percentage of edges whose
        strongest candidate is another after an epoch than before it, in the last `LAST` changes of epoch; and of
        ``last_change``, the last epoch after which the derived architecture was another. ``agreement`` is the percentage of edges
        on which two seeds end with the same strongest candidate, mean over pairs of seeds; ``skips`` and ``convolutions`` are
        means of those derived in the end, ``skips_most`` the most of any seed.
    """
    rows = []
    for group, own in of_phase(run, "search").groupby("group", sort=False):
        benchmark, entrant = run.pairs[cast(int, group)]
        strongest, changes = [], []
        for _, cell in own.groupby("cell", sort=False):
            if weights := [name for name in _weights(cell) if cell[name].notna().all()]:
                strongest.append(np.hstack([_strongest(cell[name]) for name in weights]))
                changed = cell["arch"] != cell["arch"].shift()
                changes.append(int(cell.loc[changed, "epoch"].max()))
        ends = [one[-LAST - 1 :] for one in strongest]
        last = own.drop_duplicates("cell", keep="last")
        skips, convolutions = (
            last[[name for name in last if str(name).startswith(prefix)]].sum(axis=1)
            for prefix in ("skips_", "convolutions_")
        )
        rows.append(
            {
                "benchmark": benchmark.name,
                "dataset": benchmark.dataset,
                "method": entrant.name,
                "n": len(last),
                "flips": _mean([100 * np.mean(one[1:] != one[:-1]) for one in ends if len(one) > 1]),
                "last_change": _mean(changes),
                "agreement": _mean([100 * np.mean(a[-1] == b[-1]) for a, b in combinations(strongest, 2)]),
                "skips": skips.mean(),
                "skips_most": skips.max(),
                "convolutions": convolutions.mean(),
            }
        )
    return pd.DataFrame(rows, columns=list(STABILITY_COLUMNS))


def flatness(run: Run) -> pd.DataFrame:
    """Return how near α ends to equal weights: ``benchmark, method, share``, a row a method with architecture parameters.

    ``share`` is the entropy after the last epoch over that of equal weights, mean over seeds and groups.
    """
    searched = of_phase(run, "search")
    rows = []
    for group, own in (
        searched.drop_duplicates("cell", keep="last").groupby("group", sort=False) if len(searched) else ()
    ):
        benchmark, entrant = run.pairs[cast(int, group)]
        shares = [
            (
                own[f"alpha_entropy_{name.removeprefix(WEIGHTS)}"] / own[name].map(lambda edges: np.log(len(edges[0])))
            ).mean()
            for name in _weights(own)
            if own[name].notna().all()
        ]
        if shares:
            rows.append({"benchmark": benchmark.name, "method": entrant.name, "share": float(np.mean(shares))})
    return pd.DataFrame(rows, columns=["benchmark", "method", "share"])


def _strongest(weights: pd.Series[Any]) -> NDArray[np.intp]:
    """Return the strongest candidate of every edge after every epoch: (epochs, edges)."""
    return np.array([np.vstack(list(row)).argmax(axis=1) for row in weights])


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return float(np.mean(known)) if known else math.nan


def architectures(run: Run) -> pd.DataFrame:
    """Return the recommended architectures: ``benchmark, dataset, method, seed, unit, valid, test, test_best, params, arch``."""
    done = run.cells[run.cells["status"] == "ok"]
    named = _named(run, done)
    columns = ["unit", "valid", "test", "test_best", "params", "flops", "arch"]
    return named[["benchmark", "dataset", "method", "seed", *columns]].reset_index(drop=True)


def drawn(run: Run) -> pd.DataFrame:
    """Return the rows of `architectures` that are drawn: the best seed of each method and benchmark by validation."""
    frame = run.of(architectures)
    single = frame[frame["arch"] != ""]
    best = single.sort_values("valid", ascending=False, kind="stable").drop_duplicates(["benchmark", "method"])
    return best.sort_index().reset_index(drop=True)


def alpha_weights(run: Run, benchmark: str, group: str) -> dict[str, NDArray[np.float64]]:
    """Return the weights of one group's candidates over epochs, of every method's first seed.

    Returns
    -------
    dict
        Method -> (epochs, edges, candidates).
    """
    named = _named(run, of_phase(run, "search"))
    named = named[(named["benchmark"] == benchmark) & named[WEIGHTS + group].notna()]
    found = {}
    for method, part in named.groupby("method", sort=False):
        first = part[part["cell"] == part["cell"].iloc[0]]
        found[str(method)] = np.array([np.vstack(list(row)) for row in first[WEIGHTS + group]], dtype=np.float64)
    return found


def alpha_groups(run: Run) -> Iterator[tuple[str, str]]:
    """Yield the benchmarks that were searched on a supernet and the names of their groups of architecture parameters."""
    searched = of_phase(run, "search")
    for benchmark in run.benchmarks:
        own = searched[[run.pairs[group][0] is benchmark for group in searched.get("group", ())]]
        for column in _weights(own):
            if own[column].notna().any():
                yield benchmark.name, column.removeprefix(WEIGHTS)


def live_timings(run: Run) -> pd.DataFrame:
    """Return seconds of the searches on supernets by group: ``step_s`` (of one step), ``steps_s, evaluation_s, tracking_s``
    (of a search)."""
    searched = of_phase(run, "search")
    if len(searched) == 0:
        return pd.DataFrame(columns=["step_s", "steps_s", "evaluation_s", "tracking_s"])
    sums = searched.groupby("group")[["seconds", "evaluation_seconds", "tracking_seconds", "steps"]].sum()
    cells = searched.groupby("group")["cell"].nunique()
    return pd.DataFrame(
        {
            "step_s": sums["seconds"] / sums["steps"],
            "steps_s": sums["seconds"] / cells,
            "evaluation_s": sums["evaluation_seconds"] / cells,
            "tracking_s": sums["tracking_seconds"] / cells,
        }
    )


def of_phase(run: Run, phase: str) -> pd.DataFrame:
    """Return the epochs of a phase, see `harness.running.columns.EPOCH_COLUMNS`; without rows where there are none."""
    return run.epochs[run.epochs["phase"] == phase] if len(run.epochs) else run.epochs


def _named(run: Run, frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame with the names of its groups' benchmarks and entrants."""
    pairs = [run.pairs[group] for group in frame["group"]]
    return frame.assign(
        benchmark=[benchmark.name for benchmark, _ in pairs],
        dataset=[benchmark.dataset for benchmark, _ in pairs],
        method=[entrant.name for _, entrant in pairs],
    )


def _weights(frame: pd.DataFrame) -> list[str]:
    return [str(name) for name in frame if str(name).startswith(WEIGHTS)]


def _arrays(frame: pd.DataFrame) -> list[str]:
    return [str(name) for name in frame if str(name).startswith((WEIGHTS, ALPHAS))]


def _changes(values: pd.Series[Any]) -> list[str]:
    """Return the different values in the order in which they first come."""
    return [str(value) for value in values.drop_duplicates()]


def _texts(row: dict[Hashable, Any]) -> dict[str, Any]:
    return {str(name): value for name, value in row.items()}
