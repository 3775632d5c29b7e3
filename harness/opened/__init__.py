"""A kept run as one object: its records, the frames and figures of its report, LaTeX, and the answer in words."""
