"""Accuracy against what it costs, of suites that show such columns to methods."""

from __future__ import annotations

from functools import partial

from harness.reporting.figures import draw_pareto, left_out
from harness.reporting.formats import NOTHING, dataset, integer, is_missing, method, number, p_value, score, text
from harness.reporting.frames.pareto import HYPERVOLUME_COLUMNS, goals_of, hypervolumes, run_fronts
from harness.reporting.model import Best, Block, Column, FigureBlock, Row, Section, TableBlock
from harness.reporting.run import Run


def pareto(run: Run) -> Section | None:
    """Return fronts and hypervolumes; None where no column is shown to methods, or what they evaluated is not there."""
    goals = goals_of(run)
    if not goals or not run.evaluations or all(benchmark.table is None for benchmark in run.benchmarks):
        return None
    frame = hypervolumes(run, goals)
    frame = frame.assign(anchor=frame["group"].map(run.anchor))
    largest = ", at the largest budget" if len(run.budgets) > 1 else ""
    blocks: list[Block] = [
        FigureBlock(
            f"pareto_{goal.column}",
            f"Validation score against {goal.column}. Grey: the table's architectures; dotted: their Pareto front; black: what "
            f"random search attains with probability one half, exactly{largest}; in colour: what at least half of the searches "
            "of a method attain." + left_out(run),
            f"Scatter plots, one panel a data set: validation score against {goal.column}, with Pareto fronts as steps.",
            partial(draw_pareto, run, goal),
        )
        for goal in goals
    ]
    blocks.append(
        TableBlock(
            "hypervolume",
            "Hypervolume of all that a search evaluated, by validation score and one column, in percent of the table's own.",
            frame,
            [
                dataset(run),
                method(run),
                text("goal", "against"),
                integer("n", "seeds", link="anchor"),
                number("hypervolume", "hypervolume, %"),
                Column("ci_low", "95 % interval", _interval, numeric=True),
                number("random", "random search, exact, %", help="expected hypervolume of as many random draws"),
                p_value("p_value", "p", help="two-sided t test of the mean against random search's exact expectation"),
                p_value("p_holm", "p, Holm", help="adjusted over all claims of this table"),
                *([text("note", "note")] if frame["note"].any() else []),
            ],
            csv=HYPERVOLUME_COLUMNS,
            best=[Best(["hypervolume"], ["benchmark", "goal", "budget"])],
            note="The area begins at the worst value of either goal in the table. Random search's expectation is exact: the "
            "integral of the probability that as many draws attain a point.",
            folded=len(frame) > 20,
        )
    )
    fronts = run_fronts(run, goals).assign(
        unit=lambda rows: rows["benchmark"].map({b.name: b.unit for b in run.benchmarks})
    )
    blocks.append(
        TableBlock(
            "pareto_front",
            f"The tables' own fronts by validation score and {', '.join(map(str, goals))}.",
            fronts,
            [
                dataset(run),
                text("architecture", "architecture"),
                score("valid", "validation", run),
                score("test", "test", run),
                *(number(goal.column, goal.column, 4) for goal in goals),
            ],
            folded=True,
        )
    )
    return Section("pareto", "Score against cost", blocks)


def _interval(row: Row) -> str:
    return NOTHING if is_missing(row["ci_low"]) else f"[{row['ci_low']:.2f}, {row['ci_high']:.2f}]"
