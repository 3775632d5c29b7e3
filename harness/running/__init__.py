"""Runs: cells, records, planning, and what is kept of earlier runs."""
