"""What the model reads: the person's words whole, the assistant's abridged; its size and its hash."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import TypedDict
from zlib import crc32

from services.chunker.conversation import Conversation, Turn
from services.chunker.instructions import INSTRUCTIONS_ID
from services.chunker.packing import CONVERSATION_GAP
from services.chunker.passages import cut
from shared.text import BYTES_PER_TOKEN, abridge, estimate_tokens

HEADER_TOKENS = 16
"""What a conversation's header (title's frame, date) adds to a chunk, besides the title's own tokens."""
MESSAGE_TOKENS = 6
"""What the frame of a message (role, short id) adds to a chunk."""


class ReadMessage(TypedDict):
    """The fields of `shared.events.Message`, before validation: plain, as there are millions of them."""

    id: str
    conversation_id: str
    role: str
    text: str
    created_at: float | None
    abridged: bool
    part: int
    custom_instructions: bool


Span = tuple[Conversation, list[ReadMessage]]
"""Consecutive messages of one conversation, the item that packing moves about."""


def spans_of(conversation: Conversation, limit: int, context_chars: int) -> Iterator[tuple[Span, int, int]]:
    """The conversation as (span, tokens, gap priority): one span if it fits `limit`, else one a message.

    No message is cut unless it alone is larger than a chunk; then its parts follow one another.
    """
    header = HEADER_TOKENS + estimate_tokens(conversation.title)
    messages: list[ReadMessage] = []
    sizes: list[int] = []
    room = max(1, limit - header - MESSAGE_TOKENS)
    for turn in conversation.turns:
        for message, tokens in _read(turn, conversation.id, room, context_chars):
            messages.append(message)
            sizes.append(tokens)
    total = header + sum(sizes)
    gap = CONVERSATION_GAP + crc32(conversation.id.encode("utf-8", "surrogatepass"))
    if total <= limit:
        yield (conversation, messages), total, gap
        return
    for message, tokens in zip(messages, sizes, strict=True):
        yield (conversation, [message]), header + tokens, gap
        header = 0
        gap = crc32(f"{message['id']}\0{message['part']}".encode("utf-8", "surrogatepass"))


def _read(turn: Turn, conversation_id: str, room: int, context_chars: int) -> list[tuple[ReadMessage, int]]:
    text = turn.text
    abridged = turn.role == "assistant" and len(text) > context_chars
    if abridged:
        text = abridge(text, context_chars)
    size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    parts = [text] if size <= room * BYTES_PER_TOKEN else cut(text, room)
    standing = conversation_id == INSTRUCTIONS_ID
    return [
        (
            {
                "id": turn.id,
                "conversation_id": conversation_id,
                "role": turn.role,
                "text": part,
                "created_at": turn.created_at,
                "abridged": abridged,
                "part": number,
                "custom_instructions": standing,
            },
            MESSAGE_TOKENS + estimate_tokens(part),
        )
        for number, part in enumerate(parts)
    ]


def content_hash(spans: Iterable[Span]) -> str:
    """Hex digest of all that the model reads of `spans`. Fields are delimited by lengths, so that no text
    can pass for another split of itself."""
    digest = blake2b(digest_size=16)
    for conversation, messages in spans:
        lines = [f"{conversation.id!r} {conversation.title!r} {conversation.created_at}"]
        for message in messages:
            frame = f"{message['id']!r} {message['role']} {message['part']} {message['created_at']}"
            lines.append(f"{frame} {len(message['text'])}")
            lines.append(message["text"])
        digest.update("\n".join(lines).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
