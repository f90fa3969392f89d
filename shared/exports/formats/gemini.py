"""Gemini's Takeout as JSON: an activity log whose rows are exchanges (see `takeout.py`).

A row has `header` (the product), `title` (the prompt behind a prefix), `time`, `safeHtmlItem[].html` (the
answer) and is unsorted. Rows of other products and rows that are no exchange are no conversations: they are
passed over, and counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from shared.domain.text import repair
from shared.exports.conversation import Parsed, ReadLimits, Rejected
from shared.exports.formats.base import Head
from shared.exports.formats.fields import objects_of
from shared.exports.formats.lists import PREFIXES, candidates
from shared.exports.formats.markup import text_of_html
from shared.exports.formats.takeout import (
    OTHER_PRODUCT,
    UNKNOWN,
    exchange,
    is_product,
    passed_over,
    prompt_of,
)
from shared.exports.formats.times import parse_time
from shared.exports.json.stream import read_conversations

_HEADER_IN_TEXT = re.compile(r'"header"\s*:\s*"([^"]{0,100})"')


class Gemini:
    """See the module."""

    name = "gemini"

    def detects(self, head: Head) -> bool:
        """True for an activity log with rows of Gemini near its beginning, among whichever others."""
        rows = list(candidates(head))
        if not any("title" in row and ("header" in row or "products" in row) for row in rows):
            return False
        return any(_is_ours(row) for row in rows) or any(map(is_product, _HEADER_IN_TEXT.findall(head.text)))

    def read(self, stream: BinaryIO, member: str, limits: ReadLimits) -> Iterator[Parsed]:
        """See `Format.read`."""
        return read_conversations(stream, member, limits, PREFIXES, parse)


def parse(raw: object, place: str = "row") -> Parsed:
    """The conversation of one row, or what the row is instead; `place` names one that cannot be read.
    Never raises."""
    if not isinstance(raw, dict):
        return Rejected(place, "it is not an object")
    if not _is_ours(raw):
        return OTHER_PRODUCT
    title = raw.get("title")
    if not isinstance(title, str):
        return UNKNOWN
    answer = _answer(raw.get("safeHtmlItem"))
    title = repair(title)
    prompt = prompt_of(title, bool(answer))
    if prompt is None:
        return passed_over(title)
    time = raw.get("time")
    return exchange(prompt, answer, parse_time(time), time if isinstance(time, str) else "")


def _is_ours(row: dict[str, Any]) -> bool:
    header = row.get("header")
    if isinstance(header, str) and header:
        return is_product(header)
    products = row.get("products")
    return isinstance(products, list) and any(isinstance(name, str) and is_product(name) for name in products)


def _answer(items: object) -> str:
    if isinstance(items, dict):
        items = [items]
    pages = [html for item in objects_of(items) if isinstance(html := item.get("html"), str)]
    return "\n\n".join(text for html in pages if (text := text_of_html(repair(html))))
