"""A quote in its context: where in the stored passages it stands, and the words around it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from shared.english.normalise import normalise

CONTEXT_CHARS = 300
"""Characters shown on each side of a quote."""
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""C0 and C1 controls, and the marks that turn the direction of text."""


def in_context(quote: str, passages: Sequence[str]) -> tuple[str, str, str]:
    """(before, quote, after) from the first passage that holds the quote, verbatim if it stands so.

    Where it only stands in another typography, the paragraph that holds it is shown whole as the quote;
    where it is gone, the quote alone.
    """
    for content in passages:
        start = content.find(quote)
        if start >= 0:
            end = start + len(quote)
            return _tail(content[:start]), quote, _head(content[end:])
    plain = normalise(quote)
    for content in passages:
        for paragraph in content.split("\n\n"):
            if plain in normalise(paragraph):
                return "", paragraph, ""
    return "", quote, ""


def printable(text: str) -> str:
    """`text` without control characters, which could command a terminal; line ends and tabs stay."""
    return _CONTROL.sub("\ufffd", text)


def on_one_line(text: str) -> str:
    """`text` within a line that says more: a title with line ends would be lines of its own."""
    return printable(" ".join(text.split()))


def _tail(text: str) -> str:
    return text if len(text) <= CONTEXT_CHARS else f"…{text[-CONTEXT_CHARS:]}"


def _head(text: str) -> str:
    return text if len(text) <= CONTEXT_CHARS else f"{text[:CONTEXT_CHARS]}…"
