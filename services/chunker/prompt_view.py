"""What the model reads: the person's words whole, the assistant's abridged; its size and its hash."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import TypedDict
from zlib import crc32

from services.chunker.instructions import INSTRUCTIONS_ID
from services.chunker.packing import CONVERSATION_GAP
from services.chunker.passages import cut
from shared.domain.text import BYTES_PER_TOKEN, abridge, estimate_tokens, text_size
from shared.exports.conversation import Conversation

HEADER_TOKENS = 16
"""What a conversation's header (title's frame, date) adds to a chunk, besides the title's own tokens."""
MESSAGE_TOKENS = 6
"""What the frame of a message (role, short id) adds to a chunk."""


class ReadMessage(TypedDict):
    """The fields of `domain.events.Message`, before validation: plain, as there are millions of them."""

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


def spans_of(
    conversation: Conversation, sizes: Sequence[int], limit: int, context_chars: int
) -> Iterator[tuple[Span, int, int]]:
    """The conversation as (span, tokens, gap priority): one span if it fits `limit`, else one a message.

    `sizes` are the UTF-8 bytes of its turns. No message is cut unless it alone is larger than a chunk;
    then its parts follow one another.
    """
    conversation_id = conversation.id
    standing = conversation_id == INSTRUCTIONS_ID
    header = HEADER_TOKENS + estimate_tokens(conversation.title)
    room = max(1, limit - header - MESSAGE_TOKENS)
    messages: list[ReadMessage] = []
    tokens: list[int] = []
    for turn, size in zip(conversation.turns, sizes, strict=True):
        text = turn.text
        abridged = turn.role == "assistant" and len(text) > context_chars
        if abridged:
            text = abridge(text, context_chars)
            size = text_size(text)
        for part, piece in enumerate((text,) if size <= room * BYTES_PER_TOKEN else cut(text, room)):
            messages.append(
                {
                    "id": turn.id,
                    "conversation_id": conversation_id,
                    "role": turn.role,
                    "text": piece,
                    "created_at": turn.created_at,
                    "abridged": abridged,
                    "part": part,
                    "custom_instructions": standing,
                }
            )
            own = size if piece is text else text_size(piece)
            tokens.append(MESSAGE_TOKENS - (-own // BYTES_PER_TOKEN))
    total = header + sum(tokens)
    gap = CONVERSATION_GAP + crc32(conversation_id.encode("utf-8", "surrogatepass"))
    if total <= limit:
        yield (conversation, messages), total, gap
        return
    for message, count in zip(messages, tokens, strict=True):
        yield (conversation, [message]), header + count, gap
        header = 0
        gap = crc32(f"{message['id']}\0{message['part']}".encode("utf-8", "surrogatepass"))


def content_hash(spans: Iterable[Span]) -> str:
    """Hex digest of all that the model reads of `spans`. Fields are delimited by lengths, so that no text
    can pass for another split of itself."""
    lines: list[str] = []
    for conversation, messages in spans:
        lines.append(f"{conversation.id!r} {conversation.title!r} {conversation.created_at}")
        for message in messages:
            text = message["text"]
            lines.append(
                f"{message['id']!r} {message['role']} {message['part']} {message['created_at']} {len(text)}"
            )
            lines.append(text)
    return blake2b("\n".join(lines).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
