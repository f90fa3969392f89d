"""Google AI Studio: one file a chat, `{runSettings, systemInstruction, chunkedPrompt: {chunks,
pendingInputs}}`.

A chunk has a `role` (`user`, `model`) and `text`, or `parts` with it; a model's chunks with `isThought`
are no speech, nor is a file that a chunk only names. What waits in `pendingInputs` was never sent. The
file has no id and no title: its name is the chat's title.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from shared.exports.conversation import Parsed, ReadLimits, Rejected, Role
from shared.exports.formats.base import Head
from shared.exports.formats.fields import id_of, objects_of, title_of, too_many
from shared.exports.formats.lists import PREFIXES, candidates
from shared.exports.formats.times import parse_time
from shared.exports.formats.turns import TurnCollector, digest_of
from shared.exports.json.stream import read_conversations

_ROLES: dict[object, Role] = {"user": "user", "model": "assistant"}


class AIStudio:
    """See the module."""

    name = "ai-studio"

    def detects(self, head: Head) -> bool:
        """True for objects with `chunkedPrompt`."""
        return any(isinstance(item.get("chunkedPrompt"), dict) for item in candidates(head))

    def read(self, stream: BinaryIO, member: str, limits: ReadLimits) -> Iterator[Parsed]:
        """See `Format.read`."""
        name = member.rpartition("/")[2].removesuffix(".json")
        return read_conversations(
            stream, member, limits, PREFIXES, lambda raw, place: parse(raw, place, limits.messages, name)
        )


def parse(
    raw: object, place: str = "chat", max_messages: int = ReadLimits().messages, name: str = ""
) -> Parsed:
    """One chat; `place` names it in a rejection, `name` is its file's. Never raises."""
    if not isinstance(raw, dict):
        return Rejected(place, "it is not an object")
    prompt = raw.get("chunkedPrompt")
    listed = prompt.get("chunks") if isinstance(prompt, dict) else None
    if listed is None and isinstance(prompt, dict):
        listed = []
    if not isinstance(listed, list):
        return Rejected(place, "it has no list of messages (chunkedPrompt.chunks)")
    if len(listed) > max_messages:
        return Rejected(place, too_many(len(listed), max_messages))
    turns = TurnCollector()
    for chunk in objects_of(listed):
        named = chunk.get("role")
        role = _ROLES.get(named) if isinstance(named, str) else None
        if chunk.get("isThought") is True:
            continue
        if role:
            turns.add("", role, _text(chunk), parse_time(chunk.get("createTime")), chunk)
        elif named not in ("system", "tool", "function"):
            turns.miss(chunk)
    title = title_of(raw.get("title")) or title_of(name)
    return turns.conversation(id_of(raw.get("id")) or _id(name, turns), title, None, None)


def _text(chunk: dict[str, Any]) -> str:
    text = chunk.get("text")
    if isinstance(text, str) and text:
        return text
    parts = [each for each in objects_of(chunk.get("parts")) if each.get("thought") is not True]
    return "".join(part for each in parts if isinstance(part := each.get("text"), str))


def _id(name: str, turns: TurnCollector) -> str:
    """The same while the chat grows, if its first message bears a time; "" where only the content can tell it
    from another chat that begins alike."""
    first = turns.turns[0] if turns.turns else None
    if first is None or first.created_at is None:
        return ""
    return digest_of("ai-studio", name, str(first.created_at), first.text)
