"""Linear algebra with one thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let NumPy's and SciPy's linear algebra use one thread: how a product is shared out decides its last bits."""
    with _controller().limit(limits=1, user_api="blas"):
        yield


@lru_cache(maxsize=1)  # looking through the libraries of the process takes longer than a small fit
def _controller() -> ThreadpoolController:
    import scipy.linalg  # noqa: F401  (has a library of its own, which must be there to be found)
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
