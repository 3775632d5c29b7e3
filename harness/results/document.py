"""The report on results from elsewhere: the same model, tables and figures as that of a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

# Written for runs, but nothing in them is of a run.
from harness.reporting.caveats.baselines import OF_SKEWED_SAMPLES, of_means, skewed
from harness.reporting.families import OVER_ARCHITECTURES
from harness.reporting.figures import MOST
from harness.reporting.formats import (
    integer,
    interval,
    joined,
    number,
    p_value,
    plural,
    points,
    score_text,
    shown_score,
    signed,
    text,
)
from harness.reporting.frames.improvement import LEVEL, RI_COLUMNS
from harness.reporting.model import Best, Block, Claim, Column, Document, FigureBlock, Prose, Section, TableBlock
from harness.reporting.panels import WHOLE, WIDTH, Panels, View
from harness.reporting.plots import plot_forest
from harness.reporting.run import PERCENT_UNITS
from harness.reporting.sections.improvement import at_a_glance, compared
from harness.reporting.style import Mark, marks_for, short
from harness.results.improvement import (
    AGGREGATE_COLUMNS,
    POPULATIONS,
    aggregates,
    detectable,
    relative_improvements,
)
from harness.results.model import RUN_COLUMNS, Fault, Results
from harness.statistics.improvement import MIN_ARCHITECTURES

_RUNS = "every-run"
RUNS = "runs"  # the table of what was read, and its file
_RANDOM = Mark("#7a7a7a", "x")  # of baselines


def make_document(results: Results, faults: Sequence[Fault]) -> Document:
    """Return what the report says, before anything is rendered."""
    improvements = relative_improvements(results)
    improvements = improvements.assign(
        detectable=detectable(results),
        anchor=[_anchor(results, *key) for key in zip(*_keys(improvements), strict=True)],
    )
    overall = aggregates(results, improvements)
    sections = [
        _improvement(results, improvements),
        _over_all(overall) if len(overall) else None,
        _scores(results),
        Section("caveats", "Caveats", [Prose(list(_caveats(results, improvements)), listed=True)]),
        _sources(results, faults),
        Section("definitions", "How the numbers were computed", [Prose(list(_definitions(results)), listed=True)]),
        Section(_RUNS, "Every run, as it was read", [_runs(results)]),
    ]
    return Document(
        title=f"Results from elsewhere: {', '.join(results.sources['file'])}",
        description="Final scores that nas-harness did not produce: how they were obtained is not known here.",
        facts=facts(results),
        answer=[_claim(str(method), part, overall) for method, part in improvements.groupby("method", sort=False)],
        warnings=[fault.what for fault in faults],
        sections=[section for section in sections if section is not None],
    )


def draw_forest(results: Results, improvements: pd.DataFrame, *, view: View = WHOLE) -> Figure:
    """Draw relative improvements with their intervals."""
    marks, shown = marks_for(results.baselines), view.of(improvements)
    datasets = list(dict.fromkeys(shown["dataset"]))[:MOST]
    shown = shown[shown["dataset"].isin(datasets)]
    panels = Panels(view, ["relative improvement"], (WIDTH / 1.5, 1.3 + 0.14 * (len(shown) + len(datasets))))
    for _, ax in panels:
        plot_forest(shown, ax=ax, marks=marks)
    methods = shown["method"].drop_duplicates()
    panels.legend(marks, [method for method in results.baselines if method in set(methods)], markers=True)
    return panels.figure


def draw_runs(results: Results, *, view: View = WHOLE) -> Figure:
    """Draw every run's score, a panel a data set, a row a method; its baseline's runs beneath, in grey."""
    pairs = [(dataset, method) for dataset in results.datasets for method in results.baselines]
    shown = view.of(pd.DataFrame(pairs, columns=["benchmark", "method"]))
    datasets, methods = (list(dict.fromkeys(shown[key])) for key in ("benchmark", "method"))
    datasets, marks = datasets[:MOST], marks_for(results.baselines)
    panels = Panels(view, datasets, (WIDTH, (0.5 + 0.22 * (1 + len(methods))) * len(datasets) + 0.3))
    for place, ax in panels:
        dataset = datasets[place]
        for row, method in enumerate(methods):
            for name, mark, shift in (
                (method, marks[method], -0.14),
                (results.baselines[method], _RANDOM, 0.22),
            ):
                runs = results.of(dataset, name)
                if runs.empty:
                    continue
                scores = shown_score(runs["score"].to_numpy(), runs["unit"].iloc[0])
                ax.plot(
                    scores, np.full(len(scores), row + shift), mark.marker, color=mark.colour, markersize=3.5, alpha=0.7
                )
                ax.plot([scores.mean()] * 2, [row + shift - 0.15, row + shift + 0.15], color=mark.colour, linewidth=1.5)
        ax.set_yticks(range(len(methods)), [short(method) for method in methods])
        ax.set_ylim(len(methods) - 0.5, -0.5)
        ax.grid(visible=False, axis="y")
        ax.set_title(short(dataset) + (", %" if _in_percent(results, dataset) else ""))
    return panels.figure


def _improvement(results: Results, improvements: pd.DataFrame) -> Section:
    blocks: list[Block] = [
        _glance(results, improvements),
        FigureBlock(
            "relative_improvement",
            "Relative improvement of each method over its own baseline, with 95 % intervals; right of the line is better."
            + _left_out(results),
            "Forest plot: one row a data set and method; its numbers are in this section's tables.",
            partial(draw_forest, results, improvements),
        ),
        _full(improvements),
    ]
    return Section("improvement", "Relative improvement over the baseline", blocks)


def _glance(results: Results, improvements: pd.DataFrame) -> TableBlock:
    datasets, methods = ({name: name for name in names} for names in (results.datasets, results.baselines))
    wide, columns = at_a_glance(improvements, "dataset", datasets, methods)
    family = plural(int(improvements["p_value"].count()), "test")
    return TableBlock(
        "improvement_at_a_glance",
        "RI in % over each method's own baseline: estimate ± half-width of the 95 % interval.",
        wide,
        columns,
        note=f"* differs from the baseline, at 5 % by Holm's adjustment over the {family} of the table: "
        f"{_tests(improvements)}.",
        best=compared(columns, "dataset"),
    )


def _full(improvements: pd.DataFrame) -> TableBlock:
    return TableBlock(
        "relative_improvement",
        "Relative improvement of every method on every data set.",
        improvements,
        [
            text("dataset", "data set"),
            text("method", "method"),
            text("baseline", "baseline"),
            integer("n_method", "runs", link="anchor"),
            integer("n_baseline", "of the baseline"),
            points("ri", "RI, %"),
            interval("ci_low", "ci_high", "95 % interval"),
            p_value("p_value", "p", help="two-sided, of the test that the interval inverts and the last column names"),
            p_value("p_holm", "p, Holm", help="adjusted over all rows"),
            number(
                "detectable", "detectable RI, %", 2, help="smallest true RI found with 80 % power, before adjustment"
            ),
            Column("test", "test", lambda row: row["note"] or row["test"]),
        ],
        csv=RI_COLUMNS,
        best=[Best(["ri"], ["dataset"])],
        note=f"One family of tests: all rows. p is of {_tests(improvements)}.",
        folded=len(improvements) > 20,
    )


def _tests(improvements: pd.DataFrame) -> str:
    """Return the names of the tests whose p-values are given."""
    names = improvements.loc[improvements["p_value"].notna(), "test"].unique()
    return f"the {joined(f'{name} test' for name in names)}" if len(names) else "no test"


def _over_all(overall: pd.DataFrame) -> Section:
    table = TableBlock(
        "aggregate",
        "Geometric-mean RI over all data sets.",
        overall,
        [
            text("method", "method"),
            text("baseline", "baseline"),
            text("population", "speaks of"),
            integer("datasets", "data sets"),
            points("ri", "RI, %"),
            interval("ci_low", "ci_high", "95 % interval"),
            p_value("p_value", "p", help="two-sided, not adjusted"),
            text("note", "note"),
        ],
        csv=AGGREGATE_COLUMNS,
        best=[Best(["ri"], ["population"])],
        note="“These data sets”: the error is that of the runs, and the claim ends with these data sets. “Data sets like these”: "
        "they are taken for a sample of such, and the error is mostly that between them.",
    )
    return Section("all-data-sets", "Over all data sets", [table])


def _scores(results: Results) -> Section:
    rows = []
    for (dataset, method), runs in results.groups.items():
        scores, unit = runs["score"], runs["unit"].iloc[0]
        row = {"dataset": dataset, "method": method, "baseline": results.baselines.get(method, ""), "unit": unit}
        row |= {"n": len(scores), "mean": scores.mean(), "std": scores.std(), "min": scores.min()}
        rows.append(row | {"median": scores.median(), "max": scores.max()})
    shown = {"mean": "mean", "std": "std", "min": "min", "median": "median", "max": "max"}
    return Section(
        "scores",
        "Scores",
        [
            FigureBlock(
                "runs",
                "Every run's score, and the mean as a bar: each method in its colour, its baseline in grey below it."
                + _left_out(results),
                "One mark a run, one panel a data set, one row a method; the numbers are in the table of runs.",
                partial(draw_runs, results),
            ),
            TableBlock(
                "summary",
                "Scores over runs.",
                pd.DataFrame(rows),
                [
                    text("dataset", "data set"),
                    text("method", "method"),
                    text("baseline", "baseline"),
                    integer("n", "runs"),
                    *(_score(key, title) for key, title in shown.items()),
                ],
                best=[Best([key], ["dataset"], lambda row: results.sign) for key in ("mean", "median")],
                folded=len(rows) > 20,
            ),
        ],
    )


def _runs(results: Results) -> TableBlock:
    first = ~results.runs.duplicated(["dataset", "method"])
    anchors = [_anchor(results, *key) if new else "" for *key, new in zip(*_keys(results.runs), first, strict=True)]
    return TableBlock(
        RUNS,
        "Every run that has a score, and the line that it comes from.",
        results.runs.assign(anchor=anchors),
        [
            text("dataset", "data set"),
            text("method", "method"),
            text("seed", "seed"),
            _score("score", "score"),
            text("file", "file"),
            integer("line", "line"),
        ],
        csv=RUN_COLUMNS,
        folded=True,
        anchor="anchor",
    )


def _sources(results: Results, faults: Sequence[Fault]) -> Section:
    files = TableBlock(
        "sources",
        "Files that were read.",
        results.sources,
        [
            text("file", "file"),
            text("form", "form"),
            integer("lines", "lines"),
            integer("scores", "scores"),
            text("left_out", "columns left out"),
            Column("sha256", "SHA-256", lambda row: f"{row['sha256'][:12]}…"),
        ],
    )
    found = TableBlock(
        "faults",
        "What is odd about the files; the warnings above.",
        pd.DataFrame([(fault.kind, fault.what) for fault in faults], columns=["kind", "what"]),
        [text("kind", "kind"), text("what", "what")],
        folded=True,
    )
    return Section("files", "Files", [files, found])


def facts(results: Results) -> str:
    """Return what is compared, in one line."""
    methods = plural(len(results.baselines), "method")
    comparisons = "compared seed by seed" if results.paired else "runs taken for independent"
    return (
        f"{methods} × {plural(len(results.datasets), 'data set')}; {plural(len(results.runs), 'score')}, {comparisons}."
    )


def _claim(method: str, part: pd.DataFrame, overall: pd.DataFrame) -> Claim:
    """Return on how many data sets a method beats its baseline, and by how much over all of them."""
    baseline, tested = part["baseline"].iloc[0], part["p_holm"].notna()
    decided = part["p_holm"] < LEVEL
    wins, losses = (list(part.loc[decided & side, "dataset"]) for side in (part["ri"] > 0, part["ri"] < 0))
    if not tested.any():
        return Claim(method, f"cannot be compared with {baseline} on any data set: {part['note'].iloc[0]}.")
    said = f"beats {baseline} on {len(wins)} of {plural(int(tested.sum()), 'data set')}"
    said += f" ({joined(wins)})" if wins else ""
    said += f" and loses on {len(losses)} ({joined(losses)})" if losses else " and loses on none"
    undecided = int(tested.sum()) - len(wins) - len(losses)
    said += f"; {undecided} undecided" if undecided else ""
    said += f"; no test on {joined(part.loc[~tested, 'dataset'])}." if not tested.all() else "."
    these = overall[(overall["method"] == method) & (overall["population"] == POPULATIONS["these"])]
    for row in these[these["ri"].notna()].to_dict("records"):
        ends = "" if pd.isna(row["ci_low"]) else f" [{signed(row['ci_low'])}, {signed(row['ci_high'])}]"
        over = "these" if row["datasets"] == len(part) else f"{row['datasets']} of the {len(part)}"
        said += f" Geometric mean over {over} data sets: {signed(row['ri'])} %{ends}."
    return Claim(method, said)


def _caveats(results: Results, improvements: pd.DataFrame) -> Iterator[str]:
    known = improvements[improvements["detectable"].notna()]
    if len(known):
        least, most = (known.loc[known["detectable"].agg(f"idx{end}")] for end in ("min", "max"))
        yield (
            f"Detectable difference (80 % power at 5 %, before adjustment): from {least['detectable']:.2f} RI points "
            f"({least['method']} on {least['dataset']}) to {most['detectable']:.2f} ({most['method']} on {most['dataset']}). "
            "Undecided means that a smaller difference may well be there."
        )
    yield from of_means(improvements, {name: name for name in results.datasets})
    few = improvements["p_value"].notna() & (improvements["n_baseline"] < MIN_ARCHITECTURES)
    if results.architectures is None and few.any():
        yield (
            f"Baselines of fewer than {MIN_ARCHITECTURES} runs are taken for results of searches, whose scores are close to "
            "normal. If their runs are architectures drawn at random, of which a few may be far worse than all others, these "
            "intervals are too short and their p-values too small: say so by --architectures."
        )
    for dataset, baseline in dict.fromkeys(zip(improvements["dataset"], improvements["baseline"], strict=True)):
        if said := skewed(results.of(dataset, baseline)["score"].to_numpy(dtype=np.float64)):
            yield f"The sample of {baseline} on {dataset} is skewed ({said}): {OF_SKEWED_SAMPLES}"
    if len(set(results.baselines.values())) > 1:
        yield (
            "The methods have baselines of their own: an RI says how much better a method is than its own baseline, and does "
            "not compare methods whose baselines, spaces or training differ."
        )
    for note, rows in improvements[improvements["note"] != ""].groupby("note", sort=False):
        listed = [f"{method} on {dataset}" for dataset, method in zip(*_keys(rows), strict=True)]
        shown = joined(listed) if len(listed) <= 4 else plural(len(listed), "comparison")
        yield f"No test and no interval for {shown}: {note}."
    yield (
        "The scores are taken as they are. Whether they are test or validation scores, of the last or of the best epoch, and "
        "whether method and baseline were trained alike, the files do not say."
    )


def _definitions(results: Results) -> Iterator[str]:
    yield (
        "Relative improvement. RI = 100 (a − r) / |r|, with a the mean score over a method's runs and r that of its baseline"
        + (". " if results.sign > 0 else "; here lower is better, and RI = 100 (r − a) / |r|. ")
        + "Method and baseline were matched by name."
    )
    if results.architectures is not None:
        yield OVER_ARCHITECTURES
    elif results.paired:
        yield (
            "Interval and test (“paired log-ratio”). The t interval of the mean difference of log scores over common seeds; RI "
            "is then that of the geometric means. The p-value is two-sided and belongs to the same test."
        )
    else:
        yield (
            "Interval and test (“delta-Welch”). The delta method with Welch's degrees of freedom. Intervals hold one at a time, "
            "at 95 %. The p-value is two-sided and belongs to the test that the interval inverts."
        )
    yield "Family. p-values are adjusted by Holm's method over all rows of the table of relative improvements."
    yield "Detectable RI. The smallest true RI that a test at 5 % finds with 80 % power, given the runs and their spread."


def _score(key: str, title: str) -> Column:
    return Column(key, title, lambda row: "–" if pd.isna(row[key]) else score_text(row[key], row["unit"]), numeric=True)


def _left_out(results: Results) -> str:
    """Return a sentence on the data sets that figures do not show; empty if they show all."""
    count = len(results.datasets)
    return f" Drawn are the first {MOST} of {count} data sets." if count > MOST else ""


def _in_percent(results: Results, dataset: str) -> bool:
    return bool(results.runs.loc[results.runs["dataset"] == dataset, "unit"].isin(PERCENT_UNITS).all())


def _keys(frame: pd.DataFrame) -> tuple[pd.Series[str], pd.Series[str]]:
    return frame["dataset"], frame["method"]


def _anchor(results: Results, dataset: str, method: str) -> str:
    """Return the anchor of a method's first run on a data set; that of all runs where it has none."""
    if results.of(dataset, method).empty:
        return _RUNS
    return f"{_RUNS}-{results.datasets.index(dataset)}-{results.methods.index(method)}"
