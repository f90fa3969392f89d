"""Untrusted text in Markdown: it stays one line of plain words, whatever it holds."""

from __future__ import annotations

import re
from uuid import UUID

from shared.domain.printable import seen

_BREAKS = re.compile(r"\s+")
_MARKS = re.compile(r"([\\`*\[\]<>~|])|(?<!\w)_|_(?!\w)")
_OPENING = re.compile(r"^(?:[#+=-]|\d{1,9}(?=[.)]))")
_WEB = re.compile(r"(?i)\b(www)\.")
SHOWN = 300
"""Characters shown of one statement; the fact itself keeps all of it."""


def visible(text: str) -> str:
    """`text` on one line, without what a reader does not see, and a model does."""
    line = _BREAKS.sub(" ", text)
    return _BREAKS.sub(" ", seen(line)).strip()


def plain(text: str, limit: int = SHOWN) -> str:
    """`text` on one line, unable to be a heading, list, link, image, code, table or HTML."""
    line = visible(text)
    if len(line) > limit:
        line = line[: limit - 1].rstrip() + "…"
    line = _MARKS.sub(lambda mark: "\\" + mark.group(), line)
    line = _WEB.sub(r"\1\.", line.replace("://", ":\\//"))
    opening = _OPENING.match(line)
    if opening is None:
        return line
    return f"\\{line}" if not line[0].isdigit() else f"{opening.group()}\\{line[opening.end() :]}"


def short_id(fact_id: UUID) -> str:
    """What a reference shows of a fact's id: its first eight digits."""
    return fact_id.hex[:8]


def reference(fact: UUID | str) -> str:
    """How a line names the fact it rests on, by its id or its short id: `[f:1a2b3c4d]`."""
    return f"[f:{fact if isinstance(fact, str) else short_id(fact)}]"
