"""What can be named: benchmarks, methods and suites, with a line about each."""

from __future__ import annotations

import dataclasses
import inspect
import tomllib
from typing import Any

from harness.errors import HarnessError, unknown_name
from harness.images.registry import dataset_names, describe_dataset
from harness.live.benchmark import LiveBenchmark, is_live
from harness.live.one_shot import JUDGED, judged
from harness.methods.base import method_class, method_names
from harness.reporting.published import published
from harness.suites.catalogue import benchmark_names, load_benchmark
from harness.suites.reading import find_suite, suite_names
from harness.tabular import catalogue, nasbench_graph, recorded, store, synthetic
from harness.taxonomy import CATEGORIES, taxonomy_of_table

UNKNOWN = dict.fromkeys(CATEGORIES, "")
# Columns that a list prints, where it has more than a screen is wide.
SHOWN = {"methods": ("name", "strategy", "acceleration"), "benchmarks": ("name", "space", "about")}


def describe(what: str) -> list[dict[str, Any]]:
    """Rows with ``name`` and ``about`` of all ``benchmarks``, ``methods`` or ``suites``, of the first two with their taxonomy.

    Those of ``images`` have their number, size and classes beside. The rows of ``published``
    are the numbers that papers print, see `harness.reporting.published.Record`.
    """
    if what == "published":
        return [dataclasses.asdict(record) for record in published()]
    rows = {"benchmarks": _benchmark, "methods": _method, "suites": _suite, "images": describe_dataset}[what]
    every = {"benchmarks": benchmark_names, "methods": method_names, "suites": suite_names, "images": dataset_names}
    names = every[what]()
    return [{"name": name} | rows(name) for name in names]


def _benchmark(name: str) -> dict[str, str]:
    """What is known of a benchmark without loading its numbers; one of a plug-in has to be loaded for that."""
    if is_live(name):
        live = LiveBenchmark(name)
        return live.taxonomy.as_json() | {"about": live.about}
    if name == synthetic.NAME:
        return synthetic.convert().taxonomy.as_json() | {"about": "made up, for tests and documentation"}
    if store.is_stored(name):
        try:
            card = store.card_of(name)
            space = catalogue.stored_space(name)
            about = f"{card['rows']:,} rows over {card['space']['name']}; {card['metric']} in {card['unit']}"
            return taxonomy_of_table(space.kind, card["columns"]).as_json() | {"about": about}
        except (HarnessError, KeyError, TypeError, ValueError):
            return UNKNOWN | {"about": "damaged, or of a plug-in that is not loaded"}
    if name.startswith(nasbench_graph.FAMILY):
        space = nasbench_graph.space_of(name.partition("/")[2])
        words = taxonomy_of_table(space.kind, nasbench_graph.FIELDS.values())
        return words.as_json() | {"about": "packaged; converted when first used"}
    about = "registered by a plug-in"
    if name.startswith(JUDGED):
        about = judged(name).about
    elif name in recorded.shipped_files(".parquet"):
        about = "comes with the project; converted when first used"
    try:
        return load_benchmark(name).taxonomy.as_json() | {"about": about}
    except HarnessError as error:
        return UNKNOWN | {"about": str(error)}


def _method(name: str) -> dict[str, str]:
    cls = method_class(name)
    parameters = ", ".join(f"{key}={value}" for key, value in _parameters(name).items())
    return cls.taxonomy.as_json() | {"source": cls.source, "about": f"({parameters})  {cls.source}".strip()}


def _parameters(name: str) -> dict[str, str]:
    cls = method_class(name)
    return {field.name: _default(field) for field in dataclasses.fields(cls) if field.init}  # type: ignore[arg-type]


def described(what: str, name: str) -> dict[str, Any]:
    """All that is known of one of ``benchmarks``, ``methods``, ``suites`` or ``images``, or the published numbers of a paper.

    Raises
    ------
    HarnessError
        If there is none of this name; the message has the nearest ones.
    """
    if what == "published":
        raise HarnessError("ls published: takes no name; it lists every number that is kept")
    names = {"benchmarks": benchmark_names, "methods": method_names, "suites": suite_names, "images": dataset_names}[
        what
    ]()
    if name not in names:
        raise unknown_name(what.removesuffix("s"), name, names)
    if what == "methods":
        cls = method_class(name)
        words = inspect.cleandoc(cls.__doc__ or "").partition("\n\n")[0]
        known = {"name": name, "about": " ".join(words.split()), **cls.taxonomy.as_json(), "source": cls.source}
        return known | {"version": cls.version, "parameters": _parameters(name)}
    if what == "benchmarks":
        return load_benchmark(name).describe()
    if what == "suites":
        return dict(tomllib.loads(find_suite(name).read_text(encoding="utf-8")))
    return {"name": name, **describe_dataset(name)}


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default is not dataclasses.MISSING:
        return str(field.default)
    return "?" if field.default_factory is dataclasses.MISSING else str(field.default_factory())


def _suite(name: str) -> dict[str, str]:
    try:
        return {"about": str(tomllib.loads(find_suite(name).read_text(encoding="utf-8")).get("description", ""))}
    except (OSError, tomllib.TOMLDecodeError):
        return {"about": "unreadable"}
