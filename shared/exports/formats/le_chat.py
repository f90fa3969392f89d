"""Mistral's Le Chat: `chat-<uuid>.json`, one file a chat, a list of its messages in no order.

A message names its chat (`chatId`), its `role` and its time (`createdAt`), by which the list is put in
order. Its text is `content`, and the same again in `contentChunks`, where tool calls and references stand
between. Of two messages with one id the higher `version` counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO, cast

from shared.domain.errors import BrokenExportError
from shared.exports.conversation import LARGE, LARGE_AHEAD, Conversation, Parsed, ReadLimits, Rejected, Role
from shared.exports.formats.base import Head
from shared.exports.formats.fields import id_of, objects_of, title_of, too_many
from shared.exports.formats.times import parse_time
from shared.exports.formats.turns import TurnCollector
from shared.exports.json.stream import stream_objects
from shared.exports.json.weight import held, too_heavy
from shared.exports.lost import told

PREFIXES = ("item", "")
_ROLES: dict[object, Role] = {"user": "user", "assistant": "assistant"}
_MARKS = ("contentChunks", "content")


class LeChat:
    """See the module."""

    name = "le-chat"

    def detects(self, head: Head) -> bool:
        """True for messages that name their chat, a role and a content."""
        return any(_is_message(item) for item in objects_of(head.objects))

    def read(self, stream: BinaryIO, member: str, limits: ReadLimits) -> Iterator[Parsed]:
        """See `Format.read`. Holds one file's messages: they are one chat, up to the caps on one."""
        counted = _Counted(stream)
        messages: list[dict[str, Any]] = []
        failure: BrokenExportError | None = None
        count = position = weight = 0
        is_told = False
        try:
            for raw in stream_objects(counted.as_binary(), member, limits, PREFIXES):
                if counted.size > LARGE and not is_told:
                    yield LARGE_AHEAD
                    is_told = True
                if raw is LARGE_AHEAD:
                    continue
                position += 1
                if isinstance(raw, Rejected):
                    yield raw
                elif isinstance(raw, dict):
                    count += 1
                    messages.append(raw)
                    weight += held(raw)
                    heavy = weight > limits.conversation_memory // 2
                    if heavy or count > limits.messages or counted.size > limits.conversation_bytes:
                        messages = []  # too large: counted to the end, not held
                else:
                    yield Rejected(f"{member}#{position}", "it is not an object")
        except BrokenExportError as error:
            failure = error
        if count > limits.messages:
            yield Rejected(member, too_many(count, limits.messages))
        elif counted.size > limits.conversation_bytes:
            yield Rejected(
                member, f"larger than {limits.conversation_bytes} bytes, the cap on one conversation"
            )
        elif weight > limits.conversation_memory // 2:
            yield Rejected(member, too_heavy(limits))
        else:
            yield from parse(messages)
        if failure is not None:
            raise failure


class _Counted:
    """A stream that knows how much of it was read."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.size = 0

    def as_binary(self) -> BinaryIO:
        """Itself, under the name that static typing knows binary streams by."""
        return cast(BinaryIO, self)

    def read(self, size: int = -1, /) -> bytes:
        """As a stream reads."""
        data = self._stream.read(size)
        self.size += len(data)
        return data


def parse(messages: list[dict[str, Any]]) -> Iterator[Conversation | Rejected]:
    """The chats of these messages, mostly one. Never raises."""
    chats: dict[str, list[dict[str, Any]]] = {}
    for message in messages:
        chats.setdefault(id_of(message.get("chatId")), []).append(message)
    for chat_id, own in chats.items():
        yield told(_chat(chat_id, own))


def _chat(chat_id: str, messages: list[dict[str, Any]]) -> Conversation:
    latest: dict[object, dict[str, Any]] = {}
    for number, message in enumerate(messages):
        key = id_of(message.get("id")) or number
        if key not in latest or _version(message) >= _version(latest[key]):
            latest[key] = message
    dated = [(parse_time(message.get("createdAt")), message) for message in latest.values()]
    dated.sort(key=lambda pair: (pair[0] is None, pair[0] or 0.0))
    turns = TurnCollector()
    for time, message in dated:
        named = message.get("role")
        role = _ROLES.get(named) if isinstance(named, str) else None
        if role:
            turns.add(id_of(message.get("id")), role, _text(message), time, message)
        elif named not in ("system", "tool"):
            turns.miss(message)
    first = next((turn.text for turn in turns.turns if turn.role == "user"), "")
    return turns.conversation(chat_id, title_of(first[:80]), None, None)


def _is_message(item: dict[str, Any]) -> bool:
    return isinstance(item.get("chatId"), str) and "role" in item and any(mark in item for mark in _MARKS)


def _version(message: dict[str, Any]) -> float:
    version = message.get("version")
    return version if isinstance(version, int | float) else 0


def _text(message: dict[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, str) and content.strip():
        return content
    chunks = [each for each in objects_of(message.get("contentChunks")) if each.get("type") == "text"]
    return "".join(text for each in chunks if isinstance(text := each.get("text"), str))
