"""What a suite's TOML file holds: its shape, from which it is checked and the JSON schema for editors is made."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from harness.problem.budget import Budget
from harness.suites.claim_file import Claims, ClaimTable
from harness.system.shapes import Texts, json_schema, says
from harness.training.settings import Recipe, SearchSettings, schema_parts

PARTS = ("dev", "test")  # of the benchmarks: methods are tuned on the first, the second is what is reported
Benchmarks = Texts | dict[Literal["dev", "test"], Texts]
_TEXTS = ": wanted a list of texts"
# Seeds, budgets and constraints have words of their own, which those who read them check.
_SEEDS = {
    "anyOf": [
        {"type": "string", "pattern": r"^\s*\d+\s*[:,]"},
        {"type": "array", "items": {"type": "integer", "minimum": 0}},
    ]
}
_AMOUNT = {"type": "integer", "minimum": 1}
_AMOUNTS = {"anyOf": [_AMOUNT, {"type": "array", "items": _AMOUNT, "minItems": 1}]}
_BUDGETS = {"properties": dict.fromkeys(Budget.KINDS, _AMOUNTS), "additionalProperties": False, "minProperties": 1}
_CONDITIONS = {"type": "object", "additionalProperties": {"type": "string", "pattern": "^ *(<=|>=)"}}


class MethodTable(Struct, kw_only=True):
    """A table ``[[methods]]``; what else it holds are parameters of the method."""

    name: Annotated[str, says("", "Name that `nas-harness ls methods` lists; its parameters stand beside.")]
    label: Annotated[
        str, says(": wanted a text of one line", "Name in tables and plots; the method's own where it is left out.")
    ] = ""
    benchmarks: Annotated[Texts, says(_TEXTS, "Those of the suite's benchmarks that it is run on; left out: all.")] = []
    metrics: Annotated[
        Texts | None, says(_TEXTS, "Columns that this method may see, instead of the suite's `metrics`.")
    ] = None
    grid: Annotated[
        Any,  # read before the method is
        says(
            "",
            "Parameters with lists of values: the method at every combination of these.",
            extra_json_schema={"type": "object", "additionalProperties": {"type": "array", "minItems": 1}},
        ),
    ] = None
    seeds: Annotated[
        Any,
        says("", "Those of the suite's seeds that it is run at; left out: all.", extra_json_schema=_SEEDS),
    ] = None
    search: Annotated[
        Any,  # a text is a parameter of a method that has one of this name
        says(
            "",
            "Settings of its own in place of some of the suite's table [search].",
            extra_json_schema={"anyOf": [{"$ref": "#/$defs/SearchSettings"}, {"type": "string"}]},
        ),
    ] = None
    recipe: Annotated[
        dict[str, list[Any]] | None,
        says(
            ": wanted a table of lists such as recipe = { learning_rate = [0.05, 0.1] }",
            "What it chooses of the recipe that architectures are trained by, with each architecture: lists of values of "
            "learning_rate, weight_decay and epochs.",
        ),
    ] = None


class SuiteFile(Struct, kw_only=True, forbid_unknown_fields=True):
    """A suite: benchmarks, methods, budgets and seeds."""

    name: Annotated[
        str,
        # The output folder is called after it.
        says(
            ": wanted a text of letters, digits, blanks and .-+@_",
            "Name of the suite; that of its file where it is left out.",
            pattern=r"^\w[\w .+@-]*$(?!\n)",
        ),
    ] = "suite"
    description: Annotated[str, says(": wanted a text", "A sentence for the report.")] = ""
    seeds: Annotated[Any, says("", "Half open, such as 0:100 or 0:10,20:30; or a list.", extra_json_schema=_SEEDS)]
    benchmarks: Annotated[
        Benchmarks,
        says(
            f"{_TEXTS}, or a table of two, dev and test",
            "Names or patterns that `nas-harness ls benchmarks` lists; or two such lists: dev, on which methods are tuned, and "
            "test, which is reported.",
        ),
    ]
    budgets: Annotated[
        dict[str, Any],
        says(
            " must be a table such as [budgets] evaluations = 100",
            "What a search may spend: of one kind, one amount or several. Every method gets every budget.",
            extra_json_schema=_BUDGETS,
        ),
    ]
    metrics: Annotated[
        Texts, says(_TEXTS, "Columns that methods may see beside the validation score, never a test column.")
    ] = []
    constraint: Annotated[
        Any,
        says("", 'What an architecture must satisfy, such as latency = "<= 20".', extra_json_schema=_CONDITIONS),
    ] = {}
    methods: Annotated[
        list[Annotated[dict[str, Any], Meta(extra_json_schema={"$ref": "#/$defs/MethodTable"})]],
        says(
            " must be tables, each under its own [[methods]]",
            "What is compared.",
        ),
    ]
    search: Annotated[
        dict[str, Any],
        says(
            ": wanted a table such as [search] channels = 16",
            "How supernets of live benchmarks are searched, the same for all methods.",
            extra_json_schema={"$ref": "#/$defs/SearchSettings"},
        ),
    ] = {}
    evaluation: Annotated[
        dict[str, Any],
        says(
            ": wanted a table such as [evaluation] channels = 16",
            "How what each method recommends on live benchmarks is trained from scratch.",
            extra_json_schema={"$ref": "#/$defs/Evaluation"},
        ),
    ] = {}
    pairs: Annotated[
        list[list[str]],
        says(
            ': wanted a list such as [["milenas-1st", "darts-1st"]]',
            "Labels of methods whose comparison, seed by seed, is fixed before the run.",
        ),
    ] = []
    claims: Annotated[
        Claims,
        says(
            " must be tables, each under its own [[claims]]",
            "What is claimed of the methods, for `nas-harness reproduce`.",
        ),
    ] = []
    imports: Annotated[
        dict[str, str],
        says(
            ": wanted a table of texts",
            "Of benchmarks that may not be here the command line that imports them; `reproduce` skips claims on these.",
        ),
    ] = {}
    device: Annotated[str, says(": wanted cpu, cuda or cuda:<number>", "Where live benchmarks compute.")] = "cpu"


def suite_schema() -> dict[str, Any]:
    """Return the JSON schema of a suite's file."""
    return schema_parts(json_schema("nas-harness suite", SuiteFile, MethodTable, ClaimTable, SearchSettings, Recipe))
