"""Open WebUI's export: a list of `{id, title, chat}`, the messages by id in `chat.history.messages`.

`chat.history.currentId` is the visible leaf. A chat may also stand without the object around it. An
answer holds its reasoning, tool calls and code runs as `<details type="...">` inside its text; they are
cut out, also where they are not closed.
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

_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant"}
_DETAILS = re.compile(r"</?details\b[^<>]*(?:>|\Z)", re.IGNORECASE)
_NO_SPEECH = re.compile(r"\btype\s*=\s*[\"']?(?:reasoning|tool_calls|code_interpreter)\b", re.IGNORECASE)
_THINK = re.compile(r"<(think|thinking)>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)


class OpenWebUI:
    """See the module."""

    name = "open-webui"

    def detects(self, head: Head) -> bool:
        """True if a `chat` with its history stands in one of the first objects."""
        for item in candidates(head):
            chat = item.get("chat")
            if isinstance(chat, dict) and ("history" in chat or isinstance(chat.get("messages"), list)):
                return True
            if _is_bare(item):
                return True
        return False

    def read(self, stream: BinaryIO, member: str, limits: ReadLimits) -> Iterator[Parsed]:
        """See `Format.read`."""
        return read_conversations(
            stream, member, limits, PREFIXES, lambda raw, place: parse(raw, place, limits.messages)
        )


def parse(raw: object, place: str = "conversation", max_messages: int = ReadLimits().messages) -> Parsed:
    """One conversation of the export; `place` names it in a rejection where it has no id. Never raises."""
    if not isinstance(raw, dict):
        return Rejected(place, "it is not an object")
    chat = raw if _is_bare(raw) else raw.get("chat")
    conversation_id = id_of(raw.get("id"))
    if not isinstance(chat, dict):
        return Rejected(conversation_id or place, "it has no chat")
    conversation_id = conversation_id or id_of(chat.get("id"))
    history = chat.get("history")
    found = _messages(history, chat)
    if found is None:
        return Rejected(conversation_id or place, "it has no messages (chat.history.messages)")
    ids, messages = found
    if len(messages) > max_messages:
        return Rejected(conversation_id or place, too_many(len(messages), max_messages))
    times = [parse_time(message.get("timestamp")) for message in messages]
    linked = any("parentId" in message for message in messages)
    parents = [id_of(message.get("parentId")) for message in messages]
    leaf = id_of(history.get("currentId")) if linked and isinstance(history, dict) else ""
    path = visible_path(ids, parents, times, leaf=leaf)
    turns = TurnCollector()
    for i in path:
        role = _role(messages[i])
        if role:
            text = _text(messages[i].get("content"))
            if role == "assistant":
                text = without_reasoning(text)
            turns.add(ids[i], role, text, times[i], messages[i])
        elif messages[i].get("role") not in ("system", "tool"):
            turns.miss(messages[i])
    apart = stranded(ids, parents, path)
    turns.strand(sum(_role(messages[i]) == "user" for i in apart))
    return turns.conversation(
        conversation_id,
        title_of(raw.get("title")) or title_of(chat.get("title")),
        parse_time(raw.get("created_at")) or parse_time(chat.get("timestamp")),
        parse_time(raw.get("updated_at")),
        account_of(OpenWebUI.name, raw, "user_id"),
    )


def _is_bare(item: dict[str, Any]) -> bool:
    """Whether `item` is a chat without the object that holds it in a whole export."""
    history = item.get("history")
    by_id = history.get("messages") if isinstance(history, dict) else None
    return isinstance(history, dict) and isinstance(by_id, dict) and "currentId" in history


def _role(message: dict[str, Any]) -> Role | None:
    name = message.get("role")
    return _ROLES.get(name) if isinstance(name, str) else None


def _messages(history: object, chat: dict[str, Any]) -> tuple[list[str], list[dict[str, Any]]] | None:
    """Ids and messages in file order; the linear list of old versions where there is no history."""
    by_id = history.get("messages") if isinstance(history, dict) else None
    if isinstance(by_id, dict) and (by_id or not chat.get("messages")):
        pairs = [(key, message) for key, message in by_id.items() if isinstance(message, dict)]
        return [id_of(key) for key, _ in pairs], [message for _, message in pairs]
    listed = by_id if isinstance(by_id, list) else chat.get("messages")
    if not isinstance(listed, list):
        return None
    messages = objects_of(listed)
    return [id_of(message.get("id")) for message in messages], messages


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    parts = [part.get("text") for part in objects_of(content) if part.get("type") == "text"]
    return "\n\n".join(part for part in parts if isinstance(part, str))


def without_reasoning(text: str) -> str:
    """`text` without what its model thought and what its tools returned."""
    if "<" not in text:
        return text
    kept = []
    at = depth = 0
    for tag in _DETAILS.finditer(text):
        closing = tag[0].startswith("</")
        if depth:
            depth += -1 if closing else 1
            if depth == 0:
                at = tag.end()
        elif not closing and _NO_SPEECH.search(tag[0]):
            kept.append(text[at : tag.start()])
            depth = 1
    if not depth:
        kept.append(text[at:])
    return _THINK.sub("", "".join(kept)).strip()
