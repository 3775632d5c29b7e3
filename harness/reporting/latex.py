r"""Tables as LaTeX, for ``\input`` into a paper; their first line names the packages that they need.

Letters beyond the Latin ones and those of our own columns, should a label have any, want XeLaTeX or LuaLaTeX.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

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


def render_latex(table: TableBlock) -> str:
    """Return one table: a float, or a longtable where it is long."""
    return "\n".join(_long(table) if len(table.frame) > LONG else _float(table)) + "\n"


def _float(table: TableBlock) -> Iterator[str]:
    yield r"% needs \usepackage{booktabs}"
    yield from (r"\begin{table}", r"\centering", _caption(table), rf"\begin{{tabular}}{{{_alignment(table)}}}")
    yield from (r"\toprule", _head(table), r"\midrule", *_rows(table), r"\bottomrule")
    yield from (r"\end{tabular}", r"\end{table}")


def _long(table: TableBlock) -> Iterator[str]:
    yield r"% needs \usepackage{booktabs,longtable}"
    yield from (rf"\begin{{longtable}}{{{_alignment(table)}}}", rf"{_caption(table)} \\")
    yield from (r"\toprule", _head(table), r"\midrule", r"\endfirsthead")
    yield from (r"\toprule", _head(table), r"\midrule", r"\endhead", r"\bottomrule", r"\endfoot")
    yield from (*_rows(table), r"\end{longtable}")


def _alignment(table: TableBlock) -> str:
    rows = table.rows()

    def letter(column: Column) -> str:
        long = any(len(column.show(row)) > LONG_TEXT for row in rows)
        return "r" if column.numeric else "p{5cm}" if long else "l"

    return "".join(map(letter, table.columns))


def _caption(table: TableBlock) -> str:
    return rf"\caption{{{escape(table.caption)}}}\label{{tab:{table.name.replace('_', '-')}}}"


def _head(table: TableBlock) -> str:
    return _row(column.title for column in table.columns)


def _rows(table: TableBlock) -> list[str]:
    return [_row(column.show(row) for column in table.columns) for row in table.rows()]


def _row(cells: Iterable[str]) -> str:
    line = " & ".join(map(escape, cells))
    # Behind the end of a row a star or a bracket would be an argument of it.
    return ("{}" if line.startswith(("*", "[")) else "") + line + r" \\"


def escape(text: str) -> str:
    """Return text that LaTeX sets as it is, in one line."""
    return " ".join(text.split()).translate(_SPECIAL)
