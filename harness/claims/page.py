"""The page of verdicts: a line a claim, its test in full, and what the words mean."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from harness.claims.parts import LEVEL
from harness.claims.verdicts import CONTRADICTED, REPRODUCED, SKIPPED, UNDECIDED, Verdict, as_frame, counts, row_of
from harness.reporting import model
from harness.reporting.formats import integer, is_missing, number, p_text, p_value, plural, text
from harness.reporting.model import Column, Document, Prose, Row, Section, TableBlock
from harness.suites.suite import Suite

_TONES = {REPRODUCED: "better", CONTRADICTED: "worse"}


def make_document(suite: Suite, verdicts: Sequence[Verdict], notes: Sequence[str]) -> Document:
    """Return the page, before anything is rendered.

    Parameters
    ----------
    suite, verdicts
        What was claimed, and what came of it.
    notes
        What a reader must know of the searches that were judged.
    """
    frame = as_frame(verdicts)
    return Document(
        title=f"Claims: {suite.name}",
        description=suite.description,
        facts=facts(verdicts),
        answer=[model.Claim(f"{one.claim.says}", f"({one.claim.source}): {sentence(one)}") for one in verdicts],
        warnings=list(notes),
        headline=TableBlock(
            "verdicts",
            "Every claim of the file with its verdict.",
            frame,
            [
                integer("claim", "no."),
                text("says", "claim"),
                Column(
                    "verdict",
                    "verdict",
                    lambda row: str(row["verdict"]),
                    tone=lambda row: _TONES.get(row["verdict"], ""),
                ),
                Column("effect", "effect", _effect_in_unit, numeric=True),
                Column("region_low", "claimed", _claimed),
                integer("n", "seeds"),
                text("source", "source"),
            ],
            csv=["claim", "verdict", "says", "source", "effect", "ci_low", "ci_high", "unit", "n"],
        ),
        sections=[
            Section("tests", "Tests", [_tests(frame)]),
            Section("definitions", "What the verdicts mean", [Prose(_DEFINITIONS, listed=True)]),
        ],
    )


def facts(verdicts: Sequence[Verdict]) -> str:
    """Return how many claims there are of each verdict, in one line."""
    found = counts(verdicts)
    return f"{plural(len(verdicts), 'claim')}: {', '.join(f'{count} {name}' for name, count in found.items())}."


def sentence(one: Verdict) -> str:
    """Return a verdict in one sentence: effect, interval, what was claimed, test, and what would decide."""
    part = one.part
    if part is None:
        return f"{one.verdict}: {one.note}."
    row = row_of(one)
    where = f" on {part.of}" if len(one.claim.benchmarks) > 1 or ":" in part.of else ""
    said = f"{one.verdict}: {_effect(row)} {part.unit}{where}, claimed {_claimed(row)}"
    if part.placement is not None:
        p = one.p_contradicted_holm if one.verdict == CONTRADICTED else one.p_reproduced_holm
        said += f"; {part.test}, p {p_text(p)} by Holm"
    elif part.test:
        said += f"; {part.test}"
    said += f", {plural(part.n, 'seed')}" if part.n is not None else ""
    said += f", decided after {one.took:,}" if one.took else ""
    if one.verdict == UNDECIDED:
        said += f"; {needs(one)}" if needs(one) else ""
    return f"{said}{f' ({one.note})' if one.note else ''}."


def needs(one: Verdict) -> str:
    """Return what it would take to decide; empty where nothing can be said."""
    if math.isnan(one.seeds):
        return ""
    by = " by a fixed test" if one.claim.test == "sequential" else ""
    return f"{'no number of' if math.isinf(one.seeds) else f'about {one.seeds:,.0f}'} seeds would decide{by}"


def _tests(frame: pd.DataFrame) -> TableBlock:
    return TableBlock(
        "claims",
        "The test of each claim; of several numbers that on which it hangs.",
        frame,
        [
            integer("claim", "no."),
            text("of", "of"),
            text("statistic", "statistic"),
            text("test", "test"),
            integer("n", "seeds"),
            text("unit", "unit"),
            Column("effect", "effect [interval]", _effect, numeric=True, help="see below"),
            Column("region_low", "claimed", _claimed),
            p_value("p_reproduced", "p, reproduced", help="of: it does not hold"),
            p_value("p_reproduced_holm", "Holm"),
            p_value("p_contradicted", "p, contradicted", help="of: it holds"),
            p_value("p_contradicted_holm", "Holm"),
            number("detectable", "detectable", 3, help="distance from the margin that is told with 80 % power, at 5 %"),
            Column("seeds_to_decide", "seeds to decide", _seeds, numeric=True),
            integer("seeds_taken", "seeds taken", help="after which a sequential claim was decided"),
            text("note", "note"),
        ],
        note="Holm's adjustment is over both tests of all claims of the file. Exact numbers are compared, not tested.",
    )


def _effect(row: Row) -> str:
    if is_missing(row["effect"]):
        return ""
    digits = 3 if max(abs(row["effect"]), 0 if is_missing(row["ci_low"]) else abs(row["ci_low"])) < 1 else 2
    ends = (
        "" if is_missing(row["ci_low"]) else f" [{_signed(row['ci_low'], digits)}, {_signed(row['ci_high'], digits)}]"
    )
    return _signed(row["effect"], digits) + ends


def _effect_in_unit(row: Row) -> str:
    return f"{_effect(row)} {row['unit']}" if _effect(row) else ""


def _claimed(row: Row) -> str:
    low, high = row["region_low"], row["region_high"]
    if is_missing(low):
        return ""
    if math.isinf(high):
        return f"> {low:g}".replace("-", "−")
    if math.isinf(low):
        return f"< {high:g}".replace("-", "−")
    return f"within ±{high:g}" if low == -high else f"{low:g} to {high:g}"


def _seeds(row: Row) -> str:
    value = row["seeds_to_decide"]
    return "" if is_missing(value) else "none would" if math.isinf(value) else f"{value:,.0f}"


def _signed(value: float, digits: int) -> str:
    shown = f"{value:+.{digits}f}"
    return (f"{0:.{digits}f}" if float(shown) == 0 else shown).replace("-", "−")


_DEFINITIONS = (
    f"Reproduced. The effect is shown to be where it is claimed to be, at {100 * LEVEL:g} % over the whole file: by a one-sided "
    "test, by two where it is claimed to lie between two ends (Schuirmann 1987). Several numbers (benchmarks, pairs of an order) "
    "must all be shown: the greatest of their p-values counts.",
    "Contradicted. It is shown to be elsewhere, by the opposite test: of several numbers one is enough, and the smallest p-value "
    "counts, times their number. That a test does not reject contradicts nothing.",
    "Undecided. Neither is shown. Seeds to decide are those that would, at what Holm leaves to each test, were the effect the "
    "one that is seen.",
    f"{SKIPPED.capitalize()}. There is no search to judge by, or the data are not here.",
    "Family. Holm's adjustment (1979) over both one-sided tests of every claim of the file. Exact numbers are compared and are "
    "in no family.",
    "Effect. Of a claim against a baseline the relative improvement in percent of the baseline's mean, positive is better; of a "
    "published value what the mean is above it; of an order what the first of the pair is better by, in the unit of the "
    "statistic; of a correlation Kendall's tau-b.",
    "Intervals. Of a fixed test the one of 90 % that its one-sided tests at 5 % invert, by itself; of a sequential one "
    "what holds at any number of seeds, for all claims of the file together, with 95 %.",
    "Tests. Against an exact baseline (random search by its exact law, the optimum of a table) a one-sample t test; against "
    "another method a t test of the differences at common seeds, with the error of the ratio of the means; of a published mean "
    "with standard error e and n runs Welch's t with e² + s²/m, so that the published error counts once. Without n it is exact.",
    "Failed searches have the worst score of the table. Less is better of regret, gaps and costs.",
)
