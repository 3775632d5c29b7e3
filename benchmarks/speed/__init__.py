"""Timings: ``tox run -e speed`` prints what each part costs beside a peer in the same run."""
