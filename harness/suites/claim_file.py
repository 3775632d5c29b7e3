"""What a table ``[[claims]]`` of a suite's file holds."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from harness.system.shapes import Texts, says

Statistic = Literal[
    "test", "valid", "best", "regret", "hypervolume", "gap", "passes", "parameters", "epochs", "evaluations"
]
STATISTICS: tuple[str, ...] = Statistic.__args__  # type: ignore[attr-defined]
_PERCENT = {"type": "string", "pattern": r"^\s*[0-9.eE+-]+\s*%\s*$"}


class ClaimTable(Struct, kw_only=True, forbid_unknown_fields=True, rename={"is_": "is"}):
    """A table ``[[claims]]``: a sentence, where it stands, and one test of ``beats, is, value, order`` and ``kendall``."""

    says: Annotated[str, says(": wanted a text of one line", "The claim in a sentence.")]
    source: Annotated[str, says(": wanted a text of one line", "Where it stands: paper, table, cell.")]
    test: Annotated[
        Literal["fixed", "sequential"],
        says(
            ": wanted fixed or sequential",
            "fixed: judged once, at the suite's seeds; sequential: valid however often one looks, for `--until decided`.",
        ),
    ] = "fixed"
    benchmark: Annotated[
        Texts,
        says(": wanted a list of texts", "Benchmarks of the suite, on each of which it holds; left out: all."),
    ] = []
    budget: Annotated[
        int | None, says(": wanted a whole number", "Which of the suite's budgets, where there are several.")
    ] = None
    statistic: Annotated[
        Statistic,
        says(
            f": wanted one of {', '.join(STATISTICS)}",
            "What is compared: a score of the recommended architecture (test, valid), the best test score of all that were "
            "evaluated, regret, the hypervolume of validation scores and the column that is shown, or a cost, of which less is "
            "better.",
        ),
    ] = "test"
    reaches: Annotated[
        float | None, says(": wanted a number", "Test score up to which evaluations or epochs are counted.")
    ] = None
    method: Annotated[
        str, says(": wanted a text", "Label of a method; with value also random@N or optimum, which are exact.")
    ] = ""
    beats: Annotated[
        str, says(": wanted a text", "What it is better than: random@budget, random@N or the label of a method.")
    ] = ""
    by: Annotated[
        str | None,
        says(': wanted a text such as "0.5 %"', "By more than this relative improvement.", extra_json_schema=_PERCENT),
    ] = None
    is_: Annotated[
        Literal["", "no worse than", "equivalent to"],
        says(': wanted "no worse than" or "equivalent to"', "Than, or to, its baseline, within what does not matter."),
    ] = ""
    baseline: Annotated[
        str,
        says(": wanted a text", "What `is` compares with: random@budget, random@N, optimum or the label of a method."),
    ] = ""
    within: Annotated[
        str | None,
        says(
            ': wanted a text such as "0.5 %"', "Relative improvement that does not matter.", extra_json_schema=_PERCENT
        ),
    ] = None
    value: Annotated[float | None, says(": wanted a number", "What was published.")] = None
    margin: Annotated[float | None, says(": wanted a number", "By how much the mean may differ from the value.")] = None
    spread: Annotated[
        dict[Literal["sd", "sem"], float] | None,
        says(": wanted { sd = ... } or { sem = ... }", "What was published beside it."),
    ] = None
    n: Annotated[
        int | None,
        says(
            ": wanted a whole number of at least 2",
            "Runs behind it; left out: the value is taken as exact.",
            extra_json_schema={"minimum": 2},
        ),
    ] = None
    unit: Annotated[
        Literal["", "percent", "fraction"],
        says(": wanted percent or fraction", "Of value, margin and spread; left out: that of the benchmark."),
    ] = ""
    order: Annotated[list[str], says(": wanted a list of texts", "Labels of methods, the best first.")] = []
    kendall: Annotated[
        str,
        says(
            ': wanted a text such as ">= 0.5"',
            "Bound of Kendall's tau-b.",
            extra_json_schema={"pattern": r"^\s*(<=|>=)"},
        ),
    ] = ""
    between: Annotated[
        list[str],
        says(
            ": wanted a list of two texts",
            "Columns of a table; or of a method's supernet `shared weights`, and `valid` or `test` of its table.",
        ),
    ] = []


Claims = list[Annotated[dict[str, Any], Meta(extra_json_schema={"$ref": "#/$defs/ClaimTable"})]]
