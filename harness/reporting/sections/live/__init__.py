"""Searches on supernets: derived cells, supernets over epochs, and what the searches cost."""

from harness.reporting.sections.live.cells import derived_cells
from harness.reporting.sections.live.cost import live_cost
from harness.reporting.sections.live.protocol import protocol_ladder
from harness.reporting.sections.live.recipes import chosen_recipes
from harness.reporting.sections.live.supernets import supernets

__all__ = ["chosen_recipes", "derived_cells", "live_cost", "protocol_ladder", "supernets"]
