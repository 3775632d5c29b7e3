"""What searches on supernets cost."""

from __future__ import annotations

from harness.reporting.formats import dataset, integer, method, number, text
from harness.reporting.frames.live import COST_COLUMNS, costs
from harness.reporting.model import Section, TableBlock
from harness.reporting.run import Run


def live_cost(run: Run) -> Section | None:
    """Return what the searches cost in counts; None without a live benchmark."""
    if not run.family.has_supernets:
        return None
    scored = number("untrained", "scored untrained", 1, help="networks that were scored without any training")
    untrained = [scored] if run.of(costs)["untrained"].notna().any() else []
    table = TableBlock(
        "search_cost",
        "What the searches cost, and what they found costs: means over seeds.",
        run.of(costs),
        [
            dataset(run),
            method(run),
            integer("n", "seeds"),
            text("level", "level"),
            text("order", "order"),
            text("update", "updates"),
            number("lambda", "λ", 2, help="factor of the validation loss over that of the training loss"),
            text("relaxation", "relaxation"),
            text("selection", "selection"),
            number("epochs", "epochs", 1, help="epochs of the supernet"),
            number("steps", "steps", 1),
            number("passes_a_step", "passes a step", 2, help="forward and backward passes of a search step"),
            number("passes", "passes", 1),
            number("trained", "trained alone", 1, help="architectures trained on their own during the search"),
            *untrained,
            number("params", "weights", 0, help="of the recommended architectures, at the size of the evaluation"),
            number("flops", "operations", 0, help="floating point operations of an image: twice the multiply-adds"),
        ],
        csv=COST_COLUMNS,
        note="Budgets are epochs, and an epoch of a supernet costs more the more passes its steps take: equal budgets here are "
        "equal numbers of epochs, not equal times. Not counted are the forward passes by which random search with weight "
        "sharing measures its candidates, and the training from scratch of what is recommended. Seconds, which differ from run "
        "to run, are in tables/timings.csv alone.",
    )
    return Section("search-cost", "Cost of the searches", [table])
