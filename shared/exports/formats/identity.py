"""Ids of conversations and messages: the export's own where usable, else one made from content."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

from shared.domain.text import repair
from shared.exports.conversation import Turn

MAX_ID_CHARS = 200
"""Longest id. Vendors' ids are UUIDs; a longer one is no id but an attack or a mistake."""
PLAIN_CHARS = 64
"""Longest id taken as it is: an event bears it with each message, and a reading keeps it in mind."""
_LOOKED = 10 * MAX_ID_CHARS


def identifier(value: object) -> str | None:
    """`value` as an id that every store accepts, or None where it is none. A long one, or one that holds what
    takes more room than it shows, is digested."""
    if type(value) is int:
        value = str(value) if abs(value) < 10**MAX_ID_CHARS else None
    if type(value) is not str:
        return None
    if len(value) > _LOOKED:
        return None
    text = repair(value).strip()
    if not 0 < len(text) <= MAX_ID_CHARS:
        return None
    if len(text) <= PLAIN_CHARS and text.isascii() and text.isprintable():
        return text
    return f"id-{blake2b(text.encode(), digest_size=16).hexdigest()}"


def content_id(title: str, turns: Iterable[Turn]) -> str:
    """An id for a conversation that has none: equal for equal title and turns, in every export."""
    digest = blake2b(digest_size=16)
    for part in (title, *(f"{turn.role}\0{turn.text}" for turn in turns)):
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return f"content-{digest.hexdigest()}"
