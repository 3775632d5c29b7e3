"""Functions that take turns: one runs until it asks for something that is better found for several at once.

They are threads, of which only one runs at any moment, so that each is written, and fails, as if it were alone. What one does
never depends on what the others do.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Generic, TypeVar

Q = TypeVar("Q")  # questions
A = TypeVar("A")  # answers
T = TypeVar("T")  # results

PATIENCE_S = 10  # for a function that is to end, where the others were given up


@dataclass(frozen=True)
class Times:
    """Seconds by the clock, and of the processor."""

    wall: float = 0.0
    processor: float = 0.0

    @classmethod
    def now(cls) -> Times:
        """Those since an arbitrary moment."""
        return cls(time.perf_counter(), time.process_time())

    def __add__(self, other: Times) -> Times:
        return Times(self.wall + other.wall, self.processor + other.processor)

    def __sub__(self, other: Times) -> Times:
        return Times(self.wall - other.wall, self.processor - other.processor)

    def __truediv__(self, number: int) -> Times:
        return Times(self.wall / number, self.processor / number)


class Abandoned(BaseException):
    """Ends a function whose answer will never come."""


class Turn(Generic[Q, A]):
    """What a function is called with: it asks here, and reads its times."""

    def __init__(self) -> None:
        self._answers: SimpleQueue[A | BaseException] = SimpleQueue()
        self._questions: SimpleQueue[Q | None] = SimpleQueue()
        self._spent, self._since = Times(), Times.now()

    def ask(self, question: Q) -> A:
        """The answer, after the others have had their turns."""
        self._questions.put(question)
        answer = self._answers.get()
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def times(self) -> Times:
        """Times that the function has run, and its shares of those that finding its answers has taken."""
        return self._spent + (Times.now() - self._since)


class _Function(Turn[Q, A], Generic[Q, A, T]):
    """A function at work.

    Attributes
    ----------
    question
        What it waits for; None once it has ended.
    results, error
        What it has returned, in a list, or raised.
    """

    def __init__(self, function: Callable[[Turn[Q, A]], T]) -> None:
        super().__init__()
        self.question: Q | None = None
        self.results: list[T] = []
        self.error: BaseException | None = None
        self._function = function
        self._thread = threading.Thread(target=self._work, daemon=True)

    def _work(self) -> None:
        try:
            self.results.append(self._function(self))
        except BaseException as error:  # raised again where the turns are taken
            self.error = error
        self._questions.put(None)

    def begin(self) -> None:
        """Run up to the first question."""
        self._since = Times.now()
        self._thread.start()
        self._wait()

    def go_on(self, answer: A | BaseException, share: Times) -> None:
        """Run up to the next question, with the answer to the last one and its share of what that has cost."""
        self._spent += share
        self._since = Times.now()
        self._answers.put(answer)
        self._wait()

    def _wait(self) -> None:
        self.question = self._questions.get()
        self._spent += Times.now() - self._since
        if self.error is not None:
            raise self.error

    def abandon(self) -> None:
        """End it at its next question, if it has not ended."""
        self._answers.put(Abandoned())
        if self._thread.is_alive():
            self._thread.join(PATIENCE_S)


def take_turns(
    functions: Sequence[Callable[[Turn[Q, A]], T]],
    answer: Callable[[Sequence[Q]], Sequence[A]],
    kind: Callable[[Q], Hashable],
) -> list[T]:
    """Run functions to their ends.

    Parameters
    ----------
    functions
        Called with their turns.
    answer
        Answers questions of one kind, in order. What it raises, it raises in all that have asked.
    kind
        Of a question; those of another kind than the first wait.

    Returns
    -------
    list
        What the functions return. If one raises, the others are given up.
    """
    working = [_Function[Q, A, T](function) for function in functions]
    try:
        for function in working:
            function.begin()
        while waiting := [(function, function.question) for function in working if function.question is not None]:
            together = [(one, asked) for one, asked in waiting if kind(asked) == kind(waiting[0][1])]
            started = Times.now()
            answers: Sequence[A | BaseException]
            try:
                answers = answer([asked for _, asked in together])
            except Exception as error:  # theirs, as if each had found it out by itself
                answers = [error] * len(together)
            share = (Times.now() - started) / len(together)
            for (one, _), found in zip(together, answers, strict=True):
                one.go_on(found, share)
    finally:
        for function in working:
            function.abandon()
    return [result for function in working for result in function.results]
