"""Search methods: one file a method, or a family of methods."""

from __future__ import annotations

from importlib import import_module

_BUILTIN = (
    "random_search",
    "evolution",
    "area",
    "local_search",
    "reinforce",
    "epnas",
    "hyperband",
    "bohb",
    "optuna",
    "levels",
    "one_shot",
    "elastic",
    "bignas",
    "once_for_all",
    "pc_darts",
    "max_w",
    "gdas",
    "proxyless",
    "darts_pt",
    "nsga2",
    "eeea",
    "given",
    "training_free",
    "bo_gp",
    "bananas",
    "nars",
    "instatune",
)


def load_builtin() -> None:
    """Import the modules that register the built-in methods."""
    for module in _BUILTIN:
        import_module(f"harness.methods.{module}")
