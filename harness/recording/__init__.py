"""Recorded tables: every architecture of a space trained by one recipe, and the benchmark that this makes."""
