"""Searches on supernets."""

from __future__ import annotations

from collections.abc import Iterator

from harness.reporting.formats import joined
from harness.reporting.frames.live import flatness, update_orders
from harness.reporting.run import Run

FLAT = 0.98  # of the entropy of equal weights, beyond which α is worth a word


def mixed_update_orders(run: Run) -> Iterator[str]:
    """Methods that differ in the order of updates too, where only their level should."""
    orders = update_orders(run) if run.family.has_supernets else {}
    if len(orders) > 1:
        listed = "; ".join(f"{order}: {joined(methods)}" for order, methods in orders.items())
        yield (
            f"The suite mixes orders of updates of weights and architecture parameters ({listed}): a difference between two of "
            "these methods may be one of the order and not of the level."
        )


def partial_channels(run: Run) -> Iterator[str]:
    """What `none` means where channels pass by the candidates."""
    named = [entrant.name for entrant in run.entrants if entrant.method.name == "pc-darts"]
    if named and run.family.has_supernets:
        yield (
            f"In the supernet of {joined(named)} all but one K-th of the channels pass by the candidates: an edge whose "
            "operation is none still passes them on, and no path of it is a network that is trained alone. What its shared "
            "weights say of architectures with none, and its rank agreement, are of another network."
        )


def flat_alphas(run: Run) -> Iterator[str]:
    """Architecture parameters that hardly left the point where all candidates weigh the same."""
    for benchmark, rows in run.of(flatness).groupby("benchmark", sort=False):
        flat = rows[rows["share"] > FLAT]
        if len(flat):
            ends = dict.fromkeys(f"{100 * end:.2f}" for end in (flat["share"].min(), flat["share"].max()))
            whose = joined(flat["method"]) if len(flat) < len(rows) else "all methods that have one"
            yield (
                f"{run.titles[str(benchmark)]}: after the last epoch the entropy of α is still {' to '.join(ends)} % of that of "
                f"equal weights ({whose}). What is derived there hangs on small differences between candidates: "
                "a longer search or a greater rate of α may derive something else."
            )
