r"""Tables as LaTeX, for ``\input`` into a paper; their first line names the packages that they need.

Letters beyond the Latin ones and those of our own columns, should a label have any, want XeLaTeX or LuaLaTeX.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator

from harness.reporting.model import LONG_TEXT, Column, TableBlock

LONG = 40  # rows from which a table may break over pages

_SPECIAL = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        **{character: f"\\{character}" for character in "&%$#_{}"},
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        '"': r"\textquotedbl{}",
        "–": "--",
        "−": "$-$",
        "\u00a0": "~",
        "±": r"$\pm$",
        "×": r"$\times$",
        "…": r"\dots{}",
        "“": "``",
        "”": "''",
        "→": r"$\rightarrow$",
        "∞": r"$\infty$",
        "α": r"$\alpha$",
        "λ": r"$\lambda$",
    }
)


def render_latex(table: TableBlock, bold: Container[tuple[int, str]] = (), bare: bool = False) -> str:
    """Return one table: a float, or a longtable where it is long.

    Parameters
    ----------
    table
        What is shown.
    bold
        Row numbers and columns of cells that are set in bold.
    bare
        The tabular alone, however long, for a float and a caption of one's own.
    """
    lines = _bare if bare else _long if len(table.frame) > LONG else _float
    return "\n".join(lines(table, bold)) + "\n"


def _bare(table: TableBlock, bold: Container[tuple[int, str]]) -> Iterator[str]:
    yield r"% needs \usepackage{booktabs}"
    yield from _tabular(table, bold)


def _float(table: TableBlock, bold: Container[tuple[int, str]]) -> Iterator[str]:
    yield r"% needs \usepackage{booktabs}"
    yield from (r"\begin{table}", r"\centering", _caption(table), *_tabular(table, bold), r"\end{table}")


def _tabular(table: TableBlock, bold: Container[tuple[int, str]]) -> Iterator[str]:
    yield rf"\begin{{tabular}}{{{_alignment(table)}}}"
    yield from (r"\toprule", _head(table), r"\midrule", *_rows(table, bold), r"\bottomrule", r"\end{tabular}")


def _long(table: TableBlock, bold: Container[tuple[int, str]]) -> Iterator[str]:
    yield r"% needs \usepackage{booktabs,longtable}"
    yield from (rf"\begin{{longtable}}{{{_alignment(table)}}}", rf"{_caption(table)} \\")
    yield from (r"\toprule", _head(table), r"\midrule", r"\endfirsthead")
    yield from (r"\toprule", _head(table), r"\midrule", r"\endhead", r"\bottomrule", r"\endfoot")
    yield from (*_rows(table, bold), r"\end{longtable}")


def _alignment(table: TableBlock) -> str:
    rows = table.rows()

    def letter(column: Column) -> str:
        long = any(len(column.show(row)) > LONG_TEXT for row in rows)
        return "r" if column.numeric else "p{5cm}" if long else "l"

    return "".join(map(letter, table.columns))


def _caption(table: TableBlock) -> str:
    return rf"\caption{{{escape(table.caption)}}}\label{{tab:{table.name.replace('_', '-')}}}"


def _head(table: TableBlock) -> str:
    return _row(escape(column.title) for column in table.columns)


def _rows(table: TableBlock, bold: Container[tuple[int, str]]) -> list[str]:
    return [
        _row(
            rf"\textbf{{\boldmath {escape(column.show(row))}}}"
            if (number, column.key) in bold
            else escape(column.show(row))
            for column in table.columns
        )
        for number, row in enumerate(table.rows())
    ]


def _row(cells: Iterable[str]) -> str:
    line = " & ".join(cells)
    # Behind the end of a row a star or a bracket would be an argument of it.
    return ("{}" if line.startswith(("*", "[")) else "") + line + r" \\"


def escape(text: str) -> str:
    """Return text that LaTeX sets as it is, in one line."""
    return " ".join(text.split()).translate(_SPECIAL)
