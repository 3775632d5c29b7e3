"""Texts that show themselves line by line, on a prompt and in a notebook."""

from __future__ import annotations

from html import escape


class Lines(tuple[str, ...]):
    """Sentences; printed, one a line."""

    __slots__ = ()

    def __str__(self) -> str:
        return "\n".join(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in self)}</ul>"


class Names(dict[str, str]):
    """What can be asked for by name, with a line about each."""

    def __repr__(self) -> str:
        width = max(map(len, self), default=0)
        return "\n".join(f"{name:{width}}  {about}" for name, about in self.items())

    def _repr_html_(self) -> str:
        rows = (
            f"<tr><td><code>{escape(name)}</code></td><td>{escape(about)}</td></tr>" for name, about in self.items()
        )
        return f"<table>{''.join(rows)}</table>"
