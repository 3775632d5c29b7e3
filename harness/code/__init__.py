"""What code computes a search: the modules that it imports, their syntax trees, and one digest of them."""
