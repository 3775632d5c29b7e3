"""Final scores and what the searches spent."""

from __future__ import annotations

from functools import partial

from harness.reporting.figures import draw_distributions, left_out
from harness.reporting.formats import dataset, integer, joined, method, number, score
from harness.reporting.frames.curves import distributions
from harness.reporting.frames.scores import summary
from harness.reporting.model import Best, FigureBlock, Row, Section, TableBlock
from harness.reporting.run import Run

_SUMMARY = (
    *("benchmark", "dataset", "method", "budget", "unit", "n", "n_failed"),
    *("test_mean", "test_std", "test_min", "test_median", "test_max"),
    *("valid_mean", "valid_std", "best_test", "regret"),
)
_OF_CELLS = ("n_evaluations", "n_unique", "simulated_s", "params", "flops", "latency")


def final_scores(run: Run) -> Section | None:
    """Return the distributions of final test scores and their summary; None where nothing finished."""
    if len(run.of(distributions)) == 0:
        return None
    figure = FigureBlock(
        "distributions",
        "Final test scores: the share of searches that end at or below each score; a curve further right is better where higher "
        "scores are. "
        + (
            ""
            if run.family.trains
            else "Shaded: the exact law of random search at the same budget, where it is known. "
        )
        + "The outer 1 % at each end may lie outside."
        + left_out(run),
        "Cumulative distributions of final test scores, one panel a data set, one curve a method.",
        partial(draw_distributions, run),
    )
    frame = run.of(summary)
    frame = frame.assign(anchor=frame["group"].map(run.anchor))
    signs = {benchmark.name: benchmark.sign for benchmark in run.benchmarks}

    def sign(row: Row) -> float:
        return signs[row["benchmark"]]

    regret = score("regret", "regret", run, help="distance of the mean from the best test score in the table")
    table = TableBlock(
        "summary",
        "Final scores over seeds.",
        frame,
        [
            dataset(run),
            method(run),
            integer("n", "seeds", link="anchor"),
            score("test_mean", "test mean", run),
            score("test_std", "std", run, help="standard deviation over seeds, n - 1"),
            score("test_min", "min", run),
            score("test_median", "median", run),
            score("test_max", "max", run),
            *([regret] if frame["regret"].notna().any() else []),
            score("valid_mean", "validation mean", run),
            score("valid_std", "std", run),
        ],
        csv=_SUMMARY,
        best=[Best([key], ["benchmark", "budget"], sign) for key in ("test_mean", "test_median")],
        note=_of_averages(run),
        folded=len(frame) > 20,
    )
    return Section("scores", "Final scores", [figure, table])


def _of_averages(run: Run) -> str:
    """Return a sentence on methods whose scores are means of several architectures; empty without one."""
    names = [f"{one.name} of {one.method.params['architectures']}" for one in run.entrants if one.is_average]
    if not names:
        return ""
    return (
        f"A score of {joined(names)} architectures is their mean, which spreads less over seeds than one of them would."
    )


def cost(run: Run) -> Section | None:
    """Return what the searches spent, and what else is known of the architectures that they recommend; None of live ones."""
    if run.family.trains:
        return None
    frame = run.of(summary)
    known = [column for column in _OF_CELLS[2:] if frame[column].notna().any()]
    titles = {"simulated_s": "simulated s", "params": "parameters", "flops": "operations", "latency": "latency"}
    table = TableBlock(
        "cost",
        "What was evaluated, and what the recommended architectures cost: means over seeds.",
        frame,
        [
            dataset(run),
            method(run),
            number("n_evaluations", "evaluations", 1),
            number(
                "n_unique", "different ones", 1, help="different rows of the table among the evaluated architectures"
            ),
            *(number(column, titles[column], 4, help="in the table's unit") for column in known),
            score(
                "selection_loss",
                "selection loss",
                run,
                help="best test score among the evaluated less that of the one chosen",
            ),
        ],
        csv=[
            "benchmark",
            "dataset",
            "method",
            "budget",
            "unit",
            "n",
            "n_evaluations",
            "n_unique",
            *known,
            "selection_loss",
        ],
        note="Selection loss: how much better, in the mean, the best test score among the evaluated architectures is than "
        "that of the one that validation chose.",
        folded=len(frame) > 20,
    )
    return Section("cost", "Cost and diagnostics", [table])
