"""Supernets: relaxations, steps, samplers and selections, and the one loop that a method puts them together in."""
