"""Claude's export: `conversations.json`, a list of conversations with `chat_messages`.

A message's text is its `content` blocks of type `text` and `voice_note` (whose `text` or `transcript` is
what the person said); tool calls, tool results and thinking are no one's speech. Older files have only
`text`, and where blocks are of types that are not known, it is all there is, less the notices that stand
in it for blocks that cannot be shown. An attachment's `extracted_content` is a document that was pasted
or uploaded: nobody can tell whose words it holds, so it is left out and no fact can rest on it. Deleted
conversations remain as tombstones, which have a name and texts of "": they have no turns and count as
empty.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from shared.exports.conversation import Parsed, ReadLimits, Rejected, Role
from shared.exports.formats.accounts import account_of
from shared.exports.formats.base import Head
from shared.exports.formats.fields import id_of, objects_of, title_of, too_many
from shared.exports.formats.lists import PREFIXES, candidates
from shared.exports.formats.times import parse_time
from shared.exports.formats.tree import stranded, visible_path
from shared.exports.formats.turns import TurnCollector
from shared.exports.json.stream import read_conversations

_ROLES: dict[object, Role] = {"human": "user", "user": "user", "assistant": "assistant"}
_SPOKEN = ("text", "voice_note")
_NO_SPEECH = ("thinking", "redacted_thinking", "tool_use", "tool_result", "token_budget", "flag", "image")
_NOTICE = re.compile(r"(?:```\s*)?This block is not supported on your current device yet\.?(?:\s*```)?")


class Claude:
    """See the module."""

    name = "claude"

    def detects(self, head: Head) -> bool:
        """True for conversations; users, projects and memories, which lie beside them, have no messages."""
        return any(
            isinstance(item.get("chat_messages"), list) and "chat_session" not in item  # DeepSeek's has one
            for item in candidates(head)
        )

    def read(self, stream: BinaryIO, member: str, limits: ReadLimits) -> Iterator[Parsed]:
        """See `Format.read`."""
        return read_conversations(
            stream, member, limits, PREFIXES, lambda raw, place: parse(raw, place, limits.messages)
        )


def parse(raw: object, place: str = "conversation", max_messages: int = ReadLimits().messages) -> Parsed:
    """One conversation of the export; `place` names it in a rejection where it has no id. Never raises."""
    if not isinstance(raw, dict):
        return Rejected(place, "it is not an object")
    conversation_id = id_of(raw.get("uuid"))
    listed = raw.get("chat_messages", False)
    if listed is None:
        listed = []
    if not isinstance(listed, list):
        return Rejected(conversation_id or place, "it has no list of messages (chat_messages)")
    if len(listed) > max_messages:
        return Rejected(conversation_id or place, too_many(len(listed), max_messages))
    messages = objects_of(listed)
    ids = [id_of(message.get("uuid")) for message in messages]
    times = [parse_time(message.get("created_at")) for message in messages]
    # The root's parent is a fixed all-zero uuid, which is no message: it ends the path by itself.
    parents = [id_of(message.get("parent_message_uuid")) for message in messages]
    leaf = id_of(raw.get("current_leaf_message_uuid"))
    path = visible_path(ids, parents, times, leaf=leaf, unlinked_follow=True)
    turns = TurnCollector()
    for i in path:
        role = _role(messages[i])
        if role:
            turns.add(ids[i], role, _text(messages[i]), times[i], _unknown(messages[i]))
        elif messages[i].get("sender") not in ("system", "tool"):
            turns.miss(_unknown(messages[i]))
    apart = stranded(ids, parents, path, unlinked_follow=True)
    turns.strand(sum(_role(messages[i]) == "user" for i in apart))
    return turns.conversation(
        conversation_id,
        title_of(raw.get("name")),
        parse_time(raw.get("created_at")),
        parse_time(raw.get("updated_at")),
        account_of(Claude.name, raw.get("account"), "uuid"),
    )


def _role(message: dict[str, Any]) -> Role | None:
    sender = message.get("sender")
    return _ROLES.get(sender) if isinstance(sender, str) else None


def _text(message: dict[str, Any]) -> str:
    blocks = objects_of(message.get("content"))
    texts = [said for block in blocks if block.get("type") in _SPOKEN and (said := _said(block))]
    if texts:
        return "\n\n".join(texts)
    if _role(message) != "user" and any(block.get("type") in _NO_SPEECH for block in blocks):
        return ""
    text = message.get("text")
    return _NOTICE.sub("", text) if isinstance(text, str) else ""


def _said(block: dict[str, Any]) -> str:
    values = (block.get("text"), block.get("transcript"))
    return next((value for value in values if isinstance(value, str) and value.strip()), "")


def _unknown(message: dict[str, Any]) -> dict[str, Any]:
    """The message less the blocks that are known to be no one's speech."""
    blocks = [block for block in objects_of(message.get("content")) if block.get("type") not in _NO_SPEECH]
    text = message.get("text")
    return {**message, "content": blocks, "text": _NOTICE.sub("", text) if isinstance(text, str) else None}
