"""Taking texts apart, what no eye sees in them, and showing facts in a notebook."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from html import escape

from harness.errors import HarnessError

_CLOSES = {"(": ")", "[": "]", "{": "}"}
_HYPHENS = {ord(char): "-" for char in "\u2010\u2011\u2212"}  # hyphen, that which does not break, minus


def visible(text: str) -> str:
    """Return a text without what no eye tells apart: characters of no width, and other blanks and hyphens for the usual ones."""
    if not text.isascii():
        kinds = [(char, unicodedata.category(char)) for char in unicodedata.normalize("NFC", text).translate(_HYPHENS)]
        text = "".join(" " if kind == "Zs" else char for char, kind in kinds if kind != "Cf")
    return text.strip()


def facts_html(title: str, facts: Mapping[str, object]) -> str:
    """Return what a notebook shows of a thing: its title, and facts by name; those that are empty are left out."""
    rows = (
        f"<tr><th>{escape(name)}</th><td>{escape(str(fact))}</td></tr>" for name, fact in facts.items() if str(fact)
    )
    return f"<table><caption><b>{escape(title)}</b></caption>{''.join(rows)}</table>"


def split_outside(text: str, separator: str) -> list[str]:
    """Split a text at a character wherever that is not within brackets or quotes.

    A quotation mark behind a letter or digit, as in ``it's``, is an apostrophe.

    Raises
    ------
    HarnessError
        If a bracket or a quotation mark is not closed.
    """
    parts, start = [], 0
    waiting: list[str] = []  # what closes the brackets and the quotation that are open
    position = 0
    while position < len(text):
        character = text[position]
        quoted = bool(waiting) and waiting[-1] in "'\""
        if waiting and character == waiting[-1]:
            waiting.pop()
        elif quoted:
            position += character == "\\" and waiting[-1] == '"'  # the next one is meant as it is
        elif character in _CLOSES:
            waiting.append(_CLOSES[character])
        elif character in "'\"" and not text[max(0, position - 1) : position].isalnum():
            waiting.append(character)
        elif character == separator and not waiting:
            parts.append(text[start:position])
            start = position + 1
        position += 1
    if waiting:
        shown = text if len(text) <= 80 else f"{text[:77]}..."
        raise HarnessError(f"{waiting[-1]} is missing in {shown!r}")
    return [*parts, text[start:]]
