"""Named random streams: chance depends on what a draw is for, never on a method, an order or a job count.

A stream is a `numpy.random.SeedSequence` over the SHA-256 of the things that it may depend on:

==========  ===========================================
stream      depends on
==========  ===========================================
``split``   data set, seed
``init``    space, network, seed
``batches`` data set, split, seed
``search``  benchmark, seed, the stream's own name
==========  ===========================================

So two methods that start alike start identically, and pairing results by seed is real.
"""

from __future__ import annotations

import hashlib
import json
import random
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

# Uniforms drawn at a time, at least and at most; the sequence does not depend on them.
BLOCK, LARGEST_BLOCK = 256, 8192


def named_seed(*parts: str | int) -> int:
    """128-bit seed of a stream: the head of the SHA-256 of its parts, written as a JSON list."""
    return int.from_bytes(hashlib.sha256(json.dumps(parts).encode()).digest()[:16], "little")


def generator(*parts: str | int) -> np.random.Generator:
    """NumPy generator of the stream that `parts` name."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(named_seed(*parts))))


class Streams:
    """The search streams of one cell; a method names the ones it wants.

    By convention ``"sample"`` is used for draws from the space (so that every method meets the same first architectures) and
    ``"move"`` for the choices of the search itself.

    Parameters
    ----------
    benchmark
        Name of the benchmark.
    cell_seed
        Seed of the cell.
    """

    def __init__(self, benchmark: str, cell_seed: int) -> None:
        self.benchmark = benchmark
        self.cell_seed = cell_seed

    def generator(self, name: str) -> np.random.Generator:
        """A NumPy generator at the start of the stream called `name`."""
        return generator("search", self.benchmark, self.cell_seed, name)

    def uniforms(self, name: str) -> Iterator[float]:
        """Endless uniform numbers in [0, 1) of the stream called `name`: the fast way to draw one at a time."""
        rng = self.generator(name)
        while True:
            yield from rng.random(BLOCK).tolist()

    def seed(self, name: str, *parts: str | int) -> int:
        """A seed in [0, 2^32) for a library that takes nothing better, of the stream called `name`.

        Parameters
        ----------
        name
            Name of the stream.
        *parts
            What else the seed belongs to, e.g. the number of a fit: each has a seed of its own.
        """
        return named_seed("search", self.benchmark, self.cell_seed, name, *parts) % 2**32

    def random_state(self, name: str, *parts: str | int) -> np.random.RandomState:
        """A generator of NumPy's old kind, as scikit-learn takes it, seeded by `seed` of the same."""
        return np.random.RandomState(self.seed(name, *parts))

    @contextmanager
    def global_state(self, name: str, *parts: str | int) -> Iterator[None]:
        """Lend a library the global random states, seeded by `seed` of the same, and put them back as they were.

        For libraries that draw from Python's, NumPy's or (where it is imported already) torch's own state and let nobody say
        otherwise. They are of the whole process: not for the back end ``threading``.
        """
        seed, torch = self.seed(name, *parts), sys.modules.get("torch")
        of_python, of_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
        of_torch = torch.get_rng_state() if torch else None
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        if torch:
            torch.default_generator.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(of_python)
            np.random.set_state(of_numpy)  # noqa: NPY002
            if torch:
                torch.set_rng_state(of_torch)


class LockstepUniforms:
    """The uniform streams of many seeds, read side by side: each seed's numbers are those of `Streams.uniforms`.

    Parameters
    ----------
    benchmark, seeds, name
        As in `Streams`; row s of what is taken belongs to ``seeds[s]``.
    ahead
        How many numbers a seed will want, about: so many are drawn at a time. The numbers do not depend on it.
    """

    def __init__(self, benchmark: str, seeds: Sequence[int], name: str, ahead: int = BLOCK) -> None:
        self._generators = [generator("search", benchmark, seed, name) for seed in seeds]
        self._block = min(max(1, ahead), LARGEST_BLOCK)
        self._buffer: NDArray[np.float64] = np.empty((len(seeds), 0))
        self._every = np.arange(len(seeds))
        self._next: NDArray[np.intp] = np.zeros(len(seeds), dtype=np.intp)  # each seed's place in its row
        self._apart = False  # whether these places may differ

    def take(self, count: int) -> NDArray[np.float64]:
        """Next `count` uniforms of every seed: (seeds, count)."""
        if self._apart:
            return self.take_for(self._every, count)
        start = int(self._next[0])
        if start + count > self._buffer.shape[1]:
            self._draw(count)
            start = 0
        self._next += count
        return self._buffer[:, start : start + count]

    def take_for(self, which: NDArray[np.intp], count: int) -> NDArray[np.float64]:
        """Next `count` uniforms of the seeds at the (distinct) positions `which`: (len(which), count)."""
        self._apart = True
        if len(which) and int(self._next[which].max()) + count > self._buffer.shape[1]:
            self._draw(count)
        places = self._next[which][:, None] + np.arange(count)
        self._next[which] += count
        return self._buffer[which[:, None], places]

    def _draw(self, count: int) -> None:
        """Drop what every seed has passed, and draw at least `count` more."""
        passed = int(self._next.min())
        self._next -= passed
        kept = self._buffer.shape[1] - passed
        buffer = np.empty((len(self._generators), kept + max(self._block, count)))
        buffer[:, :kept] = self._buffer[:, passed:]
        for row, rng in zip(buffer, self._generators, strict=True):
            rng.random(out=row[kept:])
        self._buffer = buffer
