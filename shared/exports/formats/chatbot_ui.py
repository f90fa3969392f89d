"""Chatbot UI and what was made of it: `{version, history: [{id, name, messages}], folders, prompts}`.

A message has a `role` and a `content`; neither an id nor a time. Version 1 was the list of `history` alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from shared.exports.conversation import Parsed, ReadLimits, Rejected, Role
from shared.exports.formats.base import Head
from shared.exports.formats.fields import id_of, objects_of, title_of, too_many
from shared.exports.formats.turns import TurnCollector
from shared.exports.json.stream import read_conversations

PREFIXES = ("item", "history.item")
_ROLES: dict[object, Role] = {"user": "user", "assistant": "assistant"}
_SIBLINGS = ("folders", "prompts", "version")


class ChatbotUI:
    """See the module."""

    name = "chatbot-ui"

    def detects(self, head: Head) -> bool:
        """True for a `history` beside folders or prompts, and for a list of what stands in one."""
        for item in objects_of(head.objects):
            history = item.get("history")
            if isinstance(history, list) and any(key in item for key in _SIBLINGS):
                return not history or any(map(_is_conversation, objects_of(history)))
        return head.container == "array" and any(map(_is_conversation, objects_of(head.objects)))

    def read(self, stream: BinaryIO, member: str, limits: ReadLimits) -> Iterator[Parsed]:
        """See `Format.read`."""
        return read_conversations(
            stream, member, limits, PREFIXES, lambda raw, place: parse(raw, place, limits.messages)
        )


def _is_conversation(item: dict[str, Any]) -> bool:
    messages = item.get("messages")
    if not isinstance(messages, list) or "name" not in item or "id" not in item:
        return False
    return all({"role", "content"} <= each.keys() for each in objects_of(messages))


def parse(raw: object, place: str = "conversation", max_messages: int = ReadLimits().messages) -> Parsed:
    """One conversation; `place` names it in a rejection where it has no id. Never raises."""
    if not isinstance(raw, dict):
        return Rejected(place, "it is not an object")
    conversation_id = id_of(raw.get("id"))
    messages = raw.get("messages")
    if not isinstance(messages, list):
        return Rejected(conversation_id or place, "it has no list of messages")
    if len(messages) > max_messages:
        return Rejected(conversation_id or place, too_many(len(messages), max_messages))
    turns = TurnCollector()
    for message in objects_of(messages):
        named, content = message.get("role"), message.get("content")
        role = _ROLES.get(named) if isinstance(named, str) else None
        if role:
            turns.add(id_of(message.get("id")), role, _text(content), None, message)
        elif named not in ("system", "tool", "function"):
            turns.miss(message)
    return turns.conversation(conversation_id, title_of(raw.get("name")), None, None)


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    parts = [each.get("text") for each in objects_of(content) if each.get("type") == "text"]
    return "\n\n".join(part for part in parts if isinstance(part, str))
