"""A made-up table with a known optimum: for tests and documentation, never in a report by default."""

from __future__ import annotations

import numpy as np

from harness.spaces.base import CategoricalSpace
from harness.streams import generator
from harness.tabular.table import Table

NAME = "synthetic/ridge"


def convert(variables: int = 5, choices: int = 4, noise: float = 0.5, epochs: int = 27) -> Table:
    """A smooth ridge: the score falls with the distance of every variable from its best choice.

    Parameters
    ----------
    variables, choices
        Size of the space: ``choices ** variables`` architectures.
    noise
        Standard deviation of what validation and test have each of their own, in percent points.
    epochs
        Of a whole training. Scores rise, losses fall and seconds add up to what the columns say, as fast for all.

    Returns
    -------
    Table
        Row 0's opposite is the optimum: without noise, the architecture whose every choice is the last one scores 95.
    """
    space = CategoricalSpace("synthetic", {f"x{i}": [str(j) for j in range(choices)] for i in range(variables)})
    codes = space.codes(np.arange(space.size))
    distance = (choices - 1 - codes) / (choices - 1)
    importance = 1.0 / np.arange(1, variables + 1)
    truth = 95.0 - 20.0 * (distance**2 @ importance) / importance.sum()
    rng = generator("synthetic", NAME, variables, choices)
    columns = {
        "valid": truth + noise * rng.standard_normal(space.size),
        "test": truth + noise * rng.standard_normal(space.size),
        "train_loss": 0.02 * (95.0 - truth) + 0.1 * rng.random(space.size),
        "valid_loss": 0.03 * (95.0 - truth) + 0.1 * rng.random(space.size),
        "cost": 10.0 + 5.0 * (1.0 - distance.mean(axis=1)),
    }
    left = np.linspace(1.0, 0.0, epochs + 1)[1:]  # share of the training that is still to come after each epoch
    # What an early score is off by, beside the common rise: less and less, and nothing in the end.
    early = 2.0 * noise * rng.standard_normal((space.size, epochs)) * left
    return Table(
        name=NAME,
        dataset="ridge",
        space=space,
        rows=np.arange(space.size, dtype=np.int32),
        codes=codes.astype(np.int16),
        columns=columns,
        curves={
            "valid": columns["valid"][:, None] - 30.0 * left**2 + early,
            "train_loss": columns["train_loss"][:, None] + 2.0 * left**2,
            "valid_loss": columns["valid_loss"][:, None] + 2.0 * left**2,
            "cost": columns["cost"][:, None] * (1.0 - left),
        },
        fidelity={"valid": "made up", "test": "made up"},
        source={"citation": "made up by this project", "licence": "MIT"},
        caveats=("This table is made up: it says nothing about any data set.",),
    )
