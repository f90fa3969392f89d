"""LibreChat's export: one conversation a file, `{conversationId, title, messages}`; also lists of them.

Three shapes: linear (`branches` false: the visible messages in order), recursive (`messagesTree` or
`messages` whose messages hold their `children`) and branches (all messages, linked by `parentMessageId`).
The root's parent is a fixed all-zero uuid.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from shared.exports.conversation import Parsed, ReadLimits, Rejected, Role
from shared.exports.formats.base import Head
from shared.exports.formats.fields import id_of, objects_of, title_of, too_many
from shared.exports.formats.lists import PREFIXES, candidates
from shared.exports.formats.times import parse_time
from shared.exports.formats.tree import stranded, visible_path
from shared.exports.formats.turns import TurnCollector
from shared.exports.json.stream import read_conversations

_LISTS = ("messagesTree", "messages")
_MARKS = ("messageId", "parentMessageId", "isCreatedByUser")
_THINKING = re.compile(r":::thinking\b.*?(?:\n:::|\Z)", re.DOTALL)


class LibreChat:
    """See the module."""

    name = "librechat"

    def detects(self, head: Head) -> bool:
        """True if one of the first objects is a conversation with messages of LibreChat's kind."""
        return any(_is_conversation(item) for item in candidates(head))

    def read(self, stream: BinaryIO, member: str, limits: ReadLimits) -> Iterator[Parsed]:
        """See `Format.read`."""
        return read_conversations(
            stream, member, limits, PREFIXES, lambda raw, place: parse(raw, place, limits.messages)
        )


def _is_conversation(item: dict[str, Any]) -> bool:
    messages = _listed(item)
    if messages is None or "conversationId" not in item:
        return False
    first = objects_of(messages[:3])
    return any(mark in message for message in first for mark in _MARKS) or (
        not messages and "exportAt" in item
    )


def _listed(item: dict[str, Any]) -> list[Any] | None:
    return next((value for key in _LISTS if isinstance(value := item.get(key), list)), None)


def parse(raw: object, place: str = "conversation", max_messages: int = ReadLimits().messages) -> Parsed:
    """One conversation of the export; `place` names it in a rejection where it has no id. Never raises."""
    if not isinstance(raw, dict):
        return Rejected(place, "it is not an object")
    conversation_id = id_of(raw.get("conversationId"))
    listed = _listed(raw)
    if listed is None:
        return Rejected(conversation_id or place, "it has no list of messages")
    messages, holders = _flattened(listed, max_messages + 1)
    if len(messages) > max_messages:
        return Rejected(conversation_id or place, too_many(len(messages), max_messages))
    ids = [id_of(message.get("messageId")) or id_of(message.get("_id")) for message in messages]
    times = [parse_time(message.get("createdAt")) for message in messages]
    turns = TurnCollector()
    path, apart = _path(raw, messages, holders, ids, times)
    for i in path:
        role = _role(messages[i])
        if role:
            turns.add(ids[i], role, _text(messages[i], role), times[i], messages[i])
        elif not messages[i].get("sender"):
            turns.miss({**messages[i], "children": None})
    turns.strand(sum(_role(messages[i]) == "user" for i in apart))
    return turns.conversation(
        conversation_id,
        title_of(raw.get("title")),
        parse_time(raw.get("createdAt")),
        parse_time(raw.get("updatedAt")),
    )


def _flattened(listed: list[Any], at_most: int) -> tuple[list[dict[str, Any]], list[int]]:
    """Messages with all their `children`, parents first, and for each the position of its holder or -1."""
    messages: list[dict[str, Any]] = []
    holders: list[int] = []
    waiting = [(message, -1) for message in reversed(objects_of(listed))]
    while waiting and len(messages) < at_most:
        message, holder = waiting.pop()
        waiting.extend((child, len(messages)) for child in reversed(objects_of(message.get("children"))))
        messages.append(message)
        holders.append(holder)
    return messages, holders


def _path(
    raw: dict[str, Any],
    messages: list[dict[str, Any]],
    holders: list[int],
    ids: list[str],
    times: list[float | None],
) -> tuple[Sequence[int], Sequence[int]]:
    """The visible messages, and those on no path that no edit explains."""
    if any(holder >= 0 for holder in holders):
        places = [str(i) for i in range(len(messages))]  # nesting says who answers whom, whatever the ids say
        return visible_path(places, [str(h) if h >= 0 else "root" for h in holders], times), ()
    if raw.get("branches") is False:
        return range(len(messages)), ()
    parents = [id_of(message.get("parentMessageId")) for message in messages]
    path = visible_path(ids, parents, times, unlinked_follow=True)
    return path, stranded(ids, parents, path, unlinked_follow=True)


def _role(message: dict[str, Any]) -> Role | None:
    by_user = message.get("isCreatedByUser")
    sender = message.get("sender")
    name = sender.casefold() if isinstance(sender, str) else ""
    if by_user is True or (by_user is not False and name in ("user", "human")):
        return "user"
    if name in ("system", "tool") or message.get("error") is True:
        return None  # an answer with `error` is a notice of the program, not of the assistant
    return "assistant" if by_user is False or name else None


def _text(message: dict[str, Any], role: Role) -> str:
    text = message.get("text")
    if not isinstance(text, str) or not text:
        parts = [_part(part) for part in objects_of(message.get("content")) if part.get("type") == "text"]
        text = "\n\n".join(part for part in parts if part)
    if role == "assistant" and ":::thinking" in text:
        text = _THINKING.sub("", text)
    return text


def _part(part: dict[str, Any]) -> str:
    text = part.get("text")
    if isinstance(text, dict):
        text = text.get("value")
    return text if isinstance(text, str) else ""
