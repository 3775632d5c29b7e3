"""Search spaces: what an architecture is, how it is written, and which encodings are the same computation."""
