"""The page in a real browser: nothing from the network, no error, tables that sort, nothing wider than a phone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.reporting import build_report

from . import browser
from .conftest import EVOLUTION, Make

LABEL = "<img src=x onerror=alert(1)> with a label as long as anybody would ever make one, and then some"


@pytest.fixture(scope="module")
def chromium() -> Iterator[browser.Browser]:
    program = browser.find()
    if program is None:
        pytest.skip(f"no browser on this machine ({', '.join(browser.NAMES)})")
    with browser.Browser(program) as page:
        yield page


@pytest.fixture(scope="module")
def page(make_run: Make, tmp_path_factory: pytest.TempPathFactory) -> Path:
    methods = [{"name": "random"}, EVOLUTION, {"name": "raises", "label": LABEL}]
    folder = make_run(methods=methods, description=LABEL)
    return build_report(folder, tmp_path_factory.mktemp("page") / "report", formats=("html",)).folder / "index.html"


def test_no_error_and_no_request(chromium: browser.Browser, page: Path) -> None:
    chromium.open(page)
    events = {event.get("method"): event for event in chromium.events}
    assert not events.keys() & {"Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled"}
    asked = [e["params"]["request"]["url"] for e in chromium.events if e.get("method") == "Network.requestWillBeSent"]
    assert [url for url in asked if not url.startswith("data:")] == [page.resolve().as_uri()]
    assert "Page.javascriptDialogOpening" not in events


def test_figures_show(chromium: browser.Browser, page: Path) -> None:
    chromium.open(page)
    sizes = chromium.evaluate(
        "[...document.images].map(image => [image.complete, image.naturalWidth, image.alt.length])"
    )
    assert len(sizes) == 4
    assert all(complete and width > 300 and alt > 20 for complete, width, alt in sizes)


def test_tables_sort_by_number_and_by_text(chromium: browser.Browser, page: Path) -> None:
    chromium.open(page)
    chromium.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = true; })")
    column = """
        (place, clicks) => {
            const table = document.getElementById('table-summary');
            const head = table.tHead.rows[0].cells[place];
            for (let click = 0; click < clicks; click++) head.querySelector('button').click();
            const cells = [...table.tBodies[0].rows].map(row => row.cells[place]);
            return [head.getAttribute('aria-sort'), cells.map(cell => cell.dataset.sort ?? cell.textContent)];
        }
    """
    order, down = chromium.evaluate(f"({column})(3, 1)")
    numbers = [float(value) for value in down if value != "–"]
    assert order == "descending"
    assert numbers == sorted(numbers, reverse=True)
    assert len(numbers) == 4
    assert down[4:] == ["–", "–"]  # what has no value stays last
    order, up = chromium.evaluate(f"({column})(3, 1)")
    assert order == "ascending"
    assert [float(value) for value in up[:4]] == sorted(numbers)
    assert up[4:] == ["–", "–"]
    order, names = chromium.evaluate(f"({column})(0, 1)")
    assert order == "ascending"
    assert names == sorted(names)


@pytest.mark.parametrize("width", [320, 400, 1200])
def test_nothing_overflows(chromium: browser.Browser, page: Path, width: int) -> None:
    chromium.open(page, width)
    chromium.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = true; })")
    assert chromium.evaluate("document.documentElement.scrollWidth") == width
    outside = """
        [...document.querySelectorAll('main *, header *')]
            .filter(node => !node.closest('.scroll') && node.getBoundingClientRect().right > innerWidth + 0.5)
            .map(node => node.outerHTML.slice(0, 80))
    """
    assert chromium.evaluate(outside) == []


def test_captions_are_no_wider_than_what_shows_of_their_table(chromium: browser.Browser, page: Path) -> None:
    """Also where a scroll bar, here a margin, takes a part of the window."""
    chromium.open(page, 400)
    chromium.evaluate("document.body.style.paddingRight = '3rem'")
    clipped = """
        [...document.querySelectorAll('caption span')].filter(span => span.checkVisibility()).filter(
            span => span.getBoundingClientRect().right > span.closest('.scroll').getBoundingClientRect().right + 0.5
        ).map(span => span.textContent)
    """
    assert chromium.evaluate(clipped) == []


def test_links_lead_to_records(chromium: browser.Browser, page: Path) -> None:
    chromium.open(page)
    chromium.evaluate("document.querySelector('#table-summary tbody a').click()")
    assert chromium.evaluate("document.querySelector(location.hash).tagName") == "TR"


def test_what_is_folded_is_printed(chromium: browser.Browser, page: Path) -> None:
    chromium.open(page)
    assert not chromium.evaluate("document.getElementById('table-relative_improvement').checkVisibility()")
    chromium.call("Page.printToPDF")
    assert chromium.evaluate("document.getElementById('table-relative_improvement').checkVisibility()")
