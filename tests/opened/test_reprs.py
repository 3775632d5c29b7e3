"""What a prompt and a notebook show of benchmarks, suites and texts."""

from __future__ import annotations

from html.parser import HTMLParser

import harness
from harness.opened.texts import Lines, Names
from harness.suites.reading import make_suite
from harness.system.texts import facts_html


class Tags(HTMLParser):
    """Collects the tags that are open, and the texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def shown(text: str) -> list[str]:
    """Texts of well-formed HTML."""
    tags = Tags(text)
    assert tags.open == []
    return tags.texts


def test_a_table() -> None:
    table = harness.load_benchmark("nasbench-graph/cora")
    assert repr(table) == "<Table 'nasbench-graph/cora': 26,206 rows over nasbench-graph; accuracy in fraction>"
    texts = shown(table._repr_html_())
    assert texts[:3] == ["nasbench-graph/cora", "about", "table of 26,206 rows"]
    assert texts[texts.index("data set") + 1] == "cora"


def test_live_benchmarks() -> None:
    for name, kind in (("live/darts-digits", "LiveBenchmark"), ("one-shot/digits201", "OneShotBenchmark")):
        benchmark = harness.load_benchmark(name)
        assert repr(benchmark) == f"<{kind} {name!r}>"
        assert shown(benchmark._repr_html_())[0] == name


def test_a_suite() -> None:
    suite = make_suite(
        {
            "name": "mine",
            "seeds": "0:3",
            "benchmarks": ["nasbench-graph/*"],
            "budgets": {"evaluations": [10, 2000]},
            "methods": [{"name": "random", "label": "a < b"}],
        }
    )
    assert repr(suite) == "<Suite 'mine': 1 method × 9 benchmarks × 3 seeds at 10, 2,000 evaluations>"
    assert "a < b" in shown(suite._repr_html_())


def test_texts_line_by_line() -> None:
    assert str(Lines(["one", "two"])) == repr(Lines(["one", "two"])) == "one\ntwo"
    assert shown(Lines(["1 < 2"])._repr_html_()) == ["1 < 2"]
    names = Names({"a": "first", "long": "second & last"})
    assert repr(names) == "a     first\nlong  second & last"
    assert shown(names._repr_html_()) == ["a", "first", "long", "second & last"]
    assert shown(facts_html("t", {"none": "", "some": "<1>"})) == ["t", "some", "<1>"]
