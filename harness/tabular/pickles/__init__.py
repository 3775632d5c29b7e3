"""Reading pickles that others published, without letting them run code.

Every global that a pickle asks for is looked up in a short list; what is not on it is refused by name. What is on it is not
the real thing either, but a stand-in that takes plain numbers only: so neither a changed data type nor a second call of
`BUILD` on something shared can do harm. Sizes are bounded: that of the stream once decompressed, and, where the system can,
the memory that one file may take.
"""

from harness.tabular.pickles.allowed import Record, Refused
from harness.tabular.pickles.bounds import bounded, open_bounded
from harness.tabular.pickles.items import LARGEST_STREAM, load_items
from harness.tabular.pickles.reading import LARGEST_FILE, load, read_pickle, refusals

__all__ = [
    "LARGEST_FILE",
    "LARGEST_STREAM",
    "Record",
    "Refused",
    "bounded",
    "load",
    "load_items",
    "open_bounded",
    "read_pickle",
    "refusals",
]
