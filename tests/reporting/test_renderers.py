"""Every format says the same, and what users typed stays text in each."""

from __future__ import annotations

import math
import re
import shutil
import subprocess
from pathlib import Path

import markupsafe
import pandas as pd
import pytest

from harness.reporting import formats, latex, markdown
from harness.reporting.build import make_document
from harness.reporting.families.live import Live
from harness.reporting.html import render_html
from harness.reporting.latex import render_latex
from harness.reporting.markdown import render_markdown
from harness.reporting.model import Claim, Document, Prose, Section, TableBlock
from harness.reporting.run import Run, load_run

from .conftest import EVOLUTION, Make

NASTY = "<script>alert('x')</script> & 100 % $x_1$ \\ {a} #b ~ ^ | `c` *d* [e](f)"


@pytest.fixture
def nasty() -> Document:
    frame = pd.DataFrame({"name": [NASTY, "[b", "*c"], "value": [1.5, -2.0, math.nan]})
    columns = [formats.text("name", NASTY), formats.number("value", "value")]
    table = TableBlock("nasty_table", NASTY, frame, columns, note=NASTY)
    section = Section("one", NASTY, [table, Prose([NASTY]), Prose([NASTY], listed=True)])
    return Document(NASTY, NASTY, NASTY, [Claim(NASTY, NASTY)], [NASTY], [section])


def test_html_escapes_all_that_it_is_given(nasty: Document) -> None:
    page = render_html(nasty, {})
    assert page.count("<script>") == page.count("</script>") == 1  # the page's own
    assert page.count("&lt;script&gt;alert(") == 16


def test_markdown_escapes_all_that_it_is_given(nasty: Document) -> None:
    text = render_markdown(nasty)
    assert "<script" not in text.replace("\\<script", "")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert [len(re.findall(r"(?<!\\)\|", row)) for row in rows] == [3] * 5


def test_latex_escapes_all_that_it_is_given(nasty: Document) -> None:
    text = render_latex(nasty.tables()[0])
    assert r"100 \% \$x\_1\$ \textbackslash{} \{a\} \#b" in text
    assert "\n{}[b & $-$2.00" in text
    assert "\n{}{}" not in text


@pytest.fixture(scope="module")
def document(small_run: Run) -> Document:
    return make_document(small_run)


def test_all_formats_show_the_same_cells(document: Document) -> None:
    page, text = page_of(document), render_markdown(document)
    for table in document.tables():
        tex = render_latex(table)
        for row in table.rows():
            for column in table.columns:
                cell = column.show(row)
                assert str(markupsafe.escape(cell)) in page
                assert markdown.escape(cell) in text
                assert latex.escape(cell) in tex


def page_of(document: Document) -> str:
    return render_html(document, {figure.name: {"svg": b""} for figure in document.figures()})


def test_names_of_tables_and_anchors_are_unique(document: Document) -> None:
    names = [table.name for table in document.tables()]
    assert len(set(names)) == len(names)
    page = page_of(document)
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(set(ids)) == len(ids)
    links = set(re.findall(r'href="#([^"]+)"', page))
    assert links <= set(ids)
    assert any(link.startswith("cells-") for link in links)


def test_the_page_names_no_address(document: Document) -> None:
    page = page_of(document)
    assert not re.search(r"https?://|//cdn|@import|url\(", page)


def test_latex_compiles(make_run: Make, tmp_path: Path, nasty: Document) -> None:
    program = next(filter(None, map(shutil.which, ("tectonic", "xelatex", "pdflatex"))), None)
    if program is None:
        pytest.skip("no tectonic, xelatex or pdflatex on this machine")
    methods = [{"name": "random"}, EVOLUTION | {"label": "évolution_1 & [2] 50%"}, {"name": "raises"}]
    run = load_run(make_run(methods=methods, budgets={"evaluations": [5, 10]}))
    tables = [render_latex(table) for table in [*make_document(run).tables(), *nasty.tables()]]
    source = [
        r"\documentclass{article}\usepackage[T1]{fontenc}\usepackage{booktabs,longtable}\usepackage[landscape]{geometry}",
        r"\begin{document}",
        *(f"{table}\\clearpage" for table in tables),
        r"\end{document}",
    ]
    (tmp_path / "paper.tex").write_text("\n".join(source), encoding="utf-8")
    options = [] if "tectonic" in program else ["-interaction=nonstopmode", "-halt-on-error"]
    done = subprocess.run([program, *options, "paper.tex"], cwd=tmp_path, capture_output=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]
    assert (tmp_path / "paper.pdf").stat().st_size > 10_000


def test_greek_letters_of_columns_need_no_package() -> None:
    columns = [formats.number("lambda", "λ"), formats.text("entropy", "entropy of α")]
    table = TableBlock("greek", "By λ", pd.DataFrame({"lambda": [0.1], "entropy": ["∞"]}), columns)
    text = render_latex(table)
    assert text.isascii()
    assert r"\caption{By $\lambda$}" in text
    assert r"$\lambda$ & entropy of $\alpha$ \\" in text
    assert r"0.10 & $\infty$ \\" in text


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (formats.signed(1.234), "+1.23"),
        (formats.signed(-0.004), "0.00"),
        (formats.signed(-1.5), "−1.50"),
        (formats.p_text(3.2e-14), "<1e−12"),
        (formats.p_text(0.00032), "3.2e−04"),
        (formats.p_text(0.0123), "0.012"),
        (formats.p_text(0.5), "0.50"),
        (formats.score_text(0.8078, "fraction"), "80.78\u00a0%"),
        (formats.score_text(80.78, "percent", bare=True), "80.78"),
        (formats.score_text(0.123456, "loss"), "0.1235"),
        (formats.ranges([3, 1, 2, 7]), "1-3, 7"),
        (formats.joined(["a", "b", "c"]), "a, b and c"),
        (formats.plural(1, "search", "searches"), "1 search"),
        (formats.plural(1200, "seed"), "1,200 seeds"),
    ],
)
def test_how_numbers_are_written(shown: str, text: str) -> None:
    assert shown == text


def test_random_search_is_simulated_on_tables_only(small_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert formats.method_text(small_run, "random", True) == "random (simulated)"
    assert formats.method_text(small_run, "local-search", False) == "local-search"
    monkeypatch.setattr(Run, "family", Live())
    assert formats.method_text(small_run, "random", True) == "random"
