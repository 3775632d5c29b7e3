"""Whether wide and shallow cells converge faster (Shu et al., ICLR 2020), on curves that others published."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from harness.errors import HarnessError
from harness.spaces.darts import CONCAT, INPUTS, Gene, Genotype
from harness.statistics import cell_depth, cell_width, trait_agreement
from harness.statistics._validate import FloatArray
from harness.system.folders import find

EPOCHS = (25, 50, 100, 600)


def wide_shallow(
    genotypes: Path,
    curves: Path,
    rng: np.random.Generator,
    epochs: Sequence[int] = EPOCHS,
    window: int = 20,
    n_bootstrap: int = 1000,
) -> pd.DataFrame:
    """Return how the accuracy at an epoch goes with width, depth and operations of the normal cell (Shu et al., ICLR 2020).

    Parameters
    ----------
    genotypes
        JSON file: a list of genotypes of the DARTS space, as texts or as objects with a text ``genotype``. Looked for here,
        then in the folder ``$NAS_HARNESS_DATA``, as is `curves`.
    curves
        NPZ file with one array (architectures, epochs) of accuracies, in the order of the genotypes.
    rng, n_bootstrap
        Source and number of resamples of architectures.
    epochs, window
        Epochs to look at, counted from 1; the accuracy is the mean of the last `window` up to each.

    Returns
    -------
    DataFrame
        ``epoch, trait, tau, low, high``: Kendall's tau-b with ``width, depth, skips`` and ``convolutions``.
    """
    cells = [(f"{genotypes}, genotype {place}", text) for place, text in enumerate(_genotypes(genotypes), start=1)]
    traits = pd.DataFrame([_traits(where, text) for where, text in cells])
    return trait_agreement(_curves(curves), traits, epochs, rng, window, n_bootstrap=n_bootstrap)


def _traits(where: str, text: str) -> dict[str, float]:
    """Return the traits of a genotype's normal cell."""
    try:
        genotype = Genotype.parse(text)
    except HarnessError as error:
        raise HarnessError(f"{where}: {error}") from error
    if set(genotype.normal_concat) != set(CONCAT):
        raise HarnessError(f"{where}: the cell's output leaves out a node; width and depth are of cells that take all")
    genes: Sequence[Gene] = genotype.normal
    cell = [[source for _, source in genes[place : place + INPUTS]] for place in range(0, len(genes), INPUTS)]
    operations = [operation for operation, _ in genes]
    return {
        "width": cell_width(cell),
        "depth": cell_depth(cell),
        "skips": operations.count("skip_connect"),
        "convolutions": sum("conv" in operation for operation in operations),
    }


def _genotypes(path: Path) -> list[str]:
    try:
        document = json.loads(find(str(path)).read_text(encoding="utf-8"))
    except ValueError as error:
        raise HarnessError(f"{path}: is no JSON: {error}") from error
    listed = document if isinstance(document, list) else []
    texts = [one.get("genotype") if isinstance(one, dict) else one for one in listed]
    found = [text for text in texts if isinstance(text, str)]
    if not found or len(found) < len(texts):
        raise HarnessError(f'{path}: wanted a list of genotypes, as texts or as objects with a text "genotype"')
    return found


def _curves(path: Path) -> FloatArray:
    try:
        with np.load(find(str(path)), allow_pickle=False) as arrays:
            matrices = {name: arrays[name] for name in arrays.files if arrays[name].ndim == 2}
    except (OSError, ValueError, EOFError, TypeError, BadZipFile) as error:
        raise HarnessError(f"{path}: cannot be read as NPZ: {error}") from error
    if len(matrices) != 1:
        raise HarnessError(f"{path}: wanted one array (architectures, epochs), found {len(matrices)} of two dimensions")
    return np.asarray(next(iter(matrices.values())), dtype=np.float64)
