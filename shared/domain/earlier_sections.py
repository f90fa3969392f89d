"""Sections as they were before they had fields: Markdown, in events on the log and in rows."""

from __future__ import annotations

import re
from collections.abc import Iterator

_ITEM = re.compile(r"^\s*- +")
_REFERENCE = re.compile(r" \[f:([0-9a-f]{8})\]")
_REFERENCE_CHARS = len(" [f:01234567]")
_ESCAPED = re.compile(r"\\([^A-Za-z0-9\s])")


def lines_of(markdown: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What a section said, item by item, and the short ids of the facts that each rests on. Of a text without
    items it is every line that is no heading."""
    lines = markdown.splitlines()
    items = [line for line in lines if _ITEM.match(line)]
    for line in items or [line for line in lines if not line.startswith("#")]:
        text = _ITEM.sub("", line).strip()
        end = len(text)
        facts: list[str] = []
        while end >= _REFERENCE_CHARS and (found := _REFERENCE.match(text, end - _REFERENCE_CHARS, end)):
            facts.append(found[1])
            end -= _REFERENCE_CHARS
        yield _ESCAPED.sub(r"\1", text[:end]), tuple(reversed(facts))
