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
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

BLOCK = 256  # uniforms drawn at a time; the sequence does not depend on it


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
    seed
        Seed of the cell.
    """

    def __init__(self, benchmark: str, seed: int) -> None:
        self.benchmark = benchmark
        self.seed = seed

    def generator(self, name: str) -> np.random.Generator:
        """A NumPy generator at the start of the stream called `name`."""
        return generator("search", self.benchmark, self.seed, name)

    def uniforms(self, name: str) -> Iterator[float]:
        """Endless uniform numbers in [0, 1) of the stream called `name`: the fast way to draw one at a time."""
        rng = self.generator(name)
        while True:
            yield from rng.random(BLOCK).tolist()


class LockstepUniforms:
    """The uniform streams of many seeds, read side by side: each seed's numbers are those of `Streams.uniforms`.

    Parameters
    ----------
    benchmark, seeds, name
        As in `Streams`; row s of what is taken belongs to ``seeds[s]``.
    """

    def __init__(self, benchmark: str, seeds: Sequence[int], name: str) -> None:
        self._generators = [generator("search", benchmark, seed, name) for seed in seeds]
        self._buffer: NDArray[np.float64] = np.empty((len(seeds), 0))
        self._every = np.arange(len(seeds))
        self._next: NDArray[np.intp] = np.zeros(len(seeds), dtype=np.intp)  # each seed's place in its row
        self._reach = 0  # upper bound on the places in _next

    def take(self, count: int) -> NDArray[np.float64]:
        """Next `count` uniforms of every seed: (seeds, count)."""
        self._reserve(count)
        places = self._next[:, None] + np.arange(count)
        self._next += count
        return self._buffer[self._every[:, None], places]

    def take_for(self, which: NDArray[np.intp], count: int) -> NDArray[np.float64]:
        """Next `count` uniforms of the seeds at the (distinct) positions `which`: (len(which), count)."""
        self._reserve(count)
        places = self._next[which][:, None] + np.arange(count)
        self._next[which] += count
        return self._buffer[which[:, None], places]

    def _reserve(self, count: int) -> None:
        self._reach += count
        if self._reach <= self._buffer.shape[1]:
            return
        self._reach = int(self._next.max()) + count
        if self._reach <= self._buffer.shape[1]:
            return
        # What every seed has passed is dropped, so that a long search holds a short buffer.
        passed = int(self._next.min())
        self._next -= passed
        self._reach -= passed
        kept = self._buffer[:, passed:]
        size = -(-(self._reach - kept.shape[1]) // BLOCK) * BLOCK
        fresh = [rng.random(size) for rng in self._generators]
        self._buffer = np.concatenate([kept, fresh], axis=1)
