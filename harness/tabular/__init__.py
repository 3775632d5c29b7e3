"""Tabular benchmarks: the table itself, where converted ones are kept, and the adapters of published formats."""
