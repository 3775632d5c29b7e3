"""Training one architecture from scratch: networks, data, the loop, groups of seeds."""
