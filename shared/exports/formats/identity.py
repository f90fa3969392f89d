"""Ids of conversations and messages: the export's own where usable, else one made from content."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

from shared.domain.text import repair, text_size
from shared.exports.conversation import Turn

MAX_ID_CHARS = 200
"""Longest id taken as it is, in bytes. Vendors' ids are UUIDs; a longer one is no id but an attack or a
mistake."""
_LOOKED = 10 * MAX_ID_CHARS


def identifier(value: object) -> str | None:
    """`value` as an id that every store accepts, or None where it is none."""
    if type(value) is int:
        value = str(value) if abs(value) < 10**MAX_ID_CHARS else None
    if type(value) is not str:
        return None
    if len(value) > _LOOKED:
        return None
    text = repair(value).strip()
    return text if 0 < text_size(text) <= MAX_ID_CHARS else None


def content_id(title: str, turns: Iterable[Turn]) -> str:
    """An id for a conversation that has none: equal for equal title and turns, in every export."""
    digest = blake2b(digest_size=16)
    for part in (title, *(f"{turn.role}\0{turn.text}" for turn in turns)):
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return f"content-{digest.hexdigest()}"
