"""Suites: files that say what is compared, and the cells that they resolve to."""
