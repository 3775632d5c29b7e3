"""What rows of epochs say of a search; what those of older runs leave out is filled in here, and nowhere else."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pandas as pd

from harness.levels import MixedLevel, official_code

WORDS = ("lambda", "relaxation", "pass", "selection")
# A pass in training computes drawn paths: its accuracy is not that of what is measured on the validation images.
PATH = "path"
ALPHAS, WEIGHTS = "alphas_", "weights_"


def with_words(epochs: pd.DataFrame) -> pd.DataFrame:
    """Return rows of epochs with all words, and with the weights of the candidates.

    Runs of version 0.1.0 before supernets stated their words had softmax levels, and random search with weight sharing, only.

    Parameters
    ----------
    epochs
        With a column ``method_params``.
    """
    if "pass" in epochs:
        return epochs
    searched = epochs["phase"] == "search"
    paths = epochs["level"] == "SharedWeights"
    words = {
        "lambda": [
            _lambda(level, params) for level, params in zip(epochs["level"], epochs["method_params"], strict=True)
        ],
        "relaxation": np.where(paths, "uniform", "softmax"),
        "pass": np.where(paths, PATH, "mixture"),
        "selection": np.where(paths, "random", "magnitude"),
    }
    filled = epochs.assign(**{name: pd.Series(values, epochs.index).where(searched) for name, values in words.items()})
    columns = [str(name) for name in epochs if str(name).startswith(ALPHAS)]
    return filled.assign(**{WEIGHTS + name.removeprefix(ALPHAS): filled[name].map(_softmax) for name in columns})


def _lambda(level: str | None, params: str) -> float:
    values: dict[str, Any] = json.loads(params)
    if level == "MixedLevel" and {"lambda_valid", "lambda_train"} <= values.keys():
        mixed = MixedLevel(lambda_valid=float(values["lambda_valid"]), lambda_train=float(values["lambda_train"]))
        return (official_code(mixed) if values.get("compat") == "official-code" else mixed).ratio
    return {"SingleLevel": 0.0, "Bilevel": math.inf}.get(str(level), math.nan)


def _softmax(rows: Any) -> Any:
    """Return the softmax of (edges, candidates) architecture parameters; what is missing stays so."""
    if not hasattr(rows, "__len__"):
        return rows
    alphas = np.vstack(list(rows)).astype(np.float64)
    mass = np.exp(alphas - alphas.max(axis=-1, keepdims=True))
    return list(mass / mass.sum(axis=-1, keepdims=True))
