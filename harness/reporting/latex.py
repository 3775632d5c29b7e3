r"""Tables as LaTeX, for ``\input`` into a paper that loads booktabs, and longtable for the long ones."""

from __future__ import annotations

from collections.abc import Iterator

from harness.reporting.model import TableBlock

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
    }
)


def render_latex(table: TableBlock) -> str:
    """Return one table: a float, or a longtable where it is long."""
    return "\n".join(_lines(table)) + "\n"


def _lines(table: TableBlock) -> Iterator[str]:
    alignment = "".join("r" if column.numeric else "l" for column in table.columns)
    head = " & ".join(escape(column.title) for column in table.columns) + r" \\"
    caption = rf"\caption{{{escape(table.caption)}}}\label{{tab:{table.name.replace('_', '-')}}}"
    long = len(table.frame) > LONG
    yield r"% \usepackage{booktabs}" + (r" \usepackage{longtable}" if long else "")
    if long:
        yield from (
            rf"\begin{{longtable}}{{{alignment}}}",
            caption + r"\\",
            r"\toprule",
            head,
            r"\midrule",
            r"\endfirsthead",
        )
        yield from (r"\toprule", head, r"\midrule", r"\endhead", r"\bottomrule", r"\endfoot")
    else:
        yield from (
            r"\begin{table}",
            r"\centering",
            caption,
            rf"\begin{{tabular}}{{{alignment}}}",
            r"\toprule",
            head,
            r"\midrule",
        )
    for row in table.rows():
        cells = (escape(column.show(row)) for column in table.columns)
        # A minus sign, not a hyphen, where numbers are meant.
        yield (
            " & ".join(
                cell.replace("-", "$-$") if column.numeric else cell
                for column, cell in zip(table.columns, cells, strict=True)
            )
            + r" \\"
        )
    yield from ([r"\end{longtable}"] if long else [r"\bottomrule", r"\end{tabular}", r"\end{table}"])


def escape(text: str) -> str:
    """Return text that LaTeX sets as it is, in one line."""
    return " ".join(text.split()).translate(_SPECIAL)
