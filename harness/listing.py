"""What can be named: benchmarks, methods and suites, with a line about each."""

from __future__ import annotations

import dataclasses
import tomllib
from typing import Any

from harness.errors import HarnessError
from harness.methods.base import method_class, method_names
from harness.suite import find_suite, suite_names
from harness.tabular import catalogue, nasbench_graph, store, synthetic


def describe(what: str) -> list[dict[str, Any]]:
    """Rows with ``name`` and ``about`` of all ``benchmarks``, ``methods`` or ``suites``."""
    rows = {"benchmarks": _benchmark, "methods": _method, "suites": _suite}[what]
    names = {"benchmarks": catalogue.benchmark_names, "methods": method_names, "suites": suite_names}[what]()
    return [{"name": name, "about": rows(name)} for name in names]


def _benchmark(name: str) -> str:
    if name == synthetic.NAME:
        return "made up, for tests and documentation"
    if store.is_stored(name):
        try:
            card = store.card_of(name)
            return f"{card['rows']:,} rows over {card['space']['name']}; {card['metric']} in {card['unit']}"
        except (HarnessError, KeyError, TypeError, ValueError):
            return "damaged: import it again"
    if name.startswith(nasbench_graph.FAMILY):
        return "packaged; converted when first used"
    return "registered by a plug-in"


def _method(name: str) -> str:
    cls = method_class(name)
    parameters = ", ".join(f"{field.name}={field.default}" for field in dataclasses.fields(cls) if field.init)  # type: ignore[arg-type]
    return f"({parameters})  {cls.source}".strip()


def _suite(name: str) -> str:
    try:
        return str(tomllib.loads(find_suite(name).read_text(encoding="utf-8")).get("description", ""))
    except (OSError, tomllib.TOMLDecodeError):
        return "unreadable"
