"""Perplexity: `{conversations: [{context_title, created_at, entries: [{query, answer, created_at}]}]}`.

An entry is a question and its answer. A conversation's id is `context_uuid`, where the file has one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from shared.exports.conversation import Parsed, ReadLimits, Rejected
from shared.exports.formats.base import Head
from shared.exports.formats.fields import id_of, objects_of, title_of, too_many
from shared.exports.formats.lists import PREFIXES, candidates
from shared.exports.formats.times import parse_time
from shared.exports.formats.turns import TurnCollector, digest_of
from shared.exports.json.stream import read_conversations

_IDS = ("context_uuid", "uuid", "id")


class Perplexity:
    """See the module."""

    name = "perplexity"

    def detects(self, head: Head) -> bool:
        """True for conversations whose entries hold queries."""
        return any(_is_conversation(item) for item in candidates(head))

    def read(self, stream: BinaryIO, member: str, limits: ReadLimits) -> Iterator[Parsed]:
        """See `Format.read`."""
        return read_conversations(
            stream, member, limits, PREFIXES, lambda raw, place: parse(raw, place, limits.messages)
        )


def _is_conversation(item: dict[str, Any]) -> bool:
    entries = item.get("entries")
    if not isinstance(entries, list):
        return False
    return "context_title" in item or any(
        "query" in each and "answer" in each for each in objects_of(entries)
    )


def parse(raw: object, place: str = "conversation", max_messages: int = ReadLimits().messages) -> Parsed:
    """One conversation; `place` names it in a rejection where it has no id. Never raises."""
    if not isinstance(raw, dict):
        return Rejected(place, "it is not an object")
    conversation_id = next(filter(None, (id_of(raw.get(key)) for key in _IDS)), "")
    entries = raw.get("entries")
    if not isinstance(entries, list):
        return Rejected(conversation_id or place, "it has no list of questions (entries)")
    if 2 * len(entries) > max_messages:
        return Rejected(conversation_id or place, too_many(2 * len(entries), max_messages))
    title = title_of(raw.get("context_title")) or title_of(raw.get("title"))
    turns = TurnCollector()
    for entry in objects_of(entries):
        time = parse_time(entry.get("created_at"))
        query, answer = entry.get("query"), entry.get("answer")
        asked = {key: value for key, value in entry.items() if key != "answer"}
        own_id = id_of(entry.get("uuid"))
        turns.add(
            f"{own_id}-query" if own_id else "", "user", query if isinstance(query, str) else "", time, asked
        )
        if isinstance(answer, str):
            turns.add(f"{own_id}-answer" if own_id else "", "assistant", answer, time)
    created = raw.get("created_at")
    if not conversation_id and isinstance(created, str) and turns.turns:
        conversation_id = digest_of("perplexity", created, turns.turns[0].text)
    return turns.conversation(conversation_id, title, parse_time(created), parse_time(raw.get("updated_at")))
