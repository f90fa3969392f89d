"""What the tests of every export format share: reading a file, and what must hold for any input."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

from hypothesis import strategies as st

from shared.domain.text import repair
from shared.exports.conversation import (
    Conversation,
    LeftOut,
    Parsed,
    PassedOver,
    ReadLimits,
    Rejected,
)
from shared.exports.export import Export
from shared.exports.formats.base import Format
from shared.exports.formats.head import read_head
from shared.exports.formats.registry import FORMATS, detect

LIMITS = ReadLimits()


def read(export_format: Format, data: object, limits: ReadLimits = LIMITS) -> list[Parsed]:
    """What the format yields for `data`, written as JSON (bytes as they are), less what it passes over and
    what it says of sizes."""
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    parsed = export_format.read(io.BytesIO(raw), "member", limits)
    return [item for item in parsed if not isinstance(item, PassedOver)]


def all_of(export: Export) -> list[Conversation | Rejected | LeftOut]:
    """All conversations of an export, read, refused or left out."""
    return [item for item in export.conversations() if not isinstance(item, PassedOver)]


def conversations(export_format: Format, data: object) -> list[Conversation]:
    parsed = read(export_format, data)
    found = [item for item in parsed if isinstance(item, Conversation)]
    assert len(found) == len(parsed), parsed
    return found


def said(conversation: Parsed) -> list[tuple[str, str]]:
    """(role, text) of the turns."""
    assert isinstance(conversation, Conversation), conversation
    return [(turn.role, turn.text) for turn in conversation.turns]


def detected(data: object) -> Format | None:
    """The one format that detects `data`; fails if several do."""
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    head = read_head(io.BytesIO(raw))
    finders = [known for known in FORMATS if known.detects(head)]
    assert len(finders) <= 1, finders
    assert finders == ([detect(head)] if finders else [])
    return finders[0] if finders else None


def anything(*keys: str) -> st.SearchStrategy[object]:
    """Arbitrary JSON-like values whose objects often have the keys that a format looks for."""
    leaves = (
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(st.characters(blacklist_categories=()), max_size=12)
        | st.sampled_from(
            ["a", "b", "user", "human", "assistant", "text", "", "\x00", "\ud800", "9999-12-31"]
        )
    )
    key = st.sampled_from(keys) | st.text(max_size=3)
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(key, inner, max_size=6),
        max_leaves=40,
    )


def assert_sound(parsed: Parsed | None) -> None:
    """Whatever came in, what comes out keeps the promises of `conversation.py`."""
    if parsed is None:
        return
    if isinstance(parsed, PassedOver):
        assert parsed.what
        return
    assert parsed.id
    if isinstance(parsed, Rejected):
        assert parsed.reason
    if isinstance(parsed, Rejected | LeftOut):
        return
    assert parsed.id == repair(parsed.id)
    assert parsed.title == repair(parsed.title)
    assert parsed.title.split() == parsed.title.split(" ") or not parsed.title, "on one line"
    assert len({turn.id for turn in parsed.turns}) == len(parsed.turns)
    for turn in parsed.turns:
        assert turn.id
        assert turn.text.strip()
        assert "\x00" not in turn.text
        turn.text.encode()
        assert turn.created_at is None or 0 < turn.created_at < 5e9


def assert_deterministic(parse: Callable[[], Parsed | None]) -> None:
    assert parse() == parse()
