"""Functions that take turns."""

import threading
import time

import pytest

from harness.system.turns import take_turns


def kind(question):
    return type(question)


def asking(*questions):
    """A function that asks these, one after the other, and returns the answers."""
    return lambda turn: [turn.ask(question) for question in questions]


class Doubling:
    """Doubles what it is asked, and remembers what was asked together."""

    def __init__(self):
        self.batches = []

    def __call__(self, questions):
        self.batches.append(list(questions))
        return [2 * question for question in questions]


def test_everyone_has_its_own_answers_and_those_of_one_kind_are_found_together():
    double = Doubling()
    results = take_turns([asking(1, 2, 3), asking(10, 20), asking("a", 100)], double, kind)
    assert results == [[2, 4, 6], [20, 40], ["aa", 200]]
    assert double.batches == [[1, 10], [2, 20], [3], ["a"], [100]]


def test_functions_may_ask_nothing_and_there_may_be_none():
    assert take_turns([asking(), asking(1)], Doubling(), kind) == [[], [2]]
    assert take_turns([], Doubling(), kind) == []


def test_only_one_runs_at_any_moment():
    running, most = [], []

    def function(turn):
        for _ in range(3):
            running.append(turn)
            most.append(len(running))
            time.sleep(0.002)
            running.remove(turn)
            turn.ask(1)

    take_turns([function] * 4, Doubling(), kind)
    assert max(most) == 1


def test_one_that_raises_gives_up_the_others():
    ended = []

    def waiting(turn):
        try:
            turn.ask(1)
        finally:
            ended.append(turn)

    def failing(turn):
        raise ValueError("mine")

    before = threading.active_count()
    with pytest.raises(ValueError, match="mine"):
        take_turns([waiting, waiting, failing, waiting], Doubling(), kind)
    assert len(ended) == 2  # the last one never began
    assert threading.active_count() == before


def test_what_cannot_be_answered_is_raised_in_those_that_have_asked_and_they_may_go_on():
    def careful(turn):
        try:
            return turn.ask("bad")
        except ZeroDivisionError:
            return turn.ask(1)

    def answer(questions):
        return [1 / 0 if question == "bad" else 2 * question for question in questions]

    assert take_turns([careful, asking(5), careful], answer, kind) == [2, [10], 2]


def test_times_are_its_own_and_its_share_of_what_is_found_together():
    def function(turn):
        started = turn.times()
        time.sleep(0.02)
        turn.ask(1)
        return (turn.times() - started).wall

    def answer(questions):
        time.sleep(0.06)
        return questions

    taken = take_turns([function, function, function], answer, kind)
    # 20 ms of its own and a third of 60; all three would be 120 ms.
    assert all(0.035 < seconds < 0.1 for seconds in taken)
