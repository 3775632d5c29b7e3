"""What was chosen of recipes."""

from __future__ import annotations

from harness.reporting.formats import dataset, integer, number, text
from harness.reporting.frames.recipes import RECIPE_COLUMNS, recipes
from harness.reporting.model import Section, TableBlock
from harness.reporting.run import Run


def chosen_recipes(run: Run) -> Section | None:
    """Return the recipes that searches chose; None where none chose any."""
    frame = run.of(recipes)
    if not len(frame):
        return None
    table = TableBlock(
        "recipes",
        "Recipes that were chosen with the architectures, the commonest of a method first.",
        frame,
        [
            dataset(run),
            text("method", "method"),
            number("learning_rate", "learning rate", 4),
            number("weight_decay", "weight decay", 5),
            integer("epochs", "epochs", help="of the final training"),
            integer("seeds", "seeds"),
            number("valid", "validation, %", help="after the last epoch, mean over these seeds"),
            number("test", "test, %"),
        ],
        csv=RECIPE_COLUMNS,
        note="Other methods train by the one recipe of the suite. No choice has more epochs than that.",
    )
    return Section("recipes", "Recipes", [table])
