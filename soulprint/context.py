"""A quote in its context: where in the stored passages it stands, and the words around it."""

from __future__ import annotations

from collections.abc import Sequence

from shared.english.normalise import normalise

CONTEXT_CHARS = 300
"""Characters shown on each side of a quote."""


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


def _tail(text: str) -> str:
    return text if len(text) <= CONTEXT_CHARS else f"…{text[-CONTEXT_CHARS:]}"


def _head(text: str) -> str:
    return text if len(text) <= CONTEXT_CHARS else f"{text[:CONTEXT_CHARS]}…"
