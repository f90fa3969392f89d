"""What the model reads: the person's words whole, the assistant's abridged; its size and its hash."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import NamedTuple
from zlib import crc32

from services.chunker.packing import CONVERSATION_GAP
from services.chunker.passages import cut
from shared.domain.text import BYTES_PER_TOKEN, abridge, estimate_tokens, text_size
from shared.exports.conversation import Conversation, Role
from shared.exports.instructions import INSTRUCTIONS_ID

HEADER_TOKENS = 16
"""What a conversation's header (title's frame, date) adds to a chunk, besides the title's own tokens."""
MESSAGE_TOKENS = 6
"""What the frame of a message (role, short id) adds to a chunk."""


MessageCut = tuple[str, str, Role, str, float | None, bool, int, bool]
"""The fields of shared.domain.events.Message in their order, its time in Unix seconds."""


class Span(NamedTuple):
    """Consecutive messages of one conversation, the item that packing moves about."""

    conversation: Conversation
    messages: list[MessageCut]
    lines: list[str]
    """What `content_hash` digests: all that the model reads of them. Fields are delimited by lengths, so that
    no text can pass for another split of itself."""


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
    opening = f"{conversation_id!r} {conversation.title!r} {conversation.created_at}"
    messages: list[MessageCut] = []
    lines = [opening]
    tokens: list[int] = []
    for turn, size in zip(conversation.turns, sizes, strict=True):
        key, role, text, seconds = turn.id, turn.role, turn.text, turn.created_at
        abridged = role == "assistant" and len(text) > context_chars
        if abridged:
            text = abridge(text, context_chars)
            size = text_size(text)
        for part, piece in enumerate((text,) if size <= room * BYTES_PER_TOKEN else cut(text, room)):
            messages.append((key, conversation_id, role, piece, seconds, abridged, part, standing))
            lines += f"{key!r} {role} {part} {seconds} {len(piece)}", piece
            own = size if piece is text else text_size(piece)
            tokens.append(MESSAGE_TOKENS - (-own // BYTES_PER_TOKEN))
    total = header + sum(tokens)
    gap = CONVERSATION_GAP + crc32(conversation_id.encode("utf-8", "surrogatepass"))
    if total <= limit:
        yield Span(conversation, messages, lines), total, gap
        return
    for place, (message, count) in enumerate(zip(messages, tokens, strict=True)):
        own_lines = [opening, *lines[1 + 2 * place : 3 + 2 * place]]
        yield Span(conversation, [message], own_lines), header + count, gap
        header = 0
        gap = crc32(f"{message[0]}\0{message[6]}".encode("utf-8", "surrogatepass"))


def content_hash(spans: Iterable[Span]) -> str:
    """Hex digest of all that the model reads of `spans`."""
    lines: list[str] = []
    for span in spans:
        lines += span.lines
    return blake2b("\n".join(lines).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
