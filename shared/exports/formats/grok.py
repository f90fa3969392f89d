"""Grok's export: `conversations[].conversation` with `responses[].response`; either wrapper may be
missing.

A message's id is `_id`, in some files `id` or `response_id`. `sender` is `human` for the person and
`ASSISTANT`, `assistant` or a model's name for Grok. Times are ISO strings or MongoDB's `{"$date":
{"$numberLong": "<milliseconds>"}}`. A first message has no `parent_response_id`, so of two such in a
linked conversation one is an edited first prompt: no line of unlinked messages is assumed.
`leaf_response_id` mostly names a message that the export lacks; it counts only where it names one that is
there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from shared.exports.conversation import Parsed, ReadLimits, Rejected, Role
from shared.exports.formats.accounts import account_of
from shared.exports.formats.base import Head
from shared.exports.formats.fields import id_of, objects_of, title_of, too_many
from shared.exports.formats.lists import PREFIXES
from shared.exports.formats.times import parse_time
from shared.exports.formats.tree import stranded, visible_path
from shared.exports.formats.turns import TurnCollector
from shared.exports.json.stream import read_conversations

_IDS = ("_id", "id", "response_id")
_NO_SPEECH = ("system", "tool")
_SIBLINGS = ("projects", "tasks", "media_posts")
"""Lists that stand beside `conversations` in the file."""
_CARDS = re.compile(
    r"<(grok:render|xai:tool_usage_card)\b[^<>]*/>|<(grok:render|xai:tool_usage_card)\b.*?(?:</\2>|\Z)",
    re.DOTALL,
)
"""Citation cards and tool calls inside an answer."""


class Grok:
    """See the module."""

    name = "grok"

    def detects(self, head: Head) -> bool:
        """True for Grok's conversations, and for its file without any."""
        for item in objects_of(head.objects):
            listed = item.get("conversations")
            if isinstance(listed, list):
                if any(_is_conversation(each) for each in objects_of(listed[:3])):
                    return True
                if not listed and any(isinstance(item.get(key), list) for key in _SIBLINGS):
                    return True
            elif _is_conversation(item):
                return True
        return False

    def read(self, stream: BinaryIO, member: str, limits: ReadLimits) -> Iterator[Parsed]:
        """See `Format.read`."""
        return read_conversations(
            stream, member, limits, PREFIXES, lambda raw, place: parse(raw, place, limits.messages)
        )


def _is_conversation(item: dict[str, Any]) -> bool:
    responses = item.get("responses")
    if not isinstance(responses, list):
        return False
    if isinstance(item.get("conversation"), dict):
        return True
    return any("sender" in _unwrapped(each, "response") for each in objects_of(responses[:3]))


def parse(raw: object, place: str = "conversation", max_messages: int = ReadLimits().messages) -> Parsed:
    """One conversation of the export; `place` names it in a rejection where it has no id. Never raises."""
    if not isinstance(raw, dict):
        return Rejected(place, "it is not an object")
    about = _unwrapped(raw, "conversation")
    conversation_id = id_of(about.get("id")) or id_of(about.get("conversation_id")) or id_of(about.get("_id"))
    listed = raw.get("responses")
    if not isinstance(listed, list):
        listed = about.get("responses")
    if not isinstance(listed, list):
        return Rejected(conversation_id or place, "it has no list of messages (responses)")
    if len(listed) > max_messages:
        return Rejected(conversation_id or place, too_many(len(listed), max_messages))
    messages = [_unwrapped(item, "response") for item in objects_of(listed)]
    ids = [next(filter(None, (id_of(message.get(key)) for key in _IDS)), "") for message in messages]
    times = [_time(message.get("create_time")) for message in messages]
    parents = [id_of(message.get("parent_response_id")) for message in messages]
    leaf = id_of(about.get("leaf_response_id")) if any(parents) else ""
    path = visible_path(ids, parents, times, leaf=leaf)
    turns = TurnCollector()
    for i in path:
        sender, text = messages[i].get("sender"), messages[i].get("message")
        role = _role(sender)
        if role:
            text = text if isinstance(text, str) else ""
            turns.add(ids[i], role, text if role == "user" else _without_cards(text), times[i], messages[i])
        elif not sender or not isinstance(sender, str):
            turns.miss(messages[i])
    apart = stranded(ids, parents, path)
    turns.strand(sum(_role(messages[i].get("sender")) == "user" for i in apart))
    return turns.conversation(
        conversation_id,
        title_of(about.get("title")),
        _time(about.get("create_time")),
        _time(about.get("modify_time")),
        account_of(Grok.name, about, "user_id"),
    )


def _unwrapped(item: dict[str, Any], key: str) -> dict[str, Any]:
    inner = item.get(key)
    return inner if isinstance(inner, dict) else item


def _role(sender: object) -> Role | None:
    if not isinstance(sender, str) or not sender:
        return None
    name = sender.casefold()
    if name in ("human", "user"):
        return "user"
    return None if name in _NO_SPEECH else "assistant"


def _time(value: object) -> float | None:
    """`parse_time` that also knows MongoDB's extended JSON."""
    if isinstance(value, dict):
        value = value.get("$date")
        if isinstance(value, dict):
            value = value.get("$numberLong")
    return parse_time(value)


def _without_cards(text: str) -> str:
    return _CARDS.sub("", text) if "<grok:" in text or "<xai:" in text else text
